/* What a device tree takes out of memory, and what the boot loader left in /chosen. */
#include "fdt_reader.h"

static enum quire_reservation_kind kind_of(const struct qi_fdt *f, int node)
{
	if (qi_fdt_has(f, node, "no-map"))
		return QUIRE_RESERVE_NOMAP;
	if (qi_fdt_has(f, node, "reusable") && qi_fdt_lists(f, node, "compatible", "shared-dma-pool"))
		return QUIRE_RESERVE_CMA;
	return QUIRE_RESERVE_FIRMWARE;
}

static void copy_name(struct quire_reservation *r, const char *name)
{
	size_t i = 0;

	for (; name[i] && i < QUIRE_RESERVE_NAME_MAX - 1; i++)
		r->name[i] = name[i];
	r->name[i] = '\0';
}

/* Fixed places: every address and size in reg. */
static enum quire_status add_fixed(struct qi_fdt *f, int node, struct quire_reservation *r, const uint8_t *reg, size_t size)
{
	unsigned address_cells = f->levels[1].address_cells, cells = address_cells + f->levels[1].size_cells;
	enum quire_status status = QUIRE_OK;

	if (!cells || !size || size % (4 * cells)) {
		qi_note(f->log, QUIRE_LOG_ERROR, qi_fdt_offset(f, node),
			"%s: %zu bytes of reg are no list of address and size: ignored", r->name, size);
		return QUIRE_OK;
	}
	for (; size && status == QUIRE_OK; reg += 4 * cells, size -= 4 * cells) {
		if (!qi_fdt_number(reg, address_cells, &r->base) ||
		    !qi_fdt_number(reg + 4 * address_cells, cells - address_cells, &r->size) ||
		    (r->size && r->base + (r->size - 1) < r->base))
			qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
				"%s: a range beyond 64 bits is ignored", r->name);
		else if (r->size)
			status = quire_machine_add_reservation(f->m, r);
	}
	return status;
}

/* The first of alloc-ranges bounds the place; a reservation has room for one. */
static bool read_limits(struct qi_fdt *f, int node, struct quire_reservation *r)
{
	unsigned address_cells = f->levels[1].address_cells, cells = address_cells + f->levels[1].size_cells;
	size_t size;
	const uint8_t *ranges = qi_fdt_property(f, node, "alloc-ranges", &size);
	uint64_t length;

	if (!ranges)
		return true;
	if (size < 4 * cells || size % (4 * cells) || !qi_fdt_number(ranges, address_cells, &r->min) ||
	    !qi_fdt_number(ranges + 4 * address_cells, cells - address_cells, &length) || !qi_add(r->min, length, &r->max))
		return false;
	if (size > 4 * cells)
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
			"%s: only the first of %zu alloc-ranges is used", r->name, size / (4 * cells));
	return true;
}

/* A place is to be found: size, alignment and limits. */
static enum quire_status add_dynamic(struct qi_fdt *f, int node, struct quire_reservation *r)
{
	unsigned cells = f->levels[1].size_cells;
	size_t size;
	const uint8_t *p = qi_fdt_property(f, node, "size", &size);
	bool sane = size == 4 * cells && qi_fdt_number(p, cells, &r->size);

	r->base = QUIRE_PHYS_MAX;
	p = qi_fdt_property(f, node, "alignment", &size);
	if (p)
		sane = sane && size == 4 * cells && qi_fdt_number(p, cells, &r->align) &&
		       (!r->align || qi_is_pow2(r->align));
	sane = sane && read_limits(f, node, r);
	if (!sane || !r->size) {
		qi_note(f->log, QUIRE_LOG_ERROR, qi_fdt_offset(f, node),
			"%s: neither a place nor a sound size and limits: ignored", r->name);
		return QUIRE_OK;
	}
	return quire_machine_add_reservation(f->m, r);
}

enum quire_status qi_fdt_reserved(struct qi_fdt *f, int node)
{
	struct quire_reservation r = {
		.kind = kind_of(f, node),
		.is_default_cma = qi_fdt_has(f, node, "linux,cma-default"),
	};
	size_t size;
	const uint8_t *reg = qi_fdt_property(f, node, "reg", &size);

	copy_name(&r, qi_fdt_name(f, node));
	return reg ? add_fixed(f, node, &r, reg, size) : add_dynamic(f, node, &r);
}

/* An address of one or two words, whatever the root's cells are. */
static bool read_address(struct qi_fdt *f, int node, const char *name, quire_phys_t *address)
{
	size_t size;
	const uint8_t *p = qi_fdt_property(f, node, name, &size);

	return (size == 4 || size == 8) && qi_fdt_number(p, (unsigned)(size / 4), address);
}

static enum quire_status add_initrd(struct qi_fdt *f, int node)
{
	struct quire_reservation initrd = { .kind = QUIRE_RESERVE_INITRD, .name = "initrd" };
	quire_phys_t end;
	bool given = qi_fdt_has(f, node, "linux,initrd-start") || qi_fdt_has(f, node, "linux,initrd-end");

	if (!given)
		return QUIRE_OK;
	if (!read_address(f, node, "linux,initrd-start", &initrd.base) || !read_address(f, node, "linux,initrd-end", &end) ||
	    end <= initrd.base) {
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
			"the initrd's start and end make no sense: ignored");
		return QUIRE_OK;
	}
	initrd.size = end - initrd.base;
	return quire_machine_add_reservation(f->m, &initrd);
}

static void take_usable_range(struct qi_fdt *f, int node)
{
	const struct qi_fdt_level *root = &f->levels[0];
	unsigned cells = root->address_cells + root->size_cells;
	quire_phys_t base, bytes;
	size_t size;
	const uint8_t *p = qi_fdt_property(f, node, "linux,usable-memory-range", &size);

	if (!p)
		return;
	if (size < 4 * cells || size % (4 * cells) || !qi_fdt_number(p, root->address_cells, &base) ||
	    !qi_fdt_number(p + 4 * root->address_cells, root->size_cells, &bytes) || !bytes) {
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
			"linux,usable-memory-range makes no sense: ignored");
		return;
	}
	if (size > 4 * cells)
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
			"only the first of %zu usable memory ranges is used", size / (4 * cells));
	f->m->usable_base = base;
	f->m->usable_size = bytes;
}

enum quire_status qi_fdt_chosen(struct qi_fdt *f, int node)
{
	size_t size;
	const char *arguments = (const char *)qi_fdt_property(f, node, "bootargs", &size);

	if (size && arguments[size - 1] == '\0')
		f->m->command_line = arguments;
	else if (size)
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node), "bootargs do not end in a NUL: ignored");
	take_usable_range(f, node);
	return add_initrd(f, node);
}
