/*
 * The EFI loader against a firmware of ours (efi_firmware.h): where the kernel goes, what is handed over, and that all is
 * given back when it ends with an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "efi/loader.h"

#include "efi_firmware.h"

#define STEP		0x200000u
#define KERNEL_PAGES	200u
#define FILE_BYTES	5000u

static struct efi_head head;
static uint8_t kernel_file[FILE_BYTES];

/* --- a machine -------------------------------------------------------------------------------------------------------- */

/* All free but for the first page and one in the middle; a kernel that may lie anywhere in steps of 2 MiB. */
static int set_up(void **state)
{
	(void)state;
	if (!memory) {
		/* Low, if it can be had: then some of it lies below 16 MiB. */
		uint8_t *there = mmap((void *)(uintptr_t)(8u << 20), PAGES * EFI_PAGE + STEP, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		assert_ptr_not_equal(there, MAP_FAILED);
		memory = there + (STEP - (uintptr_t)there % STEP) % STEP;
	}
	memset(type, EFI_CONVENTIONAL, sizeof(type));
	type[0] = type[PAGES / 2] = RESERVED;
	allocated = calls = fails_at = stale = said_bytes = 0;
	surprises = 1;
	wandering = 20;
	exiting = ended = file_open = false;
	key = 77;
	descriptor_bytes = DESCRIPTOR;
	said[0] = '\0';
	file_text = NULL;
	file_bytes = 0;
	loaded = (struct efi_loaded_image){ .device = &volume };
	root = file = (struct efi_file){ .open = open_file, .close = close_file, .read = read_file };
	firmware.table_count = 0;
	firmware.output = &console;
	head = (struct efi_head){
		.start = address(256), .end = address(256 + KERNEL_PAGES) - 8, .entry = address(256) + 0x30, .step = STEP,
		.limit = address(PAGES),
	};
	memcpy(head.magic, EFI_HEAD_MAGIC, sizeof(head.magic));
	for (size_t i = 0; i < FILE_BYTES; i++)
		kernel_file[i] = (uint8_t)(i * 7 + i / 256);
	return 0;
}

static efi_status boot(struct efi_start *start)
{
	const struct efi_kernel kernel = { .file = kernel_file, .bytes = FILE_BYTES };
	efi_status status;

	memcpy(kernel_file + EFI_HEAD_AT, &head, sizeof(head));
	status = efi_prepare(memory + 1, &firmware, &kernel, start);
	assert_false(file_open);
	if (status != EFI_SUCCESS) {
		assert_int_equal(allocated, 0);
		assert_true(said_bytes > 2 && !strcmp(said + said_bytes - 2, "\r\n"));
		assert_false(ended);
	}
	return status;
}

static struct efi_handover *good_boot(struct efi_start *start)
{
	assert_int_equal(boot(start), EFI_SUCCESS);
	assert_int_equal(start->handover->magic, EFI_HANDOVER_MAGIC);
	return start->handover;
}

/* The page the kernel went to. */
static size_t place_of(const struct efi_start *start)
{
	return (start->entry - (uintptr_t)memory) / EFI_PAGE;
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

/* What was handed over is the map as it is. */
static void assert_last_map(const struct efi_handover *h)
{
	size_t page = 0;

	assert_int_equal(h->descriptor_bytes, DESCRIPTOR);
	for (size_t at = 0; at < h->map_bytes; at += DESCRIPTOR) {
		struct efi_descriptor d;

		memcpy(&d, (const char *)(uintptr_t)h->map + at, sizeof(d));
		assert_int_equal(d.base, address(page));
		for (size_t i = 0; i < d.pages; i++)
			assert_int_equal(type[page++], d.type);
	}
	assert_int_equal(page, PAGES);
}

/* The kernel is where it may be, in memory that is its own; above what old devices need, if that can be. */
static void ordinary(void **state)
{
	struct efi_start start;
	struct efi_handover *h = good_boot(&start);
	size_t place = place_of(&start);

	(void)state;
	assert_true(h->released && ended);
	assert_string_equal(said, "");
	assert_int_equal((start.entry - head.entry) % STEP, 0);
	assert_memory_equal(memory + place * EFI_PAGE, kernel_file, FILE_BYTES);
	for (size_t i = 0; i < KERNEL_PAGES; i++)
		assert_int_equal(type[place + i], EFI_LOADER_CODE);
	assert_int_equal(type[place + KERNEL_PAGES], EFI_CONVENTIONAL);
	assert_int_equal(written_back, address(place));
	assert_int_equal(written_back_bytes, KERNEL_PAGES * EFI_PAGE);
	assert_true(start.entry >= 16u << 20);
	assert_last_map(h);
	assert_string_equal((const char *)(uintptr_t)h->command_line, "");
	assert_int_equal(h->rsdp | h->fdt, 0);
}

static void tables_by_worth(void **state)
{
	static const struct efi_guid acpi1 = EFI_ACPI10_TABLE, acpi2 = EFI_ACPI20_TABLE, tree = EFI_DEVICE_TREE;
	struct efi_start start;

	(void)state;
	tables[0] = (struct efi_table){ acpi1, memory + 100 };
	tables[1] = (struct efi_table){ tree, memory + 300 };
	tables[2] = (struct efi_table){ acpi2, memory + 200 };
	firmware.table_count = 3;
	assert_int_equal(good_boot(&start)->rsdp, address(0) + 200);
	assert_int_equal(start.handover->fdt, address(0) + 300);
	set_up(NULL);
	firmware.table_count = 2;
	assert_int_equal(good_boot(&start)->rsdp, address(0) + 100);
}

/* Firmware changes its map under our hands: a few times it is read again; for ever, and the kernel has to tell. */
static void stale_keys(void **state)
{
	struct efi_start start;

	(void)state;
	for (unsigned times = 0; times < 8; times++) {
		set_up(NULL);
		stale = times;
		assert_true(good_boot(&start)->released);
		assert_int_equal(stale, 0);
		assert_last_map(start.handover);
	}
	set_up(NULL);
	stale = UINT32_MAX;
	assert_false(good_boot(&start)->released);
	assert_false(ended);
}

/* The map grows beyond what was set aside for it; its descriptors are too short. */
static void map_out_of_bounds(void **state)
{
	struct efi_start start;

	(void)state;
	stale = 1;
	surprises = 100;
	assert_false(good_boot(&start)->released);
	set_up(NULL);
	descriptor_bytes = 39;
	assert_int_equal(boot(&start), EFI_LOAD_ERROR);
	set_up(NULL);
	descriptor_bytes = 0;
	assert_int_equal(boot(&start), EFI_LOAD_ERROR);
}

/* Every call in turn: a boot with less, or a sentence and everything given back. */
static void every_call_fails(void **state)
{
	struct efi_start start;
	unsigned refused = 0, n = 0;

	(void)state;
	do {
		set_up(NULL);
		file_text = "test=none";
		file_bytes = 9;
		fails_at = ++n;
		refused += boot(&start) != EFI_SUCCESS;
	} while (calls >= fails_at);
	/* Two maps, the hand-over, the last map; a place refused is looked for elsewhere, a command line can be missed. */
	assert_int_equal(refused, 4);
	assert_int_equal(n, 11);
}

static void places(void **state)
{
	struct efi_start start;

	(void)state;
	/* Without steps there is one place. */
	head.step = 0;
	good_boot(&start);
	assert_int_equal(start.entry, head.entry);
	set_up(NULL);
	head.step = 0;
	type[256 + KERNEL_PAGES - 1] = RESERVED;
	assert_int_equal(boot(&start), EFI_OUT_OF_RESOURCES);
	assert_non_null(strstr(said, "too little memory"));

	/* One page is taken in each step but one: there it goes, and not beyond the limit. */
	for (unsigned vacant = 0; vacant < 31; vacant++) {
		set_up(NULL);
		type[PAGES / 2] = EFI_CONVENTIONAL;
		for (unsigned i = 0; i < 32; i++)
			if (i != vacant)
				type[256 + i * (STEP / EFI_PAGE) + (i * 37) % KERNEL_PAGES] = RESERVED;
		assert_int_equal(boot(&start), EFI_SUCCESS);
		assert_int_equal(place_of(&start), 256 + vacant * (STEP / EFI_PAGE));
	}
	set_up(NULL);
	head.limit = address(256 + 4 * (STEP / EFI_PAGE) + KERNEL_PAGES) - 1;
	for (unsigned i = 0; i < 4; i++)
		type[256 + i * (STEP / EFI_PAGE)] = RESERVED;
	assert_int_equal(boot(&start), EFI_OUT_OF_RESOURCES);

	/* No memory at all. */
	set_up(NULL);
	memset(type, RESERVED, sizeof(type));
	assert_int_equal(boot(&start), EFI_OUT_OF_RESOURCES);
	assert_non_null(strstr(said, "too little memory"));
}

static void heads(void **state)
{
	struct efi_start start;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		set_up(NULL);
		switch (i) {
		case 0: head.magic[7] ^= 1; break;
		case 1: head.end = head.start; break;
		case 2: head.end = head.start + FILE_BYTES - 1; break;
		case 3: head.entry = head.end; break;
		case 4: head.entry = head.start - 1; break;
		case 5: head.start++; break;
		case 6: head.limit = head.end - 1; break;
		default: head.step++; break;
		}
		assert_int_equal(boot(&start), EFI_LOAD_ERROR);
		assert_non_null(strstr(said, "no kernel"));
		assert_int_equal(calls, 0);
	}
}

/* The command line of these load options, at an odd address. */
static const char *options(struct efi_start *start, const efi_char *text, size_t bytes)
{
	static uint8_t copy[65536];

	memcpy(copy + 1, text, bytes);
	loaded.options = copy + 1;
	loaded.options_bytes = (uint32_t)bytes;
	return (const char *)(uintptr_t)good_boot(start)->command_line;
}

static void load_options(void **state)
{
	static efi_char much[6000];
	struct efi_start start;

	(void)state;
	file_text = "from=file";
	file_bytes = strlen(file_text);
	assert_string_equal(options(&start, u"kernel.efi test=none\tmem=1G", 56), "kernel.efi test=none mem=1G");
	set_up(NULL);
	assert_string_equal(options(&start, u"no end", 12), "no end");
	set_up(NULL);
	assert_string_equal(options(&start, u"half", 7), "hal");
	set_up(NULL);
	assert_string_equal(options(&start, u"over\0behind", 22), "over");
	assert_string_equal(said, "");
	set_up(NULL);
	assert_string_equal(options(&start, u"b\u00e4d", 8), "");
	assert_non_null(strstr(said, "no text"));
	for (size_t i = 0; i < 6000; i++)
		much[i] = (efi_char)('a' + i % 26);
	set_up(NULL);
	assert_int_equal(strlen(options(&start, much, sizeof(much))), EFI_COMMAND_LINE - 1);
	assert_int_equal(((const char *)(uintptr_t)start.handover->command_line)[EFI_COMMAND_LINE - 2],
			 'a' + (EFI_COMMAND_LINE - 2) % 26);
}

static void command_file(void **state)
{
	static char much[6000];
	struct efi_start start;

	(void)state;
	file_text = "test=none\r\n\x80mem=1G\n";
	file_bytes = strlen(file_text);
	assert_string_equal(options(&start, u" \t", 6), "test=none   mem=1G ");
	/* Options that are no text are as none. */
	set_up(NULL);
	file_text = "a=b";
	file_bytes = 3;
	assert_string_equal(options(&start, u"\x01\x02", 4), "a=b");
	memset(much, 'x', sizeof(much));
	set_up(NULL);
	file_text = much;
	file_bytes = sizeof(much);
	assert_int_equal(strlen(options(&start, u"", 0)), EFI_COMMAND_LINE - 1);
	/* No volume. */
	set_up(NULL);
	loaded.device = NULL;
	assert_string_equal(options(&start, u"", 0), "");
}

/* A machine without a console is told nothing, and works. */
static void silence(void **state)
{
	struct efi_start start;

	(void)state;
	firmware.output = NULL;
	assert_string_equal(options(&start, u"\x01\x02", 4), "");
	efi_say(&firmware, "nobody hears this");
	firmware.output = &console;
	exiting = false;
	efi_say(&firmware, "a line that is longer by a few words than what goes to firmware at a time");
	assert_string_equal(said, "a line that is longer by a few words than what goes to firmware at a time\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ordinary, set_up),
		cmocka_unit_test_setup(tables_by_worth, set_up),
		cmocka_unit_test_setup(stale_keys, set_up),
		cmocka_unit_test_setup(map_out_of_bounds, set_up),
		cmocka_unit_test_setup(every_call_fails, set_up),
		cmocka_unit_test_setup(places, set_up),
		cmocka_unit_test_setup(heads, set_up),
		cmocka_unit_test_setup(load_options, set_up),
		cmocka_unit_test_setup(command_file, set_up),
		cmocka_unit_test_setup(silence, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
