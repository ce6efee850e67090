/*
 * From firmware to the kernel's first instruction.
 *
 * Two pieces of memory are asked for: one for the kernel, of type "loader code" because it is run where it lies, and one
 * for what is handed over. Both have to be below the limit that the kernel's head names, where its first page tables reach.
 * The kernel gets the lowest free place above the first 16 MiB, which old devices have to share, and a place in there only
 * if there is no other.
 *
 * The memory map comes last: any call may change it, and boot services end only for who knows the map as it is. Firmware may
 * change it itself meanwhile; then the map is read again and the call repeated, and by the specification nothing else may be
 * called any more, not even to print. That is why the kernel is left to tell if it never succeeds.
 */
#include "loader.h"

#include "base/base.h"

#define TRIES		8u
#define PLACES		8u
#define OLD_DEVICES	(16u << 20)
/* What the map may grow by between asking for its length and its end. */
#define SPARE		32u
#define COMMAND_LINE_AT	EFI_PAGE
#define MAP_AT		(EFI_PAGE + EFI_COMMAND_LINE)

struct piece {
	uint64_t at, pages;
};

struct road {
	void *image;
	struct efi_system *system;
	struct efi_boot_services *boot;
	struct efi_head head;
	struct piece kernel, data;
	struct efi_handover *handover;
	efi_uint map_room, map_key;
};

static uint64_t pages_of(uint64_t bytes)
{
	return (bytes + EFI_PAGE - 1) / EFI_PAGE;
}

static efi_status refuse(const struct road *r, efi_status status, const char *why)
{
	efi_say(r->system, why);
	return status;
}

/* --- the memory map --------------------------------------------------------------------------------------------------- */

static efi_status read_map(struct road *r)
{
	struct efi_handover *h = r->handover;
	efi_uint bytes = r->map_room, step = 0;
	uint32_t version;
	efi_status status = r->boot->get_memory_map(&bytes, (void *)(uintptr_t)h->map, &r->map_key, &step, &version);

	if (status != EFI_SUCCESS)
		return status;
	if (step < sizeof(struct efi_descriptor) || bytes > r->map_room)
		return EFI_LOAD_ERROR;
	h->map_bytes = bytes;
	h->descriptor_bytes = step;
	return EFI_SUCCESS;
}

/* The piece that is handed over: first page, command line, map. */
static efi_status make_handover(struct road *r)
{
	efi_uint bytes = 0, key, step = 0;
	uint32_t version;
	efi_status status = r->boot->get_memory_map(&bytes, NULL, &key, &step, &version);

	if (status != EFI_BUFFER_TOO_SMALL || step < sizeof(struct efi_descriptor))
		return refuse(r, EFI_LOAD_ERROR, "EFI: firmware does not say how long its memory map is");
	r->map_room = bytes + SPARE * step;
	r->data.at = r->head.limit - 1;
	r->data.pages = pages_of(MAP_AT + r->map_room);
	status = r->boot->allocate_pages(EFI_BELOW, EFI_LOADER_DATA, (efi_uint)r->data.pages, &r->data.at);
	if (status != EFI_SUCCESS) {
		r->data.pages = 0;
		return refuse(r, status, "EFI: too little memory: no room for the memory map");
	}
	r->handover = (void *)(uintptr_t)r->data.at;
	*r->handover = (struct efi_handover){
		.magic = EFI_HANDOVER_MAGIC, .map = r->data.at + MAP_AT, .command_line = r->data.at + COMMAND_LINE_AT,
	};
	return EFI_SUCCESS;
}

/* --- the kernel ------------------------------------------------------------------------------------------------------- */

static bool read_head(struct road *r, const struct efi_kernel *kernel)
{
	struct efi_head *head = &r->head;

	if (kernel->bytes < EFI_HEAD_AT + sizeof(*head))
		return false;
	memcpy(head, (const char *)kernel->file + EFI_HEAD_AT, sizeof(*head));
	return !memcmp(head->magic, EFI_HEAD_MAGIC, sizeof(head->magic)) && head->end <= head->limit &&
	       head->start < head->end && kernel->bytes <= head->end - head->start && head->entry >= head->start &&
	       head->entry < head->end && head->start % EFI_PAGE == 0 && head->step % EFI_PAGE == 0;
}

/* The lowest place the kernel may have at or above `from` in this descriptor's memory. False: there is none. */
static bool place_in(const struct road *r, const struct efi_descriptor *d, uint64_t from, uint64_t *place)
{
	uint64_t at = r->head.start, size = r->head.end - r->head.start, end;

	from = qi_max(from, d->base);
	if (d->type != EFI_CONVENTIONAL || d->pages > (UINT64_MAX - d->base) / EFI_PAGE)
		return false;
	end = qi_min(d->base + d->pages * EFI_PAGE, r->head.limit);
	if (from > at && r->head.step) {
		uint64_t steps = (from - at) / r->head.step + ((from - at) % r->head.step != 0);

		if (steps > (UINT64_MAX - at) / r->head.step)
			return false;
		at += steps * r->head.step;
	}
	*place = at;
	return at >= from && at < end && size <= end - at;
}

