/*
 * Five models, three policies, one machine: every frame must come out the same, and as a naive reader of the map expects.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"

#define OUTSIDE QUIRE_HOSTED_OUTSIDE_METADATA

static struct rig rig;

static bool is_flat(void)
{
	return rig.q.memmap.model == QUIRE_MODEL_FLATMEM || rig.q.memmap.model == QUIRE_MODEL_DISCONTIGMEM;
}

static bool reserved_by_ledger(quire_pfn_t pfn)
{
	return quire_memblock_overlaps_region(&rig.q.memblock, &rig.q.memblock.reserved, pfn << 12, 4096);
}

static void check_frame(quire_pfn_t pfn)
{
	const struct quire_memmap *m = &rig.q.memmap;
	const struct quire_page *page = quire_pfn_to_page(m, pfn);
	const struct rig_frame *f = &rig.frames[pfn];
	bool reserved = !f->memory || f->nomap || reserved_by_ledger(pfn);

	assert_int_equal(quire_page_to_pfn(m, page), pfn);
	assert_int_equal(quire_page_nid(m, page), f->nid);
	assert_int_equal(quire_page_zone(m, page), f->zone);
	assert_int_equal(quire_page_test(page, QUIRE_PAGE_RESERVED), reserved);
	assert_int_equal(quire_page_refs(page), reserved);
	assert_int_equal(quire_page_order(page), 0);
	assert_true(page->owner == 0);
	for (unsigned i = 16; i < rig.q.config.page_stride; i++)
		assert_int_equal(((const char *)page)[i], 0);
}

static void check_all(bool expect_ready)
{
	const struct quire_memmap *m = &rig.q.memmap;
	uint64_t valid = 0;

	for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn++) {
		const struct rig_frame *f = &rig.frames[pfn];

		if (!is_flat())
			assert_int_equal(quire_pfn_valid(m, pfn), f->present_section);
		else if (f->memory)
			assert_true(quire_pfn_valid(m, pfn));
		if (!quire_pfn_valid(m, pfn))
			continue;
		valid++;
		assert_true(quire_pfn_in_present_section(m, pfn));
		if (f->memory)
			assert_true(quire_pfn_online(m, pfn));
		if (expect_ready)
			assert_true(quire_pfn_initialised(m, pfn));
		if (quire_pfn_initialised(m, pfn))
			check_frame(pfn);
	}
	if (expect_ready)
		assert_int_equal(m->stats.initialised, valid);
	assert_false(quire_pfn_valid(m, ~0ull >> 13));
	assert_false(quire_pfn_valid(m, 1ull << 28));
	assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
}

static void check_walk(void)
{
	const struct quire_memmap *m = &rig.q.memmap;
	quire_pfn_t cursor = 0, expected = 0;
	struct quire_pfn_run run, before = { .end = 0 };

	while (quire_memmap_next_run(m, &cursor, RIG_FRAMES + 5000, &run)) {
		assert_int_equal(run.start, expected);
		assert_true(run.end > run.start);
		if (before.end)
			assert_int_not_equal(before.state, run.state);
		for (quire_pfn_t pfn = run.start; pfn < run.end && pfn < RIG_FRAMES; pfn += 7) {
			bool valid = quire_pfn_valid(m, pfn), done = quire_pfn_initialised(m, pfn);

			assert_int_equal(run.state, !valid ? QUIRE_PFN_ABSENT :
						    done ? QUIRE_PFN_READY : QUIRE_PFN_UNTOUCHED);
		}
		before = run;
		expected = run.end;
	}
	assert_int_equal(expected, RIG_FRAMES + 5000);
}

static void touch_all(void)
{
	const struct quire_memmap *m = &rig.q.memmap;

	for (unsigned i = 0; i < 30; i++) {
		quire_pfn_t pfn = (quire_pfn_t)rand() % RIG_FRAMES;
		enum quire_status status = quire_memmap_prepare(&rig.q, pfn, 1);

		assert_int_equal(status, quire_pfn_valid(m, pfn) ? QUIRE_OK : QUIRE_ERANGE);
		if (status == QUIRE_OK)
			assert_true(quire_pfn_initialised(m, pfn));
	}
	qi_memmap_mark_reserved(&rig.q);
	check_all(false);
	check_walk();
	for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn++)
		if (quire_pfn_valid(m, pfn))
			assert_int_equal(quire_memmap_prepare(&rig.q, pfn, 1), QUIRE_OK);
}

static void one(unsigned seed, enum quire_model model, enum quire_init_policy init, uint32_t flags)
{
	enum quire_status status;

	rig_make(&rig, seed, model, init, flags);
	status = rig_boot(&rig);
	if (status == QUIRE_EUNSUPPORTED && model == QUIRE_MODEL_DISCONTIGMEM) {
		assert_non_null(strstr(rig.last_message, "cannot describe this machine"));
		rig_drop(&rig);
		return;
	}
	assert_int_equal(status, QUIRE_OK);
	check_all(init == QUIRE_INIT_EAGER);
	check_walk();
	if (init == QUIRE_INIT_DEFERRED) {
		assert_int_equal(qi_memmap_init_late(&rig.q), QUIRE_OK);
		assert_true(rig.q.memmap.stats.initialised >= rig.q.memmap.stats.initialised_early);
	} else if (init == QUIRE_INIT_LAZY) {
		assert_int_equal(rig.q.memmap.stats.initialised, 0);
		touch_all();
	}
	qi_memmap_mark_reserved(&rig.q);
	check_all(true);
	check_walk();
	rig_drop(&rig);
}

static void test_all_models_all_policies(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 8; seed++)
		for (unsigned model = RIG_FIRST_MODEL; model < RIG_END_MODELS; model++)
			for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++)
				one(seed, (enum quire_model)model, (enum quire_init_policy)init,
				    seed % 3 ? QUIRE_HOSTED_OUTSIDE_METADATA : 0);
}

/* What the memmap took from the ledger is all there again after fini. */
static void test_gives_everything_back(void **state)
{
	(void)state;
	for (unsigned model = RIG_FIRST_MODEL; model < RIG_END_MODELS; model++) {
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
			struct quire_memblock_region before[64];
			size_t count;

			rig_make(&rig, 5, (enum quire_model)model, (enum quire_init_policy)init,
				 model & 1 ? QUIRE_HOSTED_NO_HUGE : 0);
			count = rig.q.memblock.reserved.cnt;
			memcpy(before, rig.q.memblock.reserved.regions, count * sizeof(before[0]));
			if (rig_boot(&rig) == QUIRE_OK) {
				assert_true(rig.q.memblock.reserved.total_size > 0);
				assert_int_equal(quire_memmap_prepare(&rig.q, RIG_FRAMES - 3000, 200), QUIRE_OK);
			}
			qi_memmap_fini(&rig.q);
			assert_int_equal(rig.q.memblock.reserved.cnt, count);
			assert_memory_equal(before, rig.q.memblock.reserved.regions, count * sizeof(before[0]));
			assert_int_equal(quire_hosted_window_mapped(rig.hosted), 0);
			assert_int_equal(rig.q.metadata.sections + rig.q.metadata.descriptors, 0);
			quire_hosted_destroy(rig.hosted);
		}
	}
}

