/*
 * numa=fake=: cut the physical nodes' ranges into emulated nodes.
 *
 * Three ways to cut: into N nodes of equal memory over the whole machine, round robin over physical nodes; into nodes of at
 * least a given size; or each physical node into N parts of equal extent, holes not discounted. All sizes are multiples of
 * 32 MiB, and no cut leaves less than that between itself and 4 GiB.
 */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_NUMA

#define FAKE_MIN_BYTES (32ull << 20)
#define DMA32_END (1ull << 32)

struct cutter {
	struct qi_numa *numa;
	struct qi_node_ranges left;	/* what of the physical ranges is not given out yet: the list itself, eaten up */
	quire_phys_t size;		/* of a node */
	uint64_t bigger;		/* so many first nodes get 32 MiB more */
	uint64_t wrap;			/* node ids count modulo this */
	bool uniform;			/* sizes are extents: no look at holes or at what would remain */
	uint64_t given;			/* pieces given out */
};

/* Bytes of [start, end) that are not memory, in whole pages. */
quire_phys_t qi_hole_size(const struct quire_memblock *mb, quire_phys_t start, quire_phys_t end, unsigned page_shift)
{
	quire_pfn_t first = qi_pfn_up(start, page_shift), last = qi_pfn_down(end, page_shift);
	struct quire_pfn_range range;
	uint64_t present = 0;
	size_t index;

	if (first >= last)
		return 0;
	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, page_shift, &range) {
		quire_pfn_t from = qi_max(range.start, first), to = qi_min(range.end, last);

		if (from < to)
			present += to - from;
	}
	return (last - first - present) << page_shift;
}

static quire_phys_t hole(const struct cutter *cutter, quire_phys_t start, quire_phys_t end)
{
	return qi_hole_size(cutter->numa->mb, start, end, quire_page_shift(cutter->numa->t->config));
}

/* Give out the first `size` bytes of a physical range as the next emulated node. */
static bool give(struct cutter *cutter, unsigned index, quire_phys_t size)
{
	struct qi_numa *numa = cutter->numa;
	struct qi_node_range *range = &cutter->left.range[index];
	int nid = (int)qi_mod64(cutter->given, cutter->wrap);

	if (qi_ranges_add(&numa->fake, range->start, range->start + size, nid)) {
		qi_log(numa->t->platform, QUIRE_LOG_ERROR, "NUMA: Too many emulated memblks, failing emulation");
		return false;
	}
	if (cutter->given < cutter->wrap)
		numa->phys_of[nid] = range->nid;
	cutter->given++;
	qi_log(numa->t->platform, QUIRE_LOG_INFO, "Faking node %d at [mem %#018llx-%#018llx] (%lluMB)", nid,
	       QI_ULL(range->start), QI_ULL(range->start + size - 1), QI_ULL(size >> 20));
	range->start += size;
	if (range->start >= range->end)
		qi_ranges_remove(&cutter->left, index);
	return true;
}

/* The address at which memory counted from `start` comes to `bytes`; QUIRE_PHYS_MAX if there is not so much. */
static quire_phys_t reach(const struct cutter *cutter, quire_phys_t start, quire_phys_t bytes)
{
	unsigned shift = quire_page_shift(cutter->numa->t->config);
	quire_pfn_t first = qi_pfn_up(start, shift);
	uint64_t wanted = qi_pfn_up(bytes, shift);
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(cutter->numa->mb, index, QUIRE_NO_NODE, shift, &range) {
		quire_pfn_t from = qi_max(range.start, first);

		if (from >= range.end)
			continue;
		if (range.end - from >= wanted)
			return (from + wanted) << shift;
		wanted -= range.end - from;
	}
	return QUIRE_PHYS_MAX;
}

