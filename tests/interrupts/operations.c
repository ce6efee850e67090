/* See operations.h. Each gives back what it took; what it asks of the engine is stepped through. */
#include "operations.h"

#include "stepper.h"

#define OK(call) assert_int_equal(STEPPED(call), QUIRE_OK)
#define Q (&w->b->q)
#define NOWAIT (QUIRE_GFP_NOWAIT | QUIRE_GFP_MOVABLE | QUIRE_GFP_HIGHMEM)
#define MOVABLE (QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_NOWARN)

/* --- requests and frees ----------------------------------------------------------------------------------------------- */

static void blocks(struct world *w)
{
	static const quire_gfp_t flags[] = { QUIRE_GFP_KERNEL, MOVABLE, QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE,
					     QUIRE_GFP_ATOMIC, QUIRE_GFP_KERNEL | QUIRE_GFP_ZERO };
	quire_pfn_t pfn[11];

	for (unsigned i = 0; i < 5; i++) {
		for (unsigned order = 0; order < 11; order++)
			OK(quire_alloc_frames(Q, QUIRE_NO_NODE, order, flags[i], &pfn[order]));
		for (unsigned order = 0; order < 11; order++)
			OK(quire_free_frames(Q, pfn[order], order));
	}
}

static void many(struct world *w)
{
	quire_pfn_t pfns[150];

	for (unsigned i = 0; i < 150; i++)
		pfns[i] = QUIRE_PFN_NONE;
	assert_int_equal(STEPPED(quire_alloc_frames_bulk(Q, QUIRE_NO_NODE, QUIRE_GFP_KERNEL, 150, pfns)), 150);
	assert_int_equal(STEPPED(quire_free_frames_bulk(Q, 150, pfns)), 0);
}

static void exact(struct world *w)
{
	quire_pfn_t pfn;

	OK(quire_alloc_frames_exact(Q, QUIRE_NO_NODE, 1100, QUIRE_GFP_KERNEL, &pfn));
	OK(quire_free_frames_exact(Q, pfn, 1100));
}

static void pages(struct world *w)
{
	struct quire_page *page;

	OK(quire_alloc_pages(Q, QUIRE_NO_NODE, 3, QUIRE_GFP_KERNEL | QUIRE_GFP_COMP, &page));
	STEPPED_VOID(quire_page_get(page));
	OK(quire_put_page(Q, page));
	OK(quire_put_page(Q, page));
	OK(quire_alloc_pages(Q, QUIRE_NO_NODE, 2, QUIRE_GFP_KERNEL, &page));
	OK(quire_split_page(Q, page, 2));
	for (unsigned i = 0; i < 4; i++)
		OK(quire_free_pages(Q, quire_pfn_to_page(&Q->memmap, quire_page_to_pfn(&Q->memmap, page) + i), 0));
}

static void splits(struct world *w)
{
	quire_pfn_t pfn;

	OK(quire_alloc_frames(Q, QUIRE_NO_NODE, 9, QUIRE_GFP_KERNEL, &pfn));
	OK(quire_split_frames(Q, pfn, 9, 6));
	for (unsigned i = 0; i < 8; i++)
		OK(quire_free_frames(Q, pfn + i * 64, 6));
}

static void mistakes(struct world *w)
{
	quire_pfn_t pfn;

	OK(quire_alloc_frames(Q, QUIRE_NO_NODE, 4, QUIRE_GFP_KERNEL, &pfn));
	assert_int_not_equal(STEPPED(quire_free_frames(Q, pfn + 1, 2)), QUIRE_OK);
	OK(quire_free_frames(Q, pfn, 4));
	assert_int_not_equal(STEPPED(quire_free_frames(Q, pfn, 4)), QUIRE_OK);
	assert_int_not_equal(STEPPED(quire_free_frames(Q, QUIRE_PFN_NONE / 2, 0)), QUIRE_OK);
	assert_int_equal(STEPPED(quire_alloc_frames(Q, 77, 0, QUIRE_GFP_KERNEL, &pfn)), QUIRE_ENOENT);
}

