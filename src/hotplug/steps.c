/* What all operations share: one at a time, all zones at once, what went wrong, and what follows in the end. */
#include "hotplug/hotplug.h"

#include "page_alloc/page_alloc.h"
#include "topology/growth.h"
#include "topology/zone_map.h"
#include "zone/zone.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

void qi_hotplug_enter(struct quire *q)
{
	while (__atomic_exchange_n(&q->hotplug.lock, 1, __ATOMIC_ACQUIRE)) {
		if (q->platform->wait)
			q->platform->wait(q->platform->ctx);
		else
			qi_relax();
	}
}

void qi_hotplug_leave(struct quire *q)
{
	__atomic_store_n(&q->hotplug.lock, 0, __ATOMIC_RELEASE);
}

enum quire_status qi_hotplug_ready(const struct quire *q, struct quire_hotplug_failure *failure)
{
	bool deferred = quire_init_policy(&q->config) == QUIRE_INIT_DEFERRED;
	bool late = q->stage >= (deferred ? QUIRE_STAGE_LATE : QUIRE_STAGE_WATERMARKS);

	if (failure)
		*failure = (struct quire_hotplug_failure){ .obstacle.pfn = QUIRE_PFN_NONE };
	if (late && q->hotplug.boot_block)
		return QUIRE_OK;
	if (failure) {
		failure->step = late ? "sections" : "boot";
		failure->why = late ? "this machine has no memory blocks" : "the allocator is not open yet";
	}
	return late ? QUIRE_EUNSUPPORTED : QUIRE_EINVAL;
}

/*
 * Locks of zones nest from higher types to lower ones (zone/stock.h); among zones of one type nobody but us holds two.
 */
void qi_freeze(struct quire *q, unsigned long *state)
{
	qi_enter_cpu(q, state);
	for (int type = QUIRE_ZONE_TYPES - 1; type >= 0; type--)
		for (unsigned nid = 0; nid < q->topology.node_count; nid++)
			if (q->topology.nodes[nid] && q->topology.nodes[nid]->zones[type].tree)
				qi_lock(&qi_zone_of(&q->topology.nodes[nid]->zones[type])->lock);
}

void qi_thaw(struct quire *q, unsigned long state)
{
	for (int type = 0; type < QUIRE_ZONE_TYPES; type++)
		for (unsigned nid = 0; nid < q->topology.node_count; nid++)
			if (q->topology.nodes[nid] && q->topology.nodes[nid]->zones[type].tree)
				qi_unlock(&qi_zone_of(&q->topology.nodes[nid]->zones[type])->lock);
	qi_leave_cpu(q, state);
}

void qi_change_begin(struct quire *q, unsigned long *state)
{
	qi_enter_cpu(q, state);
	qi_topology_begin(&q->topology);
}

void qi_change_end(struct quire *q, unsigned long state)
{
	qi_topology_end(&q->topology);
	qi_at_hand_void(q);
	qi_leave_cpu(q, state);
}

enum quire_status qi_hotplug_fail(struct quire *q, struct quire_hotplug_failure *failure, enum quire_status status,
				  const char *what, quire_pfn_t pfn, uint64_t pages, const char *step, const char *why)
{
	unsigned shift = quire_page_shift(&q->config);
	const char *who = failure ? failure->who : NULL;

	if (failure) {
		failure->step = step;
		failure->why = why;
	}
	qi_log(q->platform, QUIRE_LOG_WARNING, "hotplug: memory [mem %#018llx-%#018llx] %s: %s: %s%s%s",
	       (unsigned long long)pfn << shift, ((unsigned long long)(pfn + pages) << shift) - 1, what, step, why,
	       who ? ": " : "", who ? who : "");
	return status;
}

static bool push_work(struct quire *q, const struct qi_memory_block *block, struct quire_zone *zone)
{
	struct quire_hotplug *h = &q->hotplug;
	void *table = h->work;

	if (!qi_hot_table(q, &table, &h->work_max, h->work_count, h->work_count + 1, sizeof(*h->work)))
		return false;
	h->work = table;
	h->work[h->work_count++] = (struct qi_hot_work){ *block, zone, zone ? zone->managed : 0 };
	return true;
}

