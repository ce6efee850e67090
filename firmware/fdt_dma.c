/*
 * Which addresses every DMA master of a device tree reaches.
 *
 * A bus with dma-ranges lets its devices see those ranges of its parent's addresses; what the parents translate in turn
 * is followed up to the root. The limit is the least, over all such buses, of the highest address each one reaches.
 * dma-ranges of the root itself have no parent to refer to and are ignored.
 */
#include "fdt_reader.h"

/*
 * One entry: the address inside, the address in the parent, the size. A first word of flags (PCI) is not part of the
 * address.
 */
static bool read_entry(const uint8_t *p, unsigned child_cells, unsigned parent_cells, unsigned size_cells, uint64_t *child,
		       uint64_t *parent, uint64_t *size)
{
	unsigned flags = child_cells > 2 ? child_cells - 2 : 0;

	return qi_fdt_number(p + 4 * flags, child_cells - flags, child) &&
	       qi_fdt_number(p + 4 * child_cells, parent_cells, parent) &&
	       qi_fdt_number(p + 4 * (child_cells + parent_cells), size_cells, size);
}

/* From the address space below bus `depth` to the one it sits in. */
static bool translate_one(const struct qi_fdt *f, int depth, uint64_t *address)
{
	const struct qi_fdt_level *bus = &f->levels[depth];
	unsigned parent_cells = f->levels[depth - 1].address_cells;
	size_t bytes = 4 * (size_t)(bus->address_cells + parent_cells + bus->size_cells);

	if (!bus->dma_bytes)
		return true;
	for (size_t at = 0; bytes && bus->dma_bytes - at >= bytes; at += bytes) {
		uint64_t child, parent, size;

		if (!read_entry(bus->dma_ranges + at, bus->address_cells, parent_cells, bus->size_cells, &child, &parent,
				&size))
			continue;
		if (*address >= child && *address - child < size) {
			*address = parent + (*address - child);
			return true;
		}
	}
	return false;
}

static bool translate_to_root(const struct qi_fdt *f, int depth, uint64_t *address)
{
	for (; depth > 0; depth--)
		if (!translate_one(f, depth, address))
			return false;
	return true;
}

void qi_fdt_dma(struct qi_fdt *f, int depth, int node)
{
	const struct qi_fdt_level *bus = &f->levels[depth];
	unsigned parent_cells = f->levels[depth - 1].address_cells;
	size_t bytes = 4 * (size_t)(bus->address_cells + parent_cells + bus->size_cells);
	quire_phys_t limit = 0;

	if (!bytes || bus->dma_bytes % bytes) {
		qi_note(f->log, QUIRE_LOG_WARNING, qi_fdt_offset(f, node),
			"dma-ranges of %s are no list of address, address, size", qi_fdt_name(f, node));
		return;
	}
	for (size_t at = 0; at < bus->dma_bytes; at += bytes) {
		uint64_t child, base, size, end;

		if (!read_entry(bus->dma_ranges + at, bus->address_cells, parent_cells, bus->size_cells, &child, &base,
				&size) ||
		    !size || !translate_to_root(f, depth - 1, &base))
			continue;
		/* A range up to the very end of the address space is no limit. */
		if (!qi_add(base, size, &end))
			return;
		limit = qi_max(limit, end);
	}
	if (limit && (!f->m->dma_limit || limit < f->m->dma_limit))
		f->m->dma_limit = limit;
}
