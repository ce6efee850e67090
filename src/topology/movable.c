/*
 * Where ZONE_MOVABLE starts on each node.
 *
 * Three ways to say it, strongest first: movable_node (hot-pluggable memory is movable), kernelcore=mirror (what is not
 * mirrored is movable), and amounts: kernelcore= pages are spread evenly over the nodes, everything above them is movable.
 */
#include "topology/topology_internal.h"

#ifndef QUIRE_WITHOUT_BOOT_OPTIONS

#define MIRROR_LOWEST (1ull << 32)	/* memory below is the kernel's even when it is not mirrored */

bool qi_movable_mirrored(const struct quire_topology *t, const struct quire_memblock *mb)
{
	const struct quire_boot_options *options = &t->config->options;

	if (!options->kernelcore_mirror || options->movable_node)
		return false;
	return quire_rules(t->config) < QUIRE_RULES_6_12 || mb->has_mirror;
}

static void lower_start(struct quire_node *node, quire_pfn_t pfn)
{
	if (!node->movable_pfn || pfn < node->movable_pfn)
		node->movable_pfn = pfn;
}

static void plan_hotplug(struct quire_topology *t, const struct quire_memblock *mb)
{
	for (size_t i = 0; i < mb->memory.cnt; i++) {
		const struct quire_memblock_region *region = &mb->memory.regions[i];
		struct quire_node *node = quire_topology_node(t, region->nid);

		if (node && (region->flags & QUIRE_MEMBLOCK_HOTPLUG))
			lower_start(node, region->base >> quire_page_shift(t->config));
	}
}

static void plan_mirror(struct quire_topology *t, const struct quire_memblock *mb)
{
	unsigned shift = quire_page_shift(t->config);
	bool unmirrored_low = false;

	if (!qi_movable_mirrored(t, mb)) {
		qi_log(t->platform, QUIRE_LOG_WARNING, "The system has no mirror memory, ignore kernelcore=mirror.");
		return;
	}
	for (size_t i = 0; i < mb->memory.cnt; i++) {
		const struct quire_memblock_region *region = &mb->memory.regions[i];
		struct quire_node *node = quire_topology_node(t, region->nid);

		if (!node || (region->flags & QUIRE_MEMBLOCK_MIRROR))
			continue;
		if (region->base < MIRROR_LOWEST)
			unmirrored_low = true;
		else
			lower_start(node, region->base >> shift);
	}
	if (unmirrored_low)
		qi_log(t->platform, QUIRE_LOG_WARNING, "This configuration results in unmirrored kernel memory.");
}

static uint64_t amount_pages(const struct quire_amount *amount, uint64_t total, unsigned page_shift)
{
	if (!amount->given)
		return 0;
	if (amount->percent)
		return qi_div64(total * 100 * qi_min(amount->percent, 100), 10000);
	return amount->bytes >> page_shift;
}

/* Pages the kernel shall keep for itself; 0: no movable zone. */
static uint64_t kernel_pages(const struct quire_topology *t, uint64_t total)
{
	const struct quire_boot_options *options = &t->config->options;
	unsigned shift = quire_page_shift(t->config);
	uint64_t kernel = amount_pages(&options->kernelcore, total, shift);
	uint64_t movable = amount_pages(&options->movablecore, total, shift);

	if (movable) {
		movable = qi_min(movable, total);	/* so that rounding up cannot wrap */
		movable = qi_min(qi_align_up(movable, 1ull << quire_max_order(t->config)), total);
		kernel = qi_max(kernel, total - movable);
	}
	return kernel < total ? kernel : 0;
}

static uint64_t less(uint64_t from, uint64_t what)
{
	return from - qi_min(from, what);
}

/* Let the kernel have up to `share` more pages of a node, and of what it still wants (*kernel). */
static void fill_node(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_node *node,
		      uint64_t share, uint64_t *kernel)
{
	quire_pfn_t lowest = t->zone_low[t->movable_zone];
	struct quire_pfn_range range;
	size_t index;

	quire_memblock_for_each_pfn_range(mb, index, node->nid, quire_page_shift(t->config), &range) {
		quire_pfn_t start = qi_max(range.start, node->movable_pfn);
		uint64_t take;

		if (start >= range.end)
			continue;
		if (start < lowest) {
			uint64_t fixed = qi_min(range.end, lowest) - start;

			share = less(share, fixed);
			*kernel = less(*kernel, fixed);
			if (range.end <= lowest) {
				/* Counted once: a later round starts behind it. */
				node->movable_pfn = range.end;
				continue;
			}
			start = lowest;
		}
		take = qi_min(range.end - start, share);
		node->movable_pfn = start + take;
		*kernel = less(*kernel, take);
		share -= take;
		if (!share)
			return;
	}
}

static void plan_amounts(struct quire_topology *t, const struct quire_memblock *mb)
{
	struct quire_pfn_range range;
	struct quire_node *node;
	uint64_t total = 0, kernel, nodes = 0;
	size_t index;

	quire_memblock_for_each_pfn_range(mb, index, QUIRE_NO_NODE, quire_page_shift(t->config), &range)
		total += range.end - range.start;
	qi_for_each_node(t, node)
		nodes += node->has_memory;
	kernel = kernel_pages(t, total);
	/* Nodes that are full get their share again in the next round, when it is dealt out among fewer. */
	while (kernel && nodes) {
		uint64_t share = qi_div64(kernel, nodes);

		qi_for_each_node(t, node) {
			if (!node->has_memory)
				continue;
			if (kernel < share)
				share = qi_div64(kernel, nodes);
			fill_node(t, mb, node, share, &kernel);
		}
		nodes--;
		if (kernel <= nodes)
			break;
	}
}

static void align_starts(struct quire_topology *t)
{
	uint64_t block = 1ull << quire_max_order(t->config);
	struct quire_node *node;

	qi_for_each_node(t, node) {
		node->movable_pfn = qi_align_up(node->movable_pfn, block);
		if (node->movable_pfn >= node->end_pfn)
			node->movable_pfn = 0;
	}
}

void qi_movable_plan(struct quire_topology *t, const struct quire_memblock *mb)
{
	const struct quire_boot_options *options = &t->config->options;
	struct quire_node *node;

	qi_for_each_node(t, node)
		node->movable_pfn = 0;
	if (!qi_zone_exists(t->config, QUIRE_ZONE_MOVABLE))
		return;
	if (options->movable_node)
		plan_hotplug(t, mb);
	else if (options->kernelcore_mirror)
		plan_mirror(t, mb);
	else
		plan_amounts(t, mb);
	align_starts(t);
}

#endif
