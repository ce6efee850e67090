/*
 * Memory is added and removed.
 *
 * An added range is offline memory: it is in the ledger, has sections and room for descriptors, and belongs to no zone. In
 * the order of what can fail: the request is judged, tables get room, descriptors get room; then the books are changed,
 * which cannot fail. Removing judges everything before it takes anything.
 */
#include "hotplug/hotplug.h"

#include "boot/meta.h"
#include "topology/growth.h"
#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define ADD "cannot be added"
#define REMOVE "cannot be removed"

/* --- judging ---------------------------------------------------------------------------------------------------------- */

/* A request, in frames. */
struct addition {
	struct qi_hot_range range;
	struct quire_node *node;
	struct quire_hotplug_failure *failure;
};

static enum quire_status refuse(struct quire *q, const struct addition *a, enum quire_status status, const char *step,
				const char *why)
{
	return qi_hotplug_fail(q, a->failure, status, ADD, a->range.pfn, a->range.pages, step, why);
}

/* Above what `mem=` left to the machine, where that is an address. */
static bool above_limit(const struct quire *q, quire_phys_t end)
{
	const struct quire_amount *mem = &q->config.options.mem;

	return quire_arch(&q->config) == QUIRE_ARCH_X86_64 && mem->given && end > mem->bytes;
}

static bool firmware_has_it(const struct quire *q, quire_phys_t base, quire_phys_t end)
{
	for (size_t i = 0; i < q->machine->map_count; i++) {
		const struct quire_memory_range *range = &q->machine->map[i];

		if (range->type != QUIRE_MEMORY_RAM && range->size && range->base < end && range->base + range->size > base)
			return true;
	}
	return false;
}

static enum quire_status judge_place(struct quire *q, struct addition *a, const struct quire_memory_add *add)
{
	quire_phys_t section = (quire_phys_t)1 << quire_section_shift(&q->config);
	quire_phys_t block = add->block_size ? add->block_size : q->hotplug.boot_block << quire_page_shift(&q->config), end;

	if (!add->size || !qi_add(add->base, add->size, &end))
		return refuse(q, a, QUIRE_EINVAL, "alignment", "that is no range of memory");
	if (block % section)
		return refuse(q, a, QUIRE_EINVAL, "alignment", "a block must be whole sections");
	if (qi_mod64(add->base, block) || qi_mod64(add->size, block))
		return refuse(q, a, QUIRE_EINVAL, "alignment", "it must be whole memory blocks");
	if (q->config.geometry.physmem_bits < 64 && end > (quire_phys_t)1 << q->config.geometry.physmem_bits)
		return refuse(q, a, QUIRE_ERANGE, "resource", "it lies beyond the widest address");
	if (above_limit(q, end))
		return refuse(q, a, QUIRE_ERANGE, "resource", "it lies above the limit that mem= sets");
	if (quire_memblock_overlaps_region(&q->memblock, &q->memblock.memory, add->base, add->size))
		return refuse(q, a, QUIRE_EEXIST, "resource", "there is memory already");
	if (firmware_has_it(q, add->base, end))
		return refuse(q, a, QUIRE_EEXIST, "resource", "firmware has something else there");
	a->range.block = block >> quire_page_shift(&q->config);
	return QUIRE_OK;
}

static enum quire_status judge_node(struct quire *q, struct addition *a, const struct quire_memory_add *add)
{
	const struct qi_memory_group *group = qi_memory_group(q, add->group);

	if (add->group && !group)
		return refuse(q, a, QUIRE_EINVAL, "group", "there is no such group");
	if (group && !group->dynamic && a->range.pages > group->pages - group->added)
		return refuse(q, a, QUIRE_EINVAL, "group", "it is more than its device has");
	a->range.nid = group ? group->nid : add->nid;
	a->node = quire_topology_node(&q->topology, a->range.nid);
	if (!a->node)
		return refuse(q, a, QUIRE_EINVAL, "node", "there can be no such node");
	return QUIRE_OK;
}

/* Frames at the start of each block for its own descriptors; 0: they go elsewhere. */
static uint64_t own_memmap(const struct quire *q, const struct qi_hot_range *range, bool wanted)
{
	uint64_t bytes = range->block << quire_memmap_stride_shift(&q->memmap);
	uint64_t pages = qi_align_up(bytes >> quire_page_shift(&q->config), 1ull << quire_pageblock_order(&q->config));

	if (!wanted || quire_memmap_model(&q->memmap) != QUIRE_MODEL_SPARSEMEM_VMEMMAP || pages > range->block / 2)
		return 0;
	if (quire_rules(&q->config) < QUIRE_RULES_6_12 && range->pages != range->block)
		return 0;
	return pages;
}

/* --- room ------------------------------------------------------------------------------------------------------------- */

/* The ledger can take one more region, or a cut. What it had before may go only with everybody kept out. */
static enum quire_status ledger_room(struct quire *q)
{
	struct quire_memblock_type *memory = &q->memblock.memory;
	struct quire_memblock_region *table;
	unsigned long state = 0;
	size_t max = memory->max * 2;

