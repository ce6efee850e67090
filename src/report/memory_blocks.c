/*
 * Memory blocks: the unit in which memory is plugged, seen in sysfs.
 *
 * A block exists for every block-sized window in which some section has memory. What boot knows about it is which nodes have
 * memory there; the one zone it belongs to, if it is one, decides whether it could ever be taken offline.
 */
#include <quire/hotplug.h>

#include "report/print.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

static void place(const struct quire_config *config, quire_phys_t block_size, uint64_t index,
		  struct quire_memory_block *block)
{
	unsigned shift = quire_page_shift(config);

	*block = (struct quire_memory_block){ .index = index };
	block->start_pfn = index * (block_size >> shift);
	block->end_pfn = block->start_pfn + (block_size >> shift);
}

static bool intersects(const struct quire_zone *zone, quire_pfn_t start, quire_pfn_t end)
{
	return zone->spanned && zone->start_pfn < end && start < zone->start_pfn + zone->spanned;
}

/* Links are listed by node number, memory need not be ordered so. */
static void add_node(struct quire_memory_block *block, int nid)
{
	unsigned at = block->node_count;

	for (unsigned i = 0; i < block->node_count; i++)
		if (block->nodes[i] == nid)
			return;
	if (block->node_count == QUIRE_BLOCK_NODES) {
		block->more_nodes = true;
		return;
	}
	for (; at > 0 && block->nodes[at - 1] > nid; at--)
		block->nodes[at] = block->nodes[at - 1];
	block->nodes[at] = nid;
	block->node_count++;
}

/* The zone of a block that one node has to itself: the only populated one of that node that spans part of it. */
static void find_zone(const struct quire_node *node, struct quire_memory_block *block)
{
	for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
		if (!quire_zone_populated(&node->zones[type]) ||
		    !intersects(&node->zones[type], block->start_pfn, block->end_pfn))
			continue;
		if (block->zone_count) {
			block->zone_count = 0;
			return;
		}
		block->zones[block->zone_count++] = type;
	}
}