enum quire_status qi_work_collect(struct quire *q, quire_pfn_t pfn, uint64_t pages, bool online, const char *what,
				  struct quire_hotplug_failure *failure)
{
	struct qi_memory_block block;
	quire_pfn_t end;

	q->hotplug.work_count = 0;
	if (!pages || !qi_add(pfn, pages, &end) || end > QUIRE_PHYS_MAX >> quire_page_shift(&q->config))
		return qi_hotplug_fail(q, failure, QUIRE_EINVAL, what, pfn, 0, "alignment", "that is no range of frames");
	for (quire_pfn_t at = pfn; at < end; at = qi_block_end(&block)) {
		struct quire_zone *zone;
		bool is_online;

		if (!qi_memory_block_at(q, at, &block) || block.pfn > at)
			return qi_hotplug_fail(q, failure, QUIRE_ENOENT, what, at, end - at, "sections",
					       "there is no memory block");
		if (block.pfn != at || qi_block_end(&block) > end)
			return qi_hotplug_fail(q, failure, QUIRE_EINVAL, what, at, end - at, "alignment",
					       "it must be whole memory blocks");
		zone = qi_memory_block_zone(q, &block, &is_online);
		if (is_online != online && !push_work(q, &block, zone))
			return qi_hotplug_fail(q, failure, QUIRE_ENOMEM, what, at, block.pages, "tables",
					       "no memory for them");
	}
	return QUIRE_OK;
}

/* What CPUs may keep of a zone follows when it is twice as large, or half. */
static void retune(const struct quire *q)
{
	for (size_t i = 0; i < q->hotplug.work_count; i++) {
		const struct qi_hot_work *work = &q->hotplug.work[i];

		if ((!i || work->zone != work[-1].zone) && qi_log2(work->zone->managed | 1) != qi_log2(work->managed | 1))
			qi_zone_retune(qi_zone_of(work->zone));
	}
}

void qi_hotplug_settle(struct quire *q, bool lists)
{
	unsigned long state = 0;

	if (lists) {
		qi_change_begin(q, &state);
		qi_zonelists_fill(&q->topology, true);
		qi_change_end(q, state);
	}
	qi_watermarks_follow(&q->topology, &q->config.tunables, &q->watermarks);
	/* Whether mobility is grouped follows, too. */
	qi_at_hand_void(q);
	retune(q);
}

void qi_hotplug_init(struct quire *q)
{
	const struct quire_boot_options *options = &q->config.options;
	struct quire_hotplug *h = &q->hotplug;

	h->boot_block = quire_memory_block_size(&q->config, q->machine, &q->memblock) >> quire_page_shift(&q->config);
	h->policy = (struct quire_hotplug_policy){
		.auto_online = quire_rules(&q->config) >= QUIRE_RULES_6_12 ? QUIRE_ONLINE_AUTO : QUIRE_ONLINE_NONE,
		.online_policy = options->memhp_auto_movable ? QUIRE_ONLINE_AUTO_MOVABLE : QUIRE_ONLINE_CONTIG_ZONES,
		.auto_movable_ratio = options->memhp_ratio_given ? options->memhp_ratio : 301,
		.auto_movable_numa_aware = !options->memhp_numa_unaware,
		.memmap_on_memory = options->memmap_on_memory,
	};
	if (options->memhp_online_given)
		h->policy.auto_online = !options->memhp_online ? QUIRE_ONLINE_NONE :
					options->memhp_online_kernel ? QUIRE_ONLINE_KERNEL :
					options->memhp_online_movable ? QUIRE_ONLINE_MOVABLE : QUIRE_ONLINE_AUTO;
	/* The ledger's free memory is the zones' now: its tables get their memory from us. */
	q->memblock.can_resize = false;
}

#endif