static void policies(struct world *w)
{
	struct quire_policy policy = { .mode = QUIRE_POLICY_INTERLEAVE };
	quire_pfn_t pfn;

	quire_nodemask_set(&policy.nodes, 0);
	OK(quire_alloc_frames_policy(Q, &policy, 0, QUIRE_GFP_KERNEL, &pfn));
	OK(quire_free_frames(Q, pfn, 0));
	policy.mode = QUIRE_POLICY_BIND;
	OK(quire_alloc_frames_policy(Q, &policy, 1, QUIRE_GFP_KERNEL, &pfn));
	OK(quire_free_frames(Q, pfn, 1));
	OK(quire_alloc_frames_mask(Q, 0, &policy.nodes, 0, QUIRE_GFP_KERNEL, &pfn));
	OK(quire_free_frames(Q, pfn, 0));
}

/* --- memory runs short ------------------------------------------------------------------------------------------------ */

static uint64_t spare(void *ctx, int nid)
{
	const struct keeper *k = ctx;

	(void)nid;
	return k->held;
}

/* One block that the keeper holds, on each call. */
static uint64_t shrink(void *ctx, const struct quire_reclaim *reclaim)
{
	struct keeper *k = ctx;
	static quire_pfn_t at;

	(void)reclaim;
	for (quire_pfn_t n = 0; n < k->b->end; n++) {
		at = (at + 1) % k->b->end;
		if (k->head[at] == at) {
			unsigned order = k->order[at];

			keeper_give(k, at);
			return 1ull << order;
		}
	}
	return 0;
}

static void fill_up(struct world *w)
{
	for (unsigned order = 11; order--;)
		while (keeper_take(w->keeper, order, NOWAIT) != KEEPER_NONE)
			continue;
}

static void empty(struct world *w)
{
	for (quire_pfn_t pfn = 0; pfn < w->b->end; pfn++)
		if (w->keeper->head[pfn] == pfn)
			keeper_give(w->keeper, pfn);
}

static void short_of_memory(struct world *w)
{
	struct quire_shrinker shrinker = { .name = "the keeper", .count = spare, .scan = shrink, .ctx = w->keeper };
	quire_pfn_t pfn;

	fill_up(w);
	for (unsigned order = 0; order < 4; order++)
		if (STEPPED(quire_alloc_frames(Q, 0, order, QUIRE_GFP_ATOMIC | QUIRE_GFP_NOWARN, &pfn)) == QUIRE_OK)
			OK(quire_free_frames(Q, pfn, order));
	OK(quire_register_shrinker(Q, &shrinker));
	for (unsigned order = 0; order < 4; order++)
		if (STEPPED(quire_alloc_frames(Q, 0, order, QUIRE_GFP_KERNEL | QUIRE_GFP_NOWARN, &pfn)) == QUIRE_OK)
			OK(quire_free_frames(Q, pfn, order));
	OK(quire_unregister_shrinker(Q, &shrinker));
	empty(w);
}

static void reclaim_tick(struct world *w)
{
	struct quire_shrinker shrinker = { .name = "the keeper", .count = spare, .scan = shrink, .ctx = w->keeper };

	assert_int_equal(quire_register_shrinker(Q, &shrinker), QUIRE_OK);
	fill_up(w);
	STEPPED(quire_reclaim_tick(Q, 0));
	assert_int_equal(quire_unregister_shrinker(Q, &shrinker), QUIRE_OK);
	empty(w);
}

static void explanations(struct world *w)
{
	const struct quire_zone *zone;
	struct quire_request_record record;
	struct quire_zone_explanation e;

	STEPPED(quire_explain_zone(Q, &Q->topology.nodes[0]->zones[QUIRE_ZONE_DMA32], 3, QUIRE_GFP_KERNEL, &e));
	STEPPED(quire_explain_outcome(Q, QUIRE_NO_NODE, 3, QUIRE_GFP_KERNEL, &zone));
	STEPPED(quire_last_failed(Q, &record));
	STEPPED(quire_last_slow(Q, &record));
}