/* First memory region that ends above address; regions are sorted, so that a machine with 100,000 of them stays cheap. */
static size_t first_region(const struct quire_memblock *mb, quire_phys_t address)
{
	size_t low = 0, high = mb->memory.cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct quire_memblock_region *region = &mb->memory.regions[middle];

		if (region->base + region->size <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum quire_status quire_memory_block_describe(const struct quire_topology *t, const struct quire_memblock *mb,
					      quire_phys_t block_size, uint64_t index, struct quire_memory_block *block)
{
	unsigned shift = quire_page_shift(t->config);
	struct quire_memory_block found;
	uint64_t start;

	if (!block_size)
		return QUIRE_EUNSUPPORTED;
	if (!qi_mul(index, block_size, &start))
		return QUIRE_ENOENT;
	place(t->config, block_size, index, &found);
	for (size_t i = first_region(mb, start); i < mb->memory.cnt; i++) {
		const struct quire_memblock_region *region = &mb->memory.regions[i];
		quire_pfn_t low = qi_max(qi_pfn_up(region->base, shift), found.start_pfn);
		quire_pfn_t high = qi_min(qi_pfn_down(region->base + region->size, shift), found.end_pfn);

		if (region->base >> shift >= found.end_pfn)
			break;
		if (low >= high)
			continue;
		found.present += high - low;
		add_node(&found, region->nid);
	}
	if (!found.present)
		return QUIRE_ENOENT;
	found.online = true;
	if (found.node_count == 1)
		find_zone(quire_topology_node(t, found.nodes[0]), &found);
	*block = found;
	return QUIRE_OK;
}

/* The lowest zone below Normal that the block touches, else Normal: where kernel memory added there would go. */
static enum quire_zone_type kernel_zone(const struct quire_node *node, const struct quire_memory_block *block)
{
	for (unsigned type = 0; node && type < QUIRE_ZONE_NORMAL; type++)
		if (intersects(&node->zones[type], block->start_pfn, block->end_pfn))
			return type;
	return QUIRE_ZONE_NORMAL;
}

void quire_memory_block_describe_added(const struct quire_topology *t, quire_phys_t block_size, uint64_t index, int nid,
				       struct quire_memory_block *block)
{
	const struct quire_node *node = quire_topology_node(t, nid);
	enum quire_zone_type kernel, other;
	bool in_kernel, in_movable, movable_first;

	place(t->config, block_size, index, block);
	add_node(block, nid);
	kernel = kernel_zone(node, block);
	in_kernel = node && intersects(&node->zones[kernel], block->start_pfn, block->end_pfn);
	in_movable = node && intersects(&node->zones[QUIRE_ZONE_MOVABLE], block->start_pfn, block->end_pfn);
	movable_first = in_kernel != in_movable ? in_movable : t->config->options.movable_node;
	other = movable_first ? kernel : QUIRE_ZONE_MOVABLE;
	block->zones[block->zone_count++] = movable_first ? QUIRE_ZONE_MOVABLE : kernel;
	block->zones[block->zone_count++] = other;
}

bool quire_memory_block_next(const struct quire_topology *t, const struct quire_memblock *mb, quire_phys_t block_size,
			     uint64_t *index)
{
	unsigned shift = quire_page_shift(t->config), block_shift;
	uint64_t start;

	if (!block_size)
		return false;
	block_shift = qi_log2(block_size);
	if (!qi_mul(*index, block_size, &start))
		return false;
	for (size_t i = first_region(mb, start); i < mb->memory.cnt; i++) {
		const struct quire_memblock_region *region = &mb->memory.regions[i];
		quire_pfn_t low = qi_max(qi_pfn_up(region->base, shift), start >> shift);

		if (low >= qi_pfn_down(region->base + region->size, shift))
			continue;
		*index = low >> (block_shift - shift);
		return true;
	}
	return false;
}

static void block_line(const struct quire_memory_block *block, const struct quire_report_sink *sink)
{
	qi_print(sink, "memory%llu state=[%s] phys_index=[%08llx] removable=[1] phys_device=[0] valid_zones=[",
		 (qi_ull)block->index, block->online ? "online" : "offline", (qi_ull)block->index);
	for (unsigned i = 0; i < block->zone_count; i++)
		qi_print(sink, "%s%s", i ? " " : "", quire_zone_name(block->zones[i]));
	qi_print(sink, "%s] link=[", block->zone_count ? "" : "none");
	for (unsigned i = 0; i < block->node_count; i++)
		qi_print(sink, "%snode%d", i ? " " : "", block->nodes[i]);
	qi_print(sink, "]\n");
}

/* Bytes per number: a boot block's, or a section's where blocks of other sizes stand beside them. */
static quire_phys_t numbering(const struct quire *q)
{
	quire_phys_t size = quire_boot_block_size(q);
	struct quire_block block;
	uint64_t cursor = 0;

	while (quire_block_next(q, &cursor, &block))
		if (block.hotplugged && block.pages << quire_page_shift(&q->config) != size)
			return (quire_phys_t)1 << quire_section_shift(&q->config);
	return size;
}

static void print_nodes(const struct quire_block *block, const struct quire_report_sink *sink)
{
	bool first = true;

	for (int nid = 0; nid < 64; nid++)
		if (block->nodes >> nid & 1) {
			qi_print(sink, "%snode%d", first ? "" : " ", nid);
			first = false;
		}
	if (first && block->nid != QUIRE_NO_NODE)
		qi_print(sink, "node%d", block->nid);
}

static void live_line(const struct quire *q, const struct quire_block *block, quire_phys_t unit,
		      const struct quire_report_sink *sink)
{
	static const char *const states[] = {
		[QUIRE_BLOCK_OFFLINE] = "offline",
		[QUIRE_BLOCK_ONLINE] = "online",
		[QUIRE_BLOCK_GOING_OFFLINE] = "going-offline",
	};
	uint64_t index = qi_div64(block->pfn << quire_page_shift(&q->config), unit);
	char zones[64];

	qi_print(sink, "memory%llu state=[%s] phys_index=[%08llx] removable=[1] phys_device=[0] valid_zones=[%s] link=[",
		 (qi_ull)index, states[block->state], (qi_ull)index,
		 quire_memory_valid_zones(q, block->pfn, zones, sizeof(zones)));
	print_nodes(block, sink);
	qi_print(sink, "]\n");
}

static void live_blocks(const struct quire *q, const struct quire_report_sink *sink)
{
	static const char *const policies[] = {
		[QUIRE_ONLINE_NONE] = "offline", [QUIRE_ONLINE_AUTO] = "online", [QUIRE_ONLINE_KERNEL] = "online_kernel",
		[QUIRE_ONLINE_MOVABLE] = "online_movable",
	};
	quire_phys_t unit = numbering(q);
	struct quire_block block;
	uint64_t cursor = 0;

	qi_print(sink, "block_size_bytes %llx\nauto_online_blocks %s\n", (qi_ull)unit,
		 policies[quire_hotplug_policy(q)->auto_online]);
	while (quire_block_next(q, &cursor, &block))
		live_line(q, &block, unit, sink);
}

/* As boot will leave them, until it has. */
static void planned_blocks(const struct quire *q, quire_phys_t size, const struct quire_report_sink *sink)
{
	bool online = quire_rules(&q->config) >= QUIRE_RULES_6_12;
	struct quire_memory_block block;

	if (q->config.options.memhp_online_given)
		online = q->config.options.memhp_online;
	qi_print(sink, "block_size_bytes %llx\nauto_online_blocks %s\n", (qi_ull)size, online ? "online" : "offline");
	for (uint64_t index = 0; quire_memory_block_next(&q->topology, &q->memblock, size, &index); index++)
		if (quire_memory_block_describe(&q->topology, &q->memblock, size, index, &block) == QUIRE_OK)
			block_line(&block, sink);
}

void quire_report_memory_blocks(const struct quire *q, const struct quire_report_sink *sink)
{
	quire_phys_t size = quire_boot_block_size(q);

	if (q->hotplug.boot_block)
		live_blocks(q, sink);
	else if (size)
		planned_blocks(q, size, sink);
}

#endif