	if (memory->cnt + 2 <= memory->max)
		return QUIRE_OK;
	table = qi_meta_alloc(q, max * sizeof(*table), 64, QUIRE_NO_NODE, &q->metadata.books);
	if (!table)
		return QUIRE_ENOMEM;
	quire_memmap_hold(q, &state);
	quire_memblock_lend_table(&q->memblock, memory, table, max);
	quire_memmap_let(q, state);
	return QUIRE_OK;
}

static enum quire_status make_room(struct quire *q, const struct quire_node *newcomer)
{
	enum quire_status status = qi_hot_ranges_room(q);

	if (status == QUIRE_OK)
		status = qi_zone_map_room(&q->topology, 1);
	if (status == QUIRE_OK)
		status = qi_zonelists_room(&q->topology, newcomer);
	return status == QUIRE_OK ? ledger_room(q) : status;
}

/* --- descriptors ------------------------------------------------------------------------------------------------------ */

/* As it is when all descriptors of the block at pfn have been taken from it, or none. */
static struct quire_altmap altmap_of(const struct quire *q, quire_pfn_t pfn, const struct qi_hot_range *range, bool full)
{
	struct quire_altmap altmap = { .base = pfn, .free = range->own };

	if (full)
		altmap.alloc = (range->block << quire_memmap_stride_shift(&q->memmap)) >> quire_page_shift(&q->config);
	return altmap;
}

static enum quire_status remove_sections(struct quire *q, const struct qi_hot_range *range, quire_pfn_t pfn, quire_pfn_t end)
{
	enum quire_status status = QUIRE_OK;

	if (!range || !range->own)
		return quire_memmap_remove(q, pfn, end - pfn, NULL);
	for (; pfn < end && status == QUIRE_OK; pfn += range->block) {
		struct quire_altmap altmap = altmap_of(q, pfn, range, true);

		status = quire_memmap_remove(q, pfn, range->block, &altmap);
	}
	return status;
}

static enum quire_status add_sections(struct quire *q, const struct qi_hot_range *range)
{
	quire_pfn_t pfn = range->pfn, end = pfn + range->pages;
	enum quire_status status = QUIRE_OK;

	if (!range->own)
		return quire_memmap_add(q, range->nid, pfn, range->pages, NULL);
	for (; pfn < end && status == QUIRE_OK; pfn += range->block) {
		struct quire_altmap altmap = altmap_of(q, pfn, range, false);

		status = quire_memmap_add(q, range->nid, pfn, range->block, &altmap);
		if (status != QUIRE_OK)
			remove_sections(q, range, range->pfn, pfn);
	}
	return status;
}

/* --- adding ----------------------------------------------------------------------------------------------------------- */

/* Ledger, map and ranges know of it, and its node is there. Cannot fail. */
static void enter(struct quire *q, const struct addition *a)
{
	const struct qi_hot_range *range = &a->range;
	unsigned shift = quire_page_shift(&q->config);
	struct qi_memory_group *group = qi_memory_group(q, range->group);
	unsigned long state = 0;

	quire_memmap_hold(q, &state);
	quire_memblock_add_node(&q->memblock, range->pfn << shift, range->pages << shift, range->nid,
				QUIRE_MEMBLOCK_HOTPLUG);
	quire_memmap_let(q, state);
	qi_change_begin(q, &state);
	qi_zone_map_set(&q->topology, range->pfn, range->pfn + range->pages, NULL);
	if (!a->node->online) {
		a->node->online = true;
		qi_zonelists_fill(&q->topology, true);
	}
	qi_change_end(q, state);
	qi_hot_ranges_insert(q, range);
	if (group)
		group->added += range->pages;
}

static enum quire_status add_memory(struct quire *q, struct addition *a, const struct quire_memory_add *add)
{
	enum quire_status status = judge_place(q, a, add);

	if (status == QUIRE_OK)
		status = judge_node(q, a, add);
	if (status != QUIRE_OK)
		return status;
	a->range.own = own_memmap(q, &a->range, add->memmap_on_memory || q->hotplug.policy.memmap_on_memory);
	status = make_room(q, a->node);
	if (status != QUIRE_OK)
		return refuse(q, a, status, "tables", quire_status_string(status));
	status = add_sections(q, &a->range);
	if (status != QUIRE_OK)
		return refuse(q, a, status, "sections", quire_status_string(status));
	enter(q, a);
	return QUIRE_OK;
}

/* Block by block: those that fail stay offline, the log says why. */
static void go_online(struct quire *q, const struct qi_hot_range *range)
{
	enum quire_online_type type = q->hotplug.policy.auto_online;

	for (quire_pfn_t pfn = range->pfn; type != QUIRE_ONLINE_NONE && pfn < range->pfn + range->pages; pfn += range->block)
		if (qi_work_collect(q, pfn, range->block, true, ADD, NULL) == QUIRE_OK)
			qi_online_blocks(q, type, NULL);
}