/* Where a node that begins at the range's start ends: far enough for `size` bytes of memory, in steps, within the range. */
static quire_phys_t node_end(const struct cutter *cutter, const struct qi_node_range *range)
{
	quire_phys_t end = range->start + cutter->size, enough, hole_bytes;

	if (cutter->given < cutter->bigger)
		end += FAKE_MIN_BYTES;
	if (!cutter->uniform) {
		enough = qi_min(reach(cutter, range->start, cutter->size), range->end);
		if (enough > end)
			end += qi_align_up(enough - end, FAKE_MIN_BYTES);
		end = qi_min(end, range->end);
	}
	if (end < DMA32_END && DMA32_END - end - hole(cutter, end, DMA32_END) < FAKE_MIN_BYTES)
		end = DMA32_END;
	if (!cutter->uniform && end < range->end) {
		hole_bytes = hole(cutter, end, range->end);
		if (range->end - end - hole_bytes < cutter->size)
			end = range->end;
	}
	return qi_min(end, range->end);
}

static int first_range_of(const struct qi_node_ranges *list, int nid)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->range[i].nid == nid)
			return (int)i;
	return -1;
}

/* Cut until nothing is left, one node from each physical node in turn. */
static bool cut_round_robin(struct cutter *cutter)
{
	while (cutter->left.count) {
		for (unsigned nid = 0; nid < cutter->numa->max_nodes; nid++) {
			int index = first_range_of(&cutter->left, (int)nid);
			const struct qi_node_range *range;

			if (index < 0)
				continue;
			range = &cutter->left.range[index];
			if (!give(cutter, (unsigned)index, node_end(cutter, range) - range->start))
				return false;
		}
	}
	return true;
}

/* max(size, floor) in multiples of 32 MiB, said aloud where the wish was too small. */
static quire_phys_t acceptable_size(const struct cutter *cutter, quire_phys_t size, quire_phys_t floor)
{
	quire_phys_t least = qi_align_up(qi_max(floor, FAKE_MIN_BYTES), FAKE_MIN_BYTES);

	if (size < least) {
		qi_log(cutter->numa->t->platform, QUIRE_LOG_WARNING, "Fake node size %lluMB too small, increasing to %lluMB",
		       QI_ULL(size >> 20), QI_ULL(least >> 20));
		size = least;
	}
	return qi_align_down(size, FAKE_MIN_BYTES);
}

static bool cut_count(struct cutter *cutter, uint64_t nodes, quire_phys_t memory)
{
	const struct quire_platform *platform = cutter->numa->t->platform;
	quire_phys_t share;

	if (!nodes)
		return false;
	if (nodes > cutter->numa->max_nodes) {
		qi_log(platform, QUIRE_LOG_INFO, "numa=fake=%llu too large, reducing to %u", QI_ULL(nodes),
		       cutter->numa->max_nodes);
		nodes = cutter->numa->max_nodes;
	}
	share = qi_div64(memory, nodes);
	cutter->size = qi_align_down(share, FAKE_MIN_BYTES);
	cutter->bigger = (share - cutter->size) * nodes / FAKE_MIN_BYTES;
	cutter->wrap = nodes;
	if (!cutter->size) {
		qi_log(platform, QUIRE_LOG_ERROR, "Not enough memory for each node.  NUMA emulation disabled.");
		return false;
	}
	return cut_round_robin(cutter);
}

static bool cut_size(struct cutter *cutter, quire_phys_t size, quire_phys_t memory)
{
	if (!size)
		return false;
	cutter->wrap = cutter->numa->max_nodes;
	cutter->size = acceptable_size(cutter, size, qi_div64(memory, cutter->wrap));
	return cut_round_robin(cutter);
}

/* Each physical node by itself into `nodes` parts. */
static bool cut_uniform(struct cutter *cutter, uint64_t nodes)
{
	unsigned shift = quire_page_shift(cutter->numa->t->config);

	if (!nodes)
		return false;
	cutter->wrap = cutter->numa->max_nodes;
	cutter->uniform = true;
	for (unsigned nid = 0; nid < cutter->numa->max_nodes; nid++) {
		uint64_t before = cutter->given;
		int index = first_range_of(&cutter->left, (int)nid);
		quire_phys_t share;

		if (index < 0)
			continue;
		share = qi_div64((cutter->left.range[index].end - cutter->left.range[index].start) >> shift, nodes) << shift;
		cutter->size = acceptable_size(cutter, share, share);
		while ((index = first_range_of(&cutter->left, (int)nid)) >= 0) {
			const struct qi_node_range *range = &cutter->left.range[index];

			if (!give(cutter, (unsigned)index, node_end(cutter, range) - range->start))
				return false;
		}
		if (cutter->given - before < nodes) {
			qi_log(cutter->numa->t->platform, QUIRE_LOG_INFO,
			       "NUMA: phys: %u only got %llu of %llu nodes, failing", nid, QI_ULL(cutter->given - before),
			       QI_ULL(nodes));
			return false;
		}
	}
	return true;
}