/* Several CPUs want descriptors at random places at once, under DEFERRED while workers write the rest: nothing is
 * written twice. */
struct crowd { unsigned late; quire_pfn_t marked[8]; };

static void crowd_worker(void *arg, unsigned worker)
{
	struct crowd *crowd = arg;
	uint32_t seed = worker * 7919 + 1;

	if (worker < crowd->late) {
		qi_memmap_init_late(&rig.q);
		return;
	}
	for (unsigned i = 0; i < 400; i++) {
		quire_pfn_t pfn = (seed = seed * 1664525 + 1013904223) / 65536 % RIG_FRAMES;

		if (!quire_pfn_valid(&rig.q.memmap, pfn) || pfn % 8 != worker)
			continue;
		if (quire_memmap_prepare(&rig.q, pfn, 1) != QUIRE_OK)
			continue;
		quire_pfn_to_page(&rig.q.memmap, pfn)->owner = pfn + 1;
		crowd->marked[worker] = pfn;
	}
}

static void test_many_at_once(void **state)
{
	(void)state;
	for (unsigned model = RIG_FIRST_MODEL; model < RIG_END_MODELS; model++) {
		for (unsigned init = QUIRE_INIT_DEFERRED; init < QUIRE_INIT_POLICIES; init++) {
			struct crowd crowd = { .late = init == QUIRE_INIT_DEFERRED };

			rig_make(&rig, 10, (enum quire_model)model, (enum quire_init_policy)init, OUTSIDE);
			if (rig_boot(&rig) == QUIRE_OK) {
				rig.q.platform->run_parallel(rig.q.platform->ctx, crowd_worker, &crowd, 8);
				for (unsigned w = crowd.late; w < 8; w++)
					assert_true(quire_pfn_to_page(&rig.q.memmap, crowd.marked[w])->owner ==
						    crowd.marked[w] + 1);
				assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
			}
			rig_drop(&rig);
		}
	}
}