static bool lowest_place(const struct road *r, uint64_t from, uint64_t *place)
{
	const struct efi_handover *h = r->handover;
	uint64_t lowest = UINT64_MAX;

	for (uint64_t at = 0; h->map_bytes - at >= h->descriptor_bytes; at += h->descriptor_bytes) {
		struct efi_descriptor d;
		uint64_t found;

		memcpy(&d, (const char *)(uintptr_t)h->map + at, sizeof(d));
		if (place_in(r, &d, from, &found))
			lowest = qi_min(lowest, found);
	}
	*place = lowest;
	return lowest != UINT64_MAX;
}

/* Free memory in the map may still be refused; then the next place is tried. */
static efi_status put_kernel(struct road *r, const struct efi_kernel *kernel)
{
	uint64_t from = OLD_DEVICES, pages = pages_of(r->head.end - r->head.start), place, at;

	if (read_map(r) != EFI_SUCCESS)
		return refuse(r, EFI_LOAD_ERROR, "EFI: the memory map cannot be read");
	for (unsigned i = 0; i < PLACES; i++, from = place + EFI_PAGE) {
		if (!lowest_place(r, from, &place) && !lowest_place(r, 0, &place))
			break;
		at = place;
		if (r->boot->allocate_pages(EFI_AT, EFI_LOADER_CODE, (efi_uint)pages, &at) != EFI_SUCCESS)
			continue;
		r->kernel = (struct piece){ .at = place, .pages = pages };
		memcpy((void *)(uintptr_t)place, kernel->file, (size_t)kernel->bytes);
		efi_write_back(place, pages * EFI_PAGE);
		return EFI_SUCCESS;
	}
	return refuse(r, EFI_OUT_OF_RESOURCES, "EFI: too little memory: no free place for the kernel where it could run");
}

/* --- tables ----------------------------------------------------------------------------------------------------------- */

static uint64_t table(const struct efi_system *system, struct efi_guid guid)
{
	for (efi_uint i = 0; i < system->table_count; i++)
		if (!memcmp(&system->tables[i].guid, &guid, sizeof(guid)))
			return (uintptr_t)system->tables[i].table;
	return 0;
}

static void name_tables(const struct road *r)
{
	struct efi_handover *h = r->handover;

	h->rsdp = table(r->system, (struct efi_guid)EFI_ACPI20_TABLE);
	if (!h->rsdp)
		h->rsdp = table(r->system, (struct efi_guid)EFI_ACPI10_TABLE);
	h->fdt = table(r->system, (struct efi_guid)EFI_DEVICE_TREE);
}

/* --- the end of boot services ----------------------------------------------------------------------------------------- */

static efi_status leave(struct road *r)
{
	if (read_map(r) != EFI_SUCCESS)
		return refuse(r, EFI_LOAD_ERROR, "EFI: the memory map cannot be read");
	for (unsigned i = 0; i < TRIES; i++) {
		if (r->boot->exit_boot_services(r->image, r->map_key) == EFI_SUCCESS) {
			r->handover->released = 1;
			break;
		}
		if (read_map(r) != EFI_SUCCESS)
			break;
	}
	return EFI_SUCCESS;
}

static void give_back(struct road *r)
{
	if (r->kernel.pages)
		r->boot->free_pages(r->kernel.at, (efi_uint)r->kernel.pages);
	if (r->data.pages)
		r->boot->free_pages(r->data.at, (efi_uint)r->data.pages);
}

efi_status efi_prepare(void *image, struct efi_system *system, const struct efi_kernel *kernel, struct efi_start *start)
{
	struct road r = { .image = image, .system = system, .boot = system->boot };
	efi_status status;

	if (!read_head(&r, kernel))
		return refuse(&r, EFI_LOAD_ERROR, "EFI: there is no kernel in this file");
	status = make_handover(&r);
	if (status == EFI_SUCCESS)
		status = put_kernel(&r, kernel);
	if (status == EFI_SUCCESS) {
		efi_command_line(image, system, (char *)(uintptr_t)r.handover->command_line);
		name_tables(&r);
		status = leave(&r);
	}
	if (status != EFI_SUCCESS) {
		give_back(&r);
		return status;
	}
	start->entry = r.head.entry - r.head.start + r.kernel.at;
	start->handover = r.handover;
	return EFI_SUCCESS;
}
