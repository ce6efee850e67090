/*
 * The list of node ranges: clip it to memory that exists, refuse contradictions, join neighbours, write it into memblock.
 *
 * Firmware describes where memory *could* be (hot-pluggable ranges reach far beyond the last byte), in whatever pieces it
 * likes. What is kept is what overlaps memory. Ranges of one node are joined also over holes, so that reserved ranges in
 * these holes get a node too, unless another node's range lies in between.
 */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

enum quire_status qi_ranges_add(struct qi_node_ranges *list, quire_phys_t start, quire_phys_t end, int nid)
{
	if (start >= end)
		return QUIRE_OK;
	if (list->count == list->max)
		return QUIRE_ENOSPC;
	list->range[list->count++] = (struct qi_node_range){ .start = start, .end = end, .nid = nid };
	return QUIRE_OK;
}

void qi_ranges_remove(struct qi_node_ranges *list, unsigned index)
{
	list->count--;
	memmove(&list->range[index], &list->range[index + 1], (list->count - index) * sizeof(list->range[0]));
}

static quire_phys_t lowest_address(const struct qi_numa *numa)
{
	return quire_rules(numa->t->config) >= QUIRE_RULES_6_12 ? quire_memblock_start_of_dram(numa->mb) : 0;
}

/* Drop ranges without memory and cut the rest to [lowest address, end of memory). */
static void clip(struct qi_numa *numa, struct qi_node_ranges *list)
{
	quire_phys_t page = (quire_phys_t)1 << quire_page_shift(numa->t->config);
	quire_phys_t low = lowest_address(numa);
	quire_phys_t high = qi_align_down(quire_memblock_end_of_dram(numa->mb), page);
	unsigned kept = 0;

	for (unsigned i = 0; i < list->count; i++) {
		struct qi_node_range range = list->range[i];

		if (!quire_memblock_overlaps_region(numa->mb, &numa->mb->memory, range.start, range.end - range.start))
			continue;
		range.start = qi_max(range.start, low);
		range.end = qi_min(range.end, high);
		if (range.start < range.end)
			list->range[kept++] = range;
	}
	list->count = kept;
}

static bool intersect(const struct qi_node_range *a, const struct qi_node_range *b)
{
	return a->end > b->start && a->start < b->end;
}

static bool foreign_range_inside(const struct qi_node_ranges *list, const struct qi_node_range *whole)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->range[i].nid != whole->nid && intersect(&list->range[i], whole))
			return true;
	return false;
}

/* False if a and b overlap though their nodes differ. */
static bool overlap_allowed(const struct qi_numa *numa, const struct qi_node_range *a, const struct qi_node_range *b)
{
	if (!intersect(a, b))
		return true;
	if (a->nid != b->nid) {
		qi_log(numa->t->platform, QUIRE_LOG_ERROR,
		       "node %d [mem %#010llx-%#010llx] overlaps with node %d [mem %#010llx-%#010llx]", a->nid,
		       QI_ULL(a->start), QI_ULL(a->end - 1), b->nid, QI_ULL(b->start), QI_ULL(b->end - 1));
		return false;
	}
	qi_log(numa->t->platform, QUIRE_LOG_WARNING,
	       "Warning: node %d [mem %#010llx-%#010llx] overlaps with itself [mem %#010llx-%#010llx]", a->nid,
	       QI_ULL(a->start), QI_ULL(a->end - 1), QI_ULL(b->start), QI_ULL(b->end - 1));
	return true;
}