static void refused(const char *why)
{
	assert_non_null(strstr(rig.last_message, why));
	assert_false(rig.q.memmap.ready);
	quire_hosted_destroy(rig.hosted);
}

static void test_refusals(void **state)
{
	(void)state;
	if (RIG_END_MODELS - RIG_FIRST_MODEL == 1)
		skip();
	rig_make(&rig, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, QUIRE_HOSTED_NO_VMEMMAP);
	assert_int_equal(rig_boot(&rig), QUIRE_EUNSUPPORTED);
	refused("no window");

	/* A hole of a terabyte: flat arrays would take more than there is. */
	rig_make(&rig, 1, QUIRE_MODEL_FLATMEM, QUIRE_INIT_EAGER, 0);
	quire_memblock_add_node(&rig.q.memblock, 1ull << 39, 1 << 20, 0, 0);
	assert_int_equal(quire_hosted_add_ram(rig.hosted, 1ull << 39, 1 << 20), QUIRE_OK);
	assert_int_equal(rig_boot(&rig), QUIRE_EUNSUPPORTED);
	refused("with its holes it needs");

	rig_make(&rig, 1, QUIRE_MODEL_SPARSEMEM, QUIRE_INIT_EAGER, 0);
	rig.q.config.geometry.physmem_bits = 48;
	assert_int_equal(rig_boot(&rig), QUIRE_EUNSUPPORTED);
	refused("more than half of memory");

	rig_make(&rig, 1, QUIRE_MODEL_SPARSEMEM_EXTREME, QUIRE_INIT_EAGER, 0);
	rig.q.config.geometry.physmem_bits = 56;
	assert_int_equal(rig_boot(&rig), QUIRE_EUNSUPPORTED);
	refused("too many sections");

	rig_make(&rig, 1, QUIRE_MODEL_SPARSEMEM_EXTREME, QUIRE_INIT_EAGER, 0);
	quire_memblock_add_node(&rig.q.memblock, 1ull << 40, 1 << 20, 0, 0);
	assert_int_equal(rig_boot(&rig), QUIRE_ERANGE);
	refused("physical address bits");
}

static void test_references(void **state)
{
	struct quire_page page = { .state = 0 };

	(void)state;
	quire_page_set_order(&page, 26);
	assert_false(quire_page_put(&page));
	quire_page_get(&page);
	quire_page_get(&page);
	assert_int_equal(quire_page_refs(&page), 2);
	assert_false(quire_page_put(&page));
	assert_true(quire_page_put(&page));
	assert_int_equal(quire_page_order(&page), 26);
	quire_page_set_refs(&page, QUIRE_PAGE_REF_MAX - 1);
	quire_page_get(&page);
	quire_page_get(&page);
	assert_int_equal(quire_page_refs(&page), QUIRE_PAGE_REF_MAX);
	assert_false(quire_page_put(&page));
	assert_int_equal(quire_page_refs(&page), QUIRE_PAGE_REF_MAX);
	assert_int_equal(quire_page_order(&page), 26);
	assert_int_equal(page.flags, 0);
}

static void test_pageblock_flags(void **state)
{
	struct quire_memmap *m = &rig.q.memmap;
	quire_pfn_t block;

	(void)state;
	for (unsigned model = RIG_FIRST_MODEL; model < RIG_END_MODELS; model++) {
		rig_make(&rig, 8, (enum quire_model)model, QUIRE_INIT_EAGER, QUIRE_HOSTED_OUTSIDE_METADATA);
		block = 1u << rig.q.config.geometry.pageblock_order;
		if (rig_boot(&rig) != QUIRE_OK) {
			rig_drop(&rig);
			continue;
		}
		for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn += block)
			assert_int_equal(quire_pageblock_flags(m, pfn), rig.frames[pfn].memory ? QUIRE_MIGRATE_MOVABLE : 0);
		for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn += block)
			quire_pageblock_set_flags(m, pfn + block / 2, (pfn / block * 7) & 15);
		for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn += block)
			assert_int_equal(quire_pageblock_flags(m, pfn + block - 1),
					 quire_pfn_valid(m, pfn) ? (pfn / block * 7) & 15 : 0);
		rig_drop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_models_all_policies),
		cmocka_unit_test(test_gives_everything_back),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_pageblock_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
