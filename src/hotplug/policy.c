/*
 * Which zone memory goes to, and devices' memory as groups.
 *
 * "auto-movable" lets movable memory grow to a share of the kernel memory that boot brought: kernel memory that was plugged
 * in does not count, it may leave again. Only within one dynamic group does it, because such a device unplugs its movable
 * memory first.
 */
#include "hotplug/hotplug.h"

#include "topology/zone_map.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

#define RATIO_MOST 10000u

const struct quire_hotplug_policy *quire_hotplug_policy(const struct quire *q)
{
	return &q->hotplug.policy;
}

enum quire_status quire_hotplug_set_policy(struct quire *q, const struct quire_hotplug_policy *policy)
{
	if (policy->auto_online > QUIRE_ONLINE_MOVABLE || policy->online_policy > QUIRE_ONLINE_AUTO_MOVABLE ||
	    policy->auto_movable_ratio > RATIO_MOST)
		return QUIRE_EINVAL;
	qi_hotplug_enter(q);
	q->hotplug.policy = *policy;
	qi_hotplug_leave(q);
	return QUIRE_OK;
}

/* --- groups ----------------------------------------------------------------------------------------------------------- */

struct qi_memory_group *qi_memory_group(const struct quire *q, unsigned group)
{
	const struct quire_hotplug *h = &q->hotplug;

	if (!group || group > h->group_count || h->groups[group - 1].nid == QUIRE_NO_NODE)
		return NULL;
	return &h->groups[group - 1];
}

void qi_memory_group_count(const struct quire *q, const struct qi_hot_work *work, int sign)
{
	struct qi_memory_group *group = qi_memory_group(q, work->block.group);
	uint64_t pages = sign < 0 ? 0 - work->block.pages : work->block.pages;

	if (!group)
		return;
	if (work->zone->type == QUIRE_ZONE_MOVABLE)
		group->movable += pages;
	else
		group->kernel += pages;
}

static enum quire_status add_group(struct quire *q, const struct qi_memory_group *group, unsigned *number)
{
	struct quire_hotplug *h = &q->hotplug;
	void *table = h->groups;
	size_t i = 0;

	while (i < h->group_count && h->groups[i].nid != QUIRE_NO_NODE)
		i++;
	if (!qi_hot_table(q, &table, &h->group_max, h->group_count, i + 1, sizeof(*h->groups)))
		return QUIRE_ENOMEM;
	h->groups = table;
	h->groups[i] = *group;
	h->group_count = qi_max(h->group_count, i + 1);
	*number = (unsigned)i + 1;
	return QUIRE_OK;
}

enum quire_status quire_memory_group_add(struct quire *q, int nid, bool dynamic, uint64_t pages, unsigned *group)
{
	uint64_t section = 1ull << (quire_section_shift(&q->config) - quire_page_shift(&q->config));
	struct qi_memory_group fresh = { .nid = nid, .dynamic = dynamic, .pages = pages };
	enum quire_status status;

	/* A unit is cut out of addresses, so it must be a power of two. */
	if (!quire_topology_node(&q->topology, nid) || !pages || (dynamic && (!qi_is_pow2(pages) || pages < section)))
		return QUIRE_EINVAL;
	status = qi_hotplug_ready(q, NULL);
	if (status != QUIRE_OK)
		return status;
	qi_hotplug_enter(q);
	status = add_group(q, &fresh, group);
	qi_hotplug_leave(q);
	return status;
}

enum quire_status quire_memory_group_remove(struct quire *q, unsigned number)
{
	struct qi_memory_group *group;
	enum quire_status status = QUIRE_ENOENT;

	qi_hotplug_enter(q);
	group = qi_memory_group(q, number);
	if (group)
		status = group->added ? QUIRE_EBUSY : QUIRE_OK;
	if (status == QUIRE_OK)
		group->nid = QUIRE_NO_NODE;
	qi_hotplug_leave(q);
	return status;
}

/* --- the ratio -------------------------------------------------------------------------------------------------------- */

/* Pages that count, globally or on one node. */
struct tally {
	uint64_t kernel, movable;
};

static void tally_node(const struct quire_node *node, struct tally *tally)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &node->zones[type];

		if (type == QUIRE_ZONE_DEVICE)
			continue;
		if (type == QUIRE_ZONE_MOVABLE)
			tally->movable += zone->present;
		else
			tally->kernel += zone->present_early - qi_min(zone->present_early, zone->cma_pages);
		tally->movable += type == QUIRE_ZONE_MOVABLE ? 0 : zone->cma_pages;
	}
}

static struct tally tally_of(const struct quire *q, int nid)
{
	struct tally tally = { 0 };

	for (int i = 0; i < (int)q->topology.node_count; i++)
		if (q->topology.nodes[i] && (nid == QUIRE_NO_NODE || nid == i))
			tally_node(q->topology.nodes[i], &tally);
	return tally;
}

static uint64_t most_movable(const struct quire *q, uint64_t kernel)
{
	return qi_div64(kernel * q->hotplug.policy.auto_movable_ratio, 100);
}

/* May `need` more pages become movable? */
static bool ratio_allows(const struct quire *q, int nid, const struct qi_memory_group *own, uint64_t need)
{
	const struct quire_hotplug *h = &q->hotplug;
	struct tally tally = tally_of(q, nid);
	uint64_t bound = 0;

	/* What other devices that unplug by themselves have is their own business, also the kernel memory it needs. */
	for (size_t i = 0; i < h->group_count; i++) {
		const struct qi_memory_group *group = &h->groups[i];
		uint64_t pays;

		if (group->nid == QUIRE_NO_NODE || !group->dynamic || group == own ||
		    (nid != QUIRE_NO_NODE && group->nid != nid))
			continue;
		pays = qi_div64(group->movable * 100, h->policy.auto_movable_ratio);
		bound += pays - qi_min(pays, group->kernel);
		tally.movable -= qi_min(tally.movable, group->movable);
	}
	if (tally.kernel <= bound)
		return false;
	tally.kernel -= bound;
	if (own && own->dynamic)
		tally.kernel += own->kernel;
	return tally.movable + need <= most_movable(q, tally.kernel);
}