/* --- all of the allocator --------------------------------------------------------------------------------------------- */

static void drain(struct world *w)
{
	quire_pfn_t pfns[100];

	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		for (unsigned i = 0; i < 100; i++)
			pfns[i] = QUIRE_PFN_NONE;
		quire_hosted_bind_cpu(cpu);
		assert_int_equal(quire_alloc_frames_bulk(Q, 0, QUIRE_GFP_KERNEL, 100, pfns), 100);
		assert_int_equal(quire_free_frames_bulk(Q, 100, pfns), 0);
	}
	OK(quire_drain_frames(Q));
}

static void tunables(struct world *w)
{
	struct quire_tunables t = Q->config.tunables;

	t.min_free_kbytes = 2000;
	OK(quire_tunables_apply(Q, &t));
	t.min_free_kbytes = -1;
	t.watermark_scale_factor = 12;
	OK(quire_tunables_apply(Q, &t));
}

static void cpus(struct world *w)
{
	OK(quire_cpu_offline(Q, CPUS - 1));
	OK(quire_cpu_online(Q, CPUS - 1, 0));
	/* Beyond the boot count: fronts move to larger tables. Of which node it is may have no place. */
	assert_true(STEPPED(quire_cpu_online(Q, CPUS + 1, 0)) != QUIRE_EINVAL);
	OK(quire_cpu_offline(Q, CPUS + 1));
}

static void discard(void *ctx, const char *text, size_t length)
{
	(void)ctx;
	(void)text;
	(void)length;
}

static const struct quire_report_sink nowhere = { .write = discard };

static void reports(struct world *w)
{
	STEPPED_VOID(quire_report_zoneinfo(Q, &nowhere));
	STEPPED_VOID(quire_report_buddyinfo(Q, &nowhere));
	STEPPED_VOID(quire_report_pagetypeinfo(Q, &nowhere));
	STEPPED_VOID(quire_report_meminfo(Q, &nowhere));
	STEPPED_VOID(quire_report_memory_blocks(Q, &nowhere));
	STEPPED_VOID(quire_explain_failure(Q, 0, 4, QUIRE_GFP_KERNEL, &nowhere));
	STEPPED_VOID(quire_explain_frame(Q, AREA_PFN, &nowhere));
}

static void figures(struct world *w)
{
	const struct quire_zone *zone = &Q->topology.nodes[0]->zones[QUIRE_ZONE_DMA32];
	struct quire_zone_counts counts;
	struct quire_mixing mixing;

	STEPPED(quire_vmstat(Q, QUIRE_VM_PGFREE));
	STEPPED_VOID(quire_zone_count(Q, zone, &counts));
	STEPPED_VOID(quire_zone_mixing(zone, &mixing));
	STEPPED(quire_fragmentation_index(zone, 5));
	STEPPED(quire_fragmentation_score(Q, 0));
	STEPPED(quire_zone_kept_pages(zone));
}

static bool count_run(void *ctx, quire_pfn_t pfn, uint64_t count)
{
	(void)pfn;
	*(uint64_t *)ctx += count;
	return true;
}

static void walk(struct world *w)
{
	uint64_t frames = 0;

	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		STEPPED_VOID(quire_zone_walk_free(&Q->topology.nodes[0]->zones[type], count_run, &frames));
	assert_true(frames);
}

static void block_types(struct world *w)
{
	OK(quire_set_pageblock_type(Q, 0x6000, QUIRE_MIGRATE_UNMOVABLE));
	STEPPED(quire_pageblock_type(Q, 0x6000));
	OK(quire_set_pageblock_type(Q, 0x6000, QUIRE_MIGRATE_MOVABLE));
}

/* --- memory that moves ------------------------------------------------------------------------------------------------ */

