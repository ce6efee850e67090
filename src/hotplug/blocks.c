/*
 * Memory blocks: where they begin and end, and what is in them.
 *
 * A block from boot is the window of its size that has memory, less what was added on either side of it: a machine whose
 * memory ends inside a block can be given more right there, in blocks of their own.
 */
#include "hotplug/hotplug.h"

#include "memblock/table.h"
#include "poison/poison.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define SIZE_2G ((quire_phys_t)2 << 30)
#define SIZE_64G ((quire_phys_t)64 << 30)

quire_phys_t quire_memory_block_size(const struct quire_config *config, const struct quire_machine *machine,
				     const struct quire_memblock *mb)
{
	quire_phys_t section = (quire_phys_t)1 << quire_section_shift(config);
	quire_phys_t end = quire_memblock_end_of_dram(mb), size = qi_max(SIZE_2G, section);

	if (quire_model(config) < QUIRE_MODEL_SPARSEMEM)
		return 0;
	switch (quire_arch(config)) {
	case QUIRE_ARCH_ARM64:
	case QUIRE_ARCH_RISCV64:
		return section;
	case QUIRE_ARCH_X86_64:
		break;
	default:
		return 0;
	}
	if (end < SIZE_64G)
		return section;
	/* A guest's memory may end anywhere: blocks must not reach beyond it, or its last gigabytes could not be plugged. */
	if (machine && machine->guest)
		while (size > section && (end & (size - 1)))
			size >>= 1;
	return size;
}

quire_phys_t quire_boot_block_size(const struct quire *q)
{
	if (q->hotplug.boot_block)
		return q->hotplug.boot_block << quire_page_shift(&q->config);
	return quire_memory_block_size(&q->config, q->machine, &q->memblock);
}