static bool cut(struct cutter *cutter)
{
	const struct quire_boot_options *options = &cutter->numa->t->config->options;
	quire_phys_t end = quire_memblock_end_of_dram(cutter->numa->mb);
	quire_phys_t memory = end - hole(cutter, 0, end);

	switch (options->numa) {
	case QUIRE_NUMA_FAKE_COUNT:
		return cut_count(cutter, options->numa_fake_count, memory);
	case QUIRE_NUMA_FAKE_SIZE:
		return cut_size(cutter, options->numa_fake_size, memory);
	case QUIRE_NUMA_FAKE_UNIFORM:
		return cut_uniform(cutter, options->numa_fake_count);
	default:
		return false;
	}
}

/* Distances given with the option, row by row; where it ends, those of the physical nodes. */
static enum quire_status set_distances(struct qi_numa *numa)
{
	struct quire_topology *t = numa->t;
	const struct quire_boot_options *options = &t->config->options;
	struct quire_topology physical = { .distance = t->distance, .distance_count = t->distance_count };
	enum quire_status status = qi_distance_reset(t, numa->fake_count);
	size_t next = 0;

	if (status)
		return status;
	for (unsigned i = 0; i < numa->fake_count; i++) {
		for (unsigned j = 0; j < numa->fake_count; j++) {
			unsigned distance;

			if (next < options->numa_fake_distance_count) {
				qi_distance_set(t, i, j, options->numa_fake_distances[next++]);
				continue;
			}
			distance = quire_node_distance(&physical, numa->phys_of[i], numa->phys_of[j]);
			/* Siblings cut from one node are as near as oneself: 10 off the diagonal is right here. */
			t->distance[(size_t)i * numa->fake_count + j] = (uint8_t)distance;
		}
	}
	return QUIRE_OK;
}

static enum quire_status make_room(struct qi_numa *numa, struct cutter *cutter)
{
	struct quire_topology *t = numa->t;
	size_t max = 2 * (size_t)numa->max_nodes;
	struct qi_node_range *room = t->alloc(t->alloc_ctx, (max + numa->ranges.count) * sizeof(*room), sizeof(quire_phys_t),
					      QUIRE_NO_NODE);

	if (!room)
		return QUIRE_ENOMEM;
	numa->fake = (struct qi_node_ranges){ .range = room, .max = (unsigned)max };
	cutter->left =
		(struct qi_node_ranges){ .range = room + max, .count = numa->ranges.count, .max = numa->ranges.count };
	memcpy(cutter->left.range, numa->ranges.range, numa->ranges.count * sizeof(*room));
	return QUIRE_OK;
}

/* Replace the judged physical ranges by emulated ones if the command line asks for it and it can be done. */
enum quire_status qi_numa_emulate(struct qi_numa *numa)
{
	const struct quire_config *config = numa->t->config;
	struct cutter cutter = { .numa = numa };
	enum quire_status status;

	if (config->options.numa < QUIRE_NUMA_FAKE_COUNT || !config->numa_emulation)
		return QUIRE_OK;
	status = make_room(numa, &cutter);
	if (status)
		return status;
	if (!cut(&cutter) || !numa->fake.count || !qi_ranges_judge(numa, &numa->fake)) {
		qi_log(numa->t->platform, QUIRE_LOG_WARNING, "NUMA: emulation is not possible, numa=fake= ignored");
		return QUIRE_OK;
	}
	numa->fake_count = (unsigned)qi_min(cutter.given, cutter.wrap);
	numa->ranges = numa->fake;
	numa->possible = (struct qi_nodemask){ .word = { 0 } };
	numa->initiators = (struct qi_nodemask){ .word = { 0 } };
	numa->faked = true;
	return set_distances(numa);
}

#endif