/* Join range j into range i < j if they may be one; true if j is gone. */
static bool join(struct qi_numa *numa, struct qi_node_ranges *list, unsigned i, unsigned j)
{
	struct qi_node_range *a = &list->range[i], *b = &list->range[j];
	struct qi_node_range whole = { .start = qi_min(a->start, b->start), .end = qi_max(a->end, b->end), .nid = a->nid };

	if (a->nid != b->nid || foreign_range_inside(list, &whole))
		return false;
	qi_log(numa->t->platform, QUIRE_LOG_INFO,
	       "NUMA: Node %d [mem %#010llx-%#010llx] + [mem %#010llx-%#010llx] -> [mem %#010llx-%#010llx]", a->nid,
	       QI_ULL(a->start), QI_ULL(a->end - 1), QI_ULL(b->start), QI_ULL(b->end - 1), QI_ULL(whole.start),
	       QI_ULL(whole.end - 1));
	*a = whole;
	qi_ranges_remove(list, j);
	return true;
}

/* Clip, check and merge `list`. False: it contradicts itself and must not be used. */
bool qi_ranges_judge(struct qi_numa *numa, struct qi_node_ranges *list)
{
	clip(numa, list);
	for (unsigned i = 0; i < list->count; i++) {
		for (unsigned j = i + 1; j < list->count;) {
			if (!overlap_allowed(numa, &list->range[i], &list->range[j]))
				return false;
			if (!join(numa, list, i, j))
				j++;
		}
	}
	return true;
}

enum quire_status qi_ranges_write(struct qi_numa *numa, const struct qi_node_ranges *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		const struct qi_node_range *range = &list->range[i];
		enum quire_status status = quire_memblock_set_node(numa->mb, range->start, range->end - range->start,
								   &numa->mb->memory, range->nid);

		if (status)
			return status;
	}
	return QUIRE_OK;
}

/* After qi_ranges_write: less than 1 MiB of memory may have no node. That much is lost, as in the field, and said so. */
bool qi_ranges_cover_memory(const struct qi_numa *numa)
{
	unsigned shift = quire_page_shift(numa->t->config);
	struct quire_pfn_range range;
	uint64_t total = 0, missed = 0;
	size_t index;

	quire_memblock_for_each_pfn_range(numa->mb, index, QUIRE_NO_NODE, shift, &range) {
		total += range.end - range.start;
		if (range.nid == QUIRE_NO_NODE)
			missed += range.end - range.start;
	}
	if (!missed)
		return true;
	if (missed >= (1ull << 20) >> shift) {
		qi_log(numa->t->platform, QUIRE_LOG_ERROR, "NUMA: nodes only cover %lluMB of your %lluMB %sRAM. Not used.",
		       QI_ULL((total - missed) << shift >> 20), QI_ULL(total << shift >> 20),
		       quire_rules(numa->t->config) >= QUIRE_RULES_6_12 ? "" : "e820 ");
		return false;
	}
	qi_log(numa->t->platform, QUIRE_LOG_WARNING, "NUMA: %lluKB of RAM are in no node's range and stay unused",
	       QI_ULL(missed << shift >> 10));
	return true;
}

/*
 * Give reserved ranges their nodes, and take the HOTPLUG mark off all memory of a node that holds one: what the kernel sits
 * on cannot be unplugged, so the node may as well be used for everything.
 */
enum quire_status qi_ranges_clear_kernel_hotplug(struct qi_numa *numa, const struct qi_node_ranges *list)
{
	struct quire_memblock *mb = numa->mb;
	struct qi_nodemask kernel = { .word = { 0 } };
	enum quire_status status = QUIRE_OK;

	for (unsigned i = 0; i < list->count && !status; i++)
		status = quire_memblock_set_node(mb, list->range[i].start, list->range[i].end - list->range[i].start,
						 &mb->reserved, list->range[i].nid);
	for (size_t i = 0; i < mb->reserved.cnt; i++)
		if (mb->reserved.regions[i].nid >= 0 && mb->reserved.regions[i].nid < (int)numa->max_nodes)
			qi_node_set(&kernel, mb->reserved.regions[i].nid);
	for (unsigned i = 0; i < list->count && !status; i++)
		if (qi_node_isset(&kernel, list->range[i].nid))
			status = quire_memblock_clear_hotplug(mb, list->range[i].start,
							      list->range[i].end - list->range[i].start);
	return status;
}

#endif