/* n frames of the keeper's, and every second one given back. */
static void scatter(struct world *w, unsigned n)
{
	quire_pfn_t held[8192];

	for (unsigned i = 0; i < n; i++)
		held[i] = keeper_take(w->keeper, 0, MOVABLE);
	for (unsigned i = 0; i < n; i += 2)
		if (held[i] != KEEPER_NONE)
			keeper_give(w->keeper, held[i]);
	assert_int_equal(quire_drain_frames(Q), QUIRE_OK);
}

/* A pageblock of which the keeper has frames, and the engine none. */
static quire_pfn_t inhabited(struct world *w)
{
	struct quire_survey survey;

	for (quire_pfn_t pfn = 512; pfn < w->b->end; pfn += 512)
		if (quire_survey_range(Q, pfn, 512, &survey) == QUIRE_OK && survey.movable && !survey.unmovable &&
		    !survey.absent)
			return pfn;
	fail_msg("nobody lives anywhere");
	return 0;
}

static void ranges(struct world *w)
{
	struct quire_survey survey;
	quire_pfn_t pfn;

	scatter(w, 1000);
	pfn = inhabited(w);
	OK(quire_survey_range(Q, pfn, 512, &survey));
	OK(quire_alloc_range(Q, pfn, 512, QUIRE_GFP_KERNEL, NULL));
	OK(quire_free_range(Q, pfn, 512));
	OK(quire_alloc_contig(Q, 0, 1500, 0, QUIRE_GFP_KERNEL, &pfn, NULL));
	OK(quire_free_range(Q, pfn, 1500));
	empty(w);
}

static void compaction(struct world *w)
{
	scatter(w, 4000);
	STEPPED(quire_compaction_tick(Q, 0));
	STEPPED(quire_compact_node(Q, 0));
	empty(w);
}

static void areas(struct world *w)
{
	const struct quire_cma_area *area = quire_cma_area_of(Q, AREA_PFN);
	struct quire_cma_stats stats;
	quire_pfn_t pfn;

	assert_non_null(area);
	OK(quire_cma_alloc(Q, area, 1000, 4, QUIRE_GFP_KERNEL, &pfn, NULL));
	STEPPED_VOID(quire_cma_stats(Q, area, &stats));
	OK(quire_cma_release(Q, area, pfn, 1000));
}