enum quire_status quire_memory_add(struct quire *q, const struct quire_memory_add *add,
				   struct quire_hotplug_failure *failure)
{
	unsigned shift = quire_page_shift(&q->config);
	struct addition a = { .failure = failure };
	enum quire_status status = qi_hotplug_ready(q, failure);

	if (status != QUIRE_OK)
		return status;
	a.range = (struct qi_hot_range){
		.pfn = add->base >> shift, .pages = add->size >> shift, .group = add->group,
		.name = add->name ? add->name : "System RAM",
	};
	qi_hotplug_enter(q);
	status = add_memory(q, &a, add);
	if (status == QUIRE_OK)
		go_online(q, &a.range);
	qi_hotplug_leave(q);
	return status;
}

/* --- removing --------------------------------------------------------------------------------------------------------- */

/* Stretches of [pfn, end) that were added as one, or came from boot. *stop: where this one ends. */
static const struct qi_hot_range *stretch(const struct quire *q, quire_pfn_t pfn, quire_pfn_t end, quire_pfn_t *stop)
{
	const struct qi_hot_range *range = qi_hot_range_at(q, pfn);
	struct qi_memory_block block;

	*stop = end;
	if (range) {
		*stop = qi_min(end, range->pfn + range->pages);
		return range;
	}
	for (quire_pfn_t at = pfn; at < end && qi_memory_block_at(q, at, &block); at = qi_block_end(&block))
		if (block.added) {
			*stop = qi_min(end, block.pfn);
			break;
		}
	return NULL;
}

/* Whole blocks, there, and all of them offline. */
static enum quire_status judge_removal(struct quire *q, quire_pfn_t pfn, quire_pfn_t end,
				       struct quire_hotplug_failure *failure)
{
	enum quire_status status = qi_work_collect(q, pfn, end - pfn, false, REMOVE, failure);

	if (status != QUIRE_OK)
		return status;
	if (q->hotplug.work_count) {
		const struct qi_memory_block *block = &q->hotplug.work[0].block;

		return qi_hotplug_fail(q, failure, QUIRE_EBUSY, REMOVE, block->pfn, block->pages, "blocks", "it is on line");
	}
	status = make_room(q, NULL);
	/* Sections that nobody has touched since boot are entered now, so that nothing fails half way. */
	if (status == QUIRE_OK)
		status = quire_memmap_set_online(q, pfn, end - pfn, false);
	return status == QUIRE_OK ? status : qi_hotplug_fail(q, failure, status, REMOVE, pfn, end - pfn, "tables",
							     quire_status_string(status));
}

/* Firmware's node that has neither memory nor CPUs is only a possible one again. */
static void retire_node(struct quire *q, int nid)
{
	struct quire_node *node = quire_topology_node(&q->topology, nid);

	if (!node || !node->online || node->cpus || node->spanned || qi_node_has_blocks(q, nid))
		return;
	node->online = false;
}

static void leave(struct quire *q, quire_pfn_t pfn, quire_pfn_t end)
{
	struct qi_memory_found found = qi_memory_find(q, pfn, end);
	unsigned shift = quire_page_shift(&q->config);
	unsigned long state = 0;

	for (quire_pfn_t at = pfn, stop; at < end; at = stop) {
		const struct qi_hot_range *range = stretch(q, at, end, &stop);
		struct qi_memory_group *group = range ? qi_memory_group(q, range->group) : NULL;

		if (group)
			group->added -= stop - at;
		remove_sections(q, range, at, stop);
	}
	qi_hot_ranges_delete(q, pfn, end);
	quire_memmap_hold(q, &state);
	quire_memblock_remove(&q->memblock, pfn << shift, (end - pfn) << shift);
	quire_memmap_let(q, state);
	for (int nid = 0; nid < (int)q->topology.node_count; nid++)
		if (nid == found.nid || nid >= 64 || found.nodes >> nid & 1)
			retire_node(q, nid);
}

enum quire_status quire_memory_remove(struct quire *q, quire_phys_t base, quire_phys_t size,
				      struct quire_hotplug_failure *failure)
{
	unsigned shift = quire_page_shift(&q->config);
	enum quire_status status = qi_hotplug_ready(q, failure);
	quire_phys_t end;

	if (status != QUIRE_OK)
		return status;
	if (!size || !qi_add(base, size, &end) || (base | size) & (((quire_phys_t)1 << shift) - 1))
		return qi_hotplug_fail(q, failure, QUIRE_EINVAL, REMOVE, base >> shift, size >> shift, "alignment",
				       "that is no range of pages");
	qi_hotplug_enter(q);
	status = judge_removal(q, base >> shift, end >> shift, failure);
	if (status == QUIRE_OK)
		leave(q, base >> shift, end >> shift);
	qi_hotplug_leave(q);
	return status;
}

#endif
