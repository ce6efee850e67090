/*
 * A firmware to test the EFI loader with. It has 64 MiB of memory in pages of known types, hands out what is free, fails the
 * call it is told to, and watches: once the end of boot services was asked for, nothing but the memory map may be.
 */
#ifndef EFI_FIRMWARE_H
#define EFI_FIRMWARE_H

#define PAGES		16384u
#define DESCRIPTOR	48u		/* longer than we know it */
#define RESERVED	0u

/* Memory: physical addresses are ours; each page has a type. The key is another after each change. */
static uint8_t *memory;
static uint8_t type[PAGES];
static unsigned allocated;
static efi_uint key, descriptor_bytes;

/* Calls so far, and which of them fails; 0: none. Whether the end of boot services was asked for, and granted. */
static unsigned calls, fails_at;
static bool exiting, ended;
/* So many times the end is asked for with a key that is no longer right, because so many pages were taken from here on. */
static unsigned stale, surprises, wandering;

/* The console, and the one file on the volume; NULL: there is none. */
static char said[4096];
static unsigned said_bytes;
static const char *file_text;
static size_t file_bytes;
static bool file_open;

/* True: this call is to fail. */
static bool call(void)
{
	assert_false(exiting);
	return ++calls == fails_at;
}

static uint64_t address(size_t page)
{
	return (uintptr_t)memory + page * EFI_PAGE;
}

/* --- the architecture ------------------------------------------------------------------------------------------------- */

static uint64_t written_back, written_back_bytes;

void efi_write_back(uint64_t at, uint64_t bytes)
{
	written_back = at;
	written_back_bytes = bytes;
}

/* --- services --------------------------------------------------------------------------------------------------------- */

static bool take(size_t first, size_t pages, uint8_t what)
{
	for (size_t i = first; i < first + pages; i++)
		if (i >= PAGES || type[i] != EFI_CONVENTIONAL)
			return false;
	memset(type + first, what, pages);
	key++;
	return true;
}

static efi_status EFI_CALL allocate_pages(enum efi_allocate how, uint32_t what, efi_uint pages, uint64_t *at)
{
	size_t page = (*at - (uintptr_t)memory) / EFI_PAGE;

	if (call())
		return EFI_OUT_OF_RESOURCES;
	if (how == EFI_AT) {
		assert_int_equal(*at % EFI_PAGE, 0);
		if (!take(page, pages, (uint8_t)what))
			return EFI_NOT_FOUND;
	} else {
		assert_int_equal(how, EFI_BELOW);
		for (page = page + 1 - pages; page < PAGES && !take(page, pages, (uint8_t)what); page--)
			;
		if (page >= PAGES)
			return EFI_OUT_OF_RESOURCES;
		*at = address(page);
	}
	allocated += (unsigned)pages;
	return EFI_SUCCESS;
}

static efi_status EFI_CALL free_pages(uint64_t at, efi_uint pages)
{
	assert_false(exiting);
	memset(type + (at - (uintptr_t)memory) / EFI_PAGE, EFI_CONVENTIONAL, pages);
	allocated -= (unsigned)pages;
	key++;
	return EFI_SUCCESS;
}

static efi_status EFI_CALL get_memory_map(efi_uint *bytes, void *map, efi_uint *map_key, efi_uint *step,
					  uint32_t *version)
{
	static uint8_t list[PAGES * DESCRIPTOR];
	size_t count = 0;

	if (!exiting && call())
		return EFI_INVALID_PARAMETER;
	for (size_t i = 0, from = 0; i < PAGES; i++)
		if (i + 1 == PAGES || type[i + 1] != type[i]) {
			struct efi_descriptor d = { .type = type[i], .base = address(from), .pages = i + 1 - from };

			memset(list + count * DESCRIPTOR, 0xee, DESCRIPTOR);
			memcpy(list + count++ * DESCRIPTOR, &d, sizeof(d));
			from = i + 1;
		}
	*step = descriptor_bytes;
	*version = 1;
	if (*bytes < count * DESCRIPTOR) {
		*bytes = count * DESCRIPTOR;
		return EFI_BUFFER_TOO_SMALL;
	}
	memcpy(map, list, count * DESCRIPTOR);
	*bytes = count * DESCRIPTOR;
	*map_key = key;
	return EFI_SUCCESS;
}

/* Before the first `stale` calls something of the firmware's own takes some pages, here and there. */
static efi_status EFI_CALL exit_boot_services(void *image, efi_uint map_key)
{
	assert_ptr_equal(image, memory + 1);
	assert_false(ended);
	exiting = true;
	if (stale) {
		stale--;
		for (unsigned i = 0; i < surprises; i++, wandering += 2)
			assert_true(take(wandering, 1, RESERVED));
	}
	if (map_key != key)
		return EFI_INVALID_PARAMETER;
	ended = true;
	return EFI_SUCCESS;
}

static efi_status EFI_CALL output(struct efi_text_output *self, const efi_char *text)
{
	(void)self;
	assert_false(exiting);
	for (; *text; text++) {
		assert_true(said_bytes + 1 < sizeof(said));
		said[said_bytes++] = (char)*text;
		said[said_bytes] = '\0';
	}
	return EFI_SUCCESS;
}

static struct efi_file root, file;

static efi_status EFI_CALL open_file(struct efi_file *self, struct efi_file **opened, const efi_char *name, uint64_t mode,
				     uint64_t attributes)
{
	(void)attributes;
	assert_ptr_equal(self, &root);
	assert_memory_equal(name, u"\\cmdline.txt", 13 * sizeof(efi_char));
	assert_int_equal(mode, EFI_FILE_READ);
	if (call() || !file_text)
		return EFI_NOT_FOUND;
	file_open = true;
	*opened = &file;
	return EFI_SUCCESS;
}

static efi_status EFI_CALL read_file(struct efi_file *self, efi_uint *bytes, void *to)
{
	assert_ptr_equal(self, &file);
	if (call())
		return EFI_LOAD_ERROR;
	*bytes = *bytes < file_bytes ? *bytes : file_bytes;
	memcpy(to, file_text, *bytes);
	return EFI_SUCCESS;
}

static efi_status EFI_CALL close_file(struct efi_file *self)
{
	if (self == &file)
		file_open = false;
	return EFI_SUCCESS;
}

static efi_status EFI_CALL open_volume(struct efi_file_system *self, struct efi_file **opened)
{
	(void)self;
	if (call())
		return EFI_NOT_FOUND;
	*opened = &root;
	return EFI_SUCCESS;
}

static struct efi_file_system volume = { .open_volume = open_volume };
static struct efi_loaded_image loaded;
static struct efi_table tables[3];
static struct efi_text_output console = { .output = output };

static efi_status EFI_CALL handle_protocol(void *handle, const struct efi_guid *protocol, void **interface)
{
	static const struct efi_guid image = EFI_LOADED_IMAGE, files = EFI_FILE_SYSTEM;

	if (call())
		return EFI_NOT_FOUND;
	if (handle == memory + 1 && !memcmp(protocol, &image, sizeof(image)))
		*interface = &loaded;
	else if (handle == &volume && !memcmp(protocol, &files, sizeof(files)))
		*interface = &volume;
	else
		return EFI_NOT_FOUND;
	return EFI_SUCCESS;
}

static struct efi_boot_services services = {
	.allocate_pages = allocate_pages, .free_pages = free_pages, .get_memory_map = get_memory_map,
	.handle_protocol = handle_protocol, .exit_boot_services = exit_boot_services,
};
static struct efi_system firmware = { .output = &console, .boot = &services, .tables = tables };

#endif