/* How much of the unit around the block is online; false: some of it in a kernel zone. */
static bool unit_online(const struct quire *q, quire_pfn_t pfn, uint64_t unit, uint64_t *online)
{
	quire_pfn_t start = qi_align_down(pfn, unit), stop;

	*online = 0;
	for (quire_pfn_t at = start; at < start + unit; at = stop) {
		const struct quire_zone *zone = qi_zone_map_at(&q->topology, at, &stop);

		stop = qi_min(stop, start + unit);
		if (!zone)
			continue;
		if (zone->type != QUIRE_ZONE_MOVABLE)
			return false;
		*online += stop - at;
	}
	return true;
}

static bool auto_movable(const struct quire *q, const struct qi_memory_block *block, int nid)
{
	const struct qi_memory_group *group = qi_memory_group(q, block->group);
	uint64_t need = block->pages, online;

	if (!q->hotplug.policy.auto_movable_ratio)
		return false;
	if (group && !group->dynamic) {
		if (group->kernel)
			return false;
		need = group->pages - qi_min(group->pages, group->movable);
	} else if (group && group->pages > block->pages) {
		if (!unit_online(q, block->pfn, group->pages, &online))
			return false;
		need = group->pages - online;
	}
	if (!ratio_allows(q, QUIRE_NO_NODE, group, need))
		return false;
	return !q->hotplug.policy.auto_movable_numa_aware || ratio_allows(q, nid, group, need);
}

/* --- the zone --------------------------------------------------------------------------------------------------------- */

static bool intersects(const struct quire_zone *zone, const struct qi_memory_block *block)
{
	return zone->spanned && zone->start_pfn < qi_block_end(block) && block->pfn < zone->start_pfn + zone->spanned;
}

static struct quire_zone *kernel_zone(struct quire_node *node, const struct qi_memory_block *block)
{
	for (unsigned type = 0; type < QUIRE_ZONE_NORMAL; type++)
		if (intersects(&node->zones[type], block))
			return &node->zones[type];
	return &node->zones[QUIRE_ZONE_NORMAL];
}

static bool contiguous_movable(const struct quire *q, struct quire_node *node, const struct qi_memory_block *block)
{
	bool in_kernel = intersects(kernel_zone(node, block), block);
	bool in_movable = intersects(&node->zones[QUIRE_ZONE_MOVABLE], block);

	return in_kernel != in_movable ? in_movable : q->config.options.movable_node;
}

struct quire_zone *qi_online_zone(const struct quire *q, const struct qi_memory_block *block, enum quire_online_type type)
{
	int nid = block->added ? block->nid : qi_memory_find(q, block->pfn, qi_block_end(block)).nid;
	struct quire_node *node = quire_topology_node(&q->topology, nid);
	bool movable = type == QUIRE_ONLINE_MOVABLE;

	if (!node)
		return NULL;
	if (type == QUIRE_ONLINE_AUTO)
		movable = q->hotplug.policy.online_policy == QUIRE_ONLINE_AUTO_MOVABLE ? auto_movable(q, block, nid) :
											  contiguous_movable(q, node, block);
	if (movable && (q->config.zone_mask >> QUIRE_ZONE_MOVABLE & 1))
		return &node->zones[QUIRE_ZONE_MOVABLE];
	return kernel_zone(node, block);
}

static const char *zone_name(const struct quire_zone *zone, const struct quire_zone *but)
{
	return zone && zone != but ? quire_zone_name(zone->type) : "";
}

const char *quire_memory_valid_zones(const struct quire *q, quire_pfn_t pfn, char *text, size_t size)
{
	struct quire_zone *first, *kernel, *movable;
	struct qi_memory_block block;
	struct quire_block described;

	if (quire_block_at(q, pfn, &described) != QUIRE_OK) {
		qi_snprintf(text, size, "none");
		return text;
	}
	if (described.state != QUIRE_BLOCK_OFFLINE) {
		qi_snprintf(text, size, "%s", described.zone ? quire_zone_name(described.zone->type) : "none");
		return text;
	}
	qi_memory_block_at(q, pfn, &block);
	first = qi_online_zone(q, &block, QUIRE_ONLINE_AUTO);
	kernel = qi_online_zone(q, &block, QUIRE_ONLINE_KERNEL);
	movable = qi_online_zone(q, &block, QUIRE_ONLINE_MOVABLE);
	qi_snprintf(text, size, "%s%s%s%s%s", zone_name(first, NULL), kernel != first ? " " : "", zone_name(kernel, first),
		    movable != first && movable != kernel ? " " : "", movable != kernel ? zone_name(movable, first) : "");
	return text;
}

void quire_memory_movable_advice(struct quire *q, int nid, uint64_t pages, struct quire_movable_advice *advice)
{
	struct tally tally = tally_of(q, nid);
	uint64_t movable = tally.movable + pages;

	*advice = (struct quire_movable_advice){ .kernel_pages = tally.kernel, .movable_pages = movable };
	advice->most_pages = most_movable(q, tally.kernel);
	advice->ratio = tally.kernel ? (unsigned)qi_min(qi_div64(movable * 100, tally.kernel), UINT32_MAX) : UINT32_MAX;
	advice->imbalanced = movable > advice->most_pages;
}

#endif