static void failing_frames(struct world *w)
{
	struct quire_poison_counts counts;
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(Q, 0, 3, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(STEPPED(quire_poison_frame(Q, pfn + 2, QUIRE_POISON_TEST, NULL)), QUIRE_EBUSY);
	STEPPED_VOID(quire_poison_count(Q, 0, w->b->end, &counts));
	OK(quire_free_frames(Q, pfn, 3));
	OK(quire_unpoison_frame(Q, pfn + 2));
	OK(quire_poison_frame(Q, AREA_PFN + 20, QUIRE_POISON_TEST, NULL));
	OK(quire_unpoison_frame(Q, AREA_PFN + 20));
	OK(quire_poison_frame(Q, AREA_PFN + 20, QUIRE_POISON_TEST | QUIRE_POISON_SOFT, NULL));
	OK(quire_unpoison_frame(Q, AREA_PFN + 20));
}

/* --- guests ----------------------------------------------------------------------------------------------------------- */

static enum quire_status agree(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx;
	(void)pfn;
	(void)order;
	return QUIRE_OK;
}

static void balloon(struct world *w)
{
	struct quire_balloon b = { .name = "balloon", .release = agree, .populate = agree };

	OK(quire_balloon_register(Q, &b));
	assert_int_equal(STEPPED(quire_balloon_inflate(&b, 0, 2500, QUIRE_BALLOON_SMALL)), 2500);
	assert_true(STEPPED(quire_balloon_deflate(&b, 2500)) >= 2500);
	OK(quire_balloon_unregister(&b));
}

static enum quire_status heard(void *ctx, const struct quire_free_range *range, unsigned count)
{
	(void)ctx;
	(void)range;
	(void)count;
	return QUIRE_OK;
}

static void reporting(struct world *w)
{
	struct quire_reporting r = { .report = heard, .delay_ns = 1 };

	OK(quire_reporting_open(Q, &r));
	assert_true(STEPPED(quire_reporting_tick(Q, &r)));
}

static void device(struct world *w)
{
	static const struct quire_device_range range = { .pfn = DEVICE_PFN, .count = 1024 };
	struct quire_device d = { .name = "device", .type = QUIRE_DEVICE_GENERIC, .ranges = &range, .range_count = 1 };

	OK(quire_device_add(Q, &d));
	OK(quire_device_remove(Q, &d, NULL));
}

/* --- memory that comes and goes --------------------------------------------------------------------------------------- */

static void late(struct world *w)
{
	OK(quire_free_late(Q, LATE_BASE, LATE_SIZE));
	OK(quire_memory_withdraw(Q, LATE_BASE >> 12, 512, NULL));
	OK(quire_free_late(Q, LATE_BASE, 512 << 12));
}

static void plug_in(struct world *w)
{
	struct quire_memory_add add = { .base = PLUG_BASE, .size = PLUG_SIZE, .block_size = PLUG_SIZE / 2 };

	OK(quire_memory_group_add(Q, 0, false, PLUG_SIZE >> 12, &add.group));
	OK(quire_memory_add(Q, &add, NULL));
}

static void online(struct world *w)
{
	OK(quire_memory_online(Q, PLUG_BASE >> 12, PLUG_SIZE >> 12, QUIRE_ONLINE_MOVABLE, NULL));
}

static void offline(struct world *w)
{
	struct quire_survey survey;

	scatter(w, 2000);
	/* What it says is true for the moment: an interrupt may have frames of the blocks in hand. */
	STEPPED(quire_memory_offline_survey(Q, PLUG_BASE >> 12, PLUG_SIZE >> 12, &survey, NULL));
	if (STEPPED(quire_memory_offline(Q, PLUG_BASE >> 12, PLUG_SIZE >> 12, NULL)) != QUIRE_OK)
		fail_msg("%s", w->b->told);
	empty(w);
}

static void pull_out(struct world *w)
{
	OK(quire_memory_remove(Q, PLUG_BASE, PLUG_SIZE, NULL));
	OK(quire_memory_group_remove(Q, 1));
}

static void faults(struct world *w)
{
	const struct quire_fault_options on = { .probability = 50, .times = -1, .min_order = 3 };
	const struct quire_fault_options off = { .probability = 0 };
	quire_pfn_t pfn;

	OK(quire_debug_set_faults(Q, &on));
	for (unsigned i = 0; i < 8; i++)
		if (STEPPED(quire_alloc_frames(Q, 0, 3, QUIRE_GFP_KERNEL, &pfn)) == QUIRE_OK)
			OK(quire_free_frames(Q, pfn, 3));
	OK(quire_debug_set_faults(Q, &off));
}

const struct operation operations[] = {
	{ "requests and frees, orders 0 to 10", blocks }, { "... many at once", many }, { "... exact numbers", exact },
	{ "... with descriptors", pages }, { "... split", splits }, { "... refused", mistakes },
	{ "... policies", policies },
	{ "requests when memory is short", short_of_memory }, { "reclaim, a tick", reclaim_tick },
	{ "explaining a request", explanations }, { "draining all CPUs", drain }, { "tunables", tunables },
	{ "CPUs on and off line", cpus }, { "reports as text", reports }, { "counts and indices", figures },
	{ "quire_zone_walk_free", walk }, { "pageblock types", block_types }, { "ranges, contiguous blocks", ranges },
	{ "compaction", compaction }, { "CMA", areas }, { "failing frames", failing_frames }, { "balloon", balloon },
	{ "reporting, a tick", reporting }, { "device memory", device }, { "quire_free_late", late },
	{ "memory added", plug_in }, { "memory on line", online }, { "memory off line", offline },
	{ "memory removed", pull_out }, { "requests made to fail", faults }, { NULL, NULL },
};