/* Index of the first range that ends above pfn. */
static size_t range_above(const struct quire_hotplug *h, quire_pfn_t pfn)
{
	size_t low = 0, high = h->range_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (h->ranges[middle].pfn + h->ranges[middle].pages > pfn)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct qi_hot_range *qi_hot_range_at(const struct quire *q, quire_pfn_t pfn)
{
	size_t i = range_above(&q->hotplug, pfn);

	return i < q->hotplug.range_count && q->hotplug.ranges[i].pfn <= pfn ? &q->hotplug.ranges[i] : NULL;
}

struct qi_memory_found qi_memory_find(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_memory_found found = { .nid = QUIRE_NO_NODE, .first = QUIRE_PFN_NONE };
	const struct quire_memblock *mb = &q->memblock;
	unsigned shift = quire_page_shift(&q->config);

	for (size_t i = qi_table_ending_above(&mb->memory, pfn << shift); i < mb->memory.cnt; i++) {
		const struct quire_memblock_region *region = &mb->memory.regions[i];
		quire_pfn_t low = qi_max(qi_pfn_up(region->base, shift), pfn);
		quire_pfn_t high = qi_min(qi_pfn_down(region->base + region->size, shift), end);

		if (region->base >> shift >= end)
			break;
		if (low >= high)
			continue;
		if (found.first == QUIRE_PFN_NONE) {
			found.first = low;
			found.nid = region->nid;
		}
		if (region->nid >= 0 && region->nid < 64)
			found.nodes |= 1ull << region->nid;
		if (!(region->flags & QUIRE_MEMBLOCK_NOMAP))
			found.pages += high - low;
	}
	return found;
}

static void added_block(const struct qi_hot_range *range, quire_pfn_t pfn, struct qi_memory_block *block)
{
	*block = (struct qi_memory_block){
		.pfn = pfn - qi_mod64(pfn - range->pfn, range->block), .pages = range->block, .own = range->own,
		.nid = range->nid, .group = range->group, .added = true,
	};
}

/* The window of a boot block around pfn, between the ranges before and after it. */
static void boot_window(const struct quire_hotplug *h, quire_pfn_t pfn, size_t above, struct qi_memory_block *block)
{
	quire_pfn_t start = pfn - qi_mod64(pfn, h->boot_block), end = start + h->boot_block;

	if (above)
		start = qi_max(start, h->ranges[above - 1].pfn + h->ranges[above - 1].pages);
	if (above < h->range_count)
		end = qi_min(end, h->ranges[above].pfn);
	*block = (struct qi_memory_block){ .pfn = start, .pages = end - start, .nid = QUIRE_NO_NODE };
}

bool qi_memory_block_at(const struct quire *q, quire_pfn_t pfn, struct qi_memory_block *block)
{
	const struct quire_hotplug *h = &q->hotplug;

	while (h->boot_block) {
		size_t above = range_above(h, pfn);
		quire_pfn_t next = above < h->range_count ? h->ranges[above].pfn : QUIRE_PFN_NONE, memory;

		if (next <= pfn) {
			added_block(&h->ranges[above], pfn, block);
			return true;
		}
		boot_window(h, pfn, above, block);
		if (qi_memory_find(q, block->pfn, qi_block_end(block)).first != QUIRE_PFN_NONE)
			return true;
		memory = qi_memory_find(q, qi_block_end(block), QUIRE_PFN_NONE >> quire_page_shift(&q->config)).first;
		pfn = qi_min(memory, next);
		if (pfn == QUIRE_PFN_NONE)
			break;
	}
	return false;
}

struct quire_zone *qi_memory_block_zone(const struct quire *q, const struct qi_memory_block *block, bool *online)
{
	struct quire_zone *only = NULL;
	bool several = false;
	quire_pfn_t stop;

	*online = false;
	for (quire_pfn_t pfn = block->pfn; pfn < qi_block_end(block); pfn = stop) {
		struct quire_zone *zone = qi_zone_map_at(&q->topology, pfn, &stop);

		/* A stretch may begin or end in a hole of the block. */
		if (!zone || qi_memory_find(q, pfn, qi_min(stop, qi_block_end(block))).first == QUIRE_PFN_NONE)
			continue;
		several |= only && only != zone;
		only = zone;
		*online = true;
	}
	return several ? NULL : only;
}

/* --- for everybody ---------------------------------------------------------------------------------------------------- */

static void describe(const struct quire *q, const struct qi_memory_block *block, struct quire_block *out)
{
	struct qi_memory_found found = qi_memory_find(q, block->pfn, qi_block_end(block));
	unsigned section = quire_section_shift(&q->config) - quire_page_shift(&q->config);
	const struct quire_hotplug *h = &q->hotplug;
	struct quire_poison_counts poison;
	bool online, single;

	/* Not const: the set is locked. */
	qi_poison_count((struct quire *)q, block->pfn, block->pages, &poison);
	*out = (struct quire_block){
		.number = block->pfn >> section, .pfn = block->pfn, .pages = block->pages, .nid = found.nid,
		.nodes = found.nodes,
		.zone = qi_memory_block_zone(q, block, &online), .holes = block->pages - found.pages,
		.own_memmap = block->own,
		.poisoned = poison.out + poison.pending + poison.foreign, .group = block->group, .hotplugged = block->added,
	};
	out->state = online ? QUIRE_BLOCK_ONLINE : QUIRE_BLOCK_OFFLINE;
	if (online && block->pfn - h->going_pfn < h->going_pages)
		out->state = QUIRE_BLOCK_GOING_OFFLINE;
	single = (found.nodes & (found.nodes - 1)) == 0;
	if (!single)
		out->zone = NULL;
	out->removable = !out->holes && single && (!online || out->zone);
}

enum quire_status quire_block_at(const struct quire *q, quire_pfn_t pfn, struct quire_block *block)
{
	struct qi_memory_block found;

	if (!qi_memory_block_at(q, pfn, &found) || pfn < found.pfn)
		return QUIRE_ENOENT;
	describe(q, &found, block);
	return QUIRE_OK;
}

bool quire_block_next(const struct quire *q, uint64_t *cursor, struct quire_block *block)
{
	struct qi_memory_block found;

	if (!qi_memory_block_at(q, *cursor, &found))
		return false;
	describe(q, &found, block);
	*cursor = qi_block_end(&found);
	return true;
}

#endif
