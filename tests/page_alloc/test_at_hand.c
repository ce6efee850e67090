/*
 * The short road of usual requests (at_hand.h) comes to the same end as the whole one: what is handed out, what is counted,
 * what is refused. A trace makes every request take the whole road, so both can be had of one machine.
 */
#include "booted.h"

#include <quire/pages.h>
#include <quire/vmstat.h>

#define FRAMES 300u

static struct booted *machine(void)
{
	const struct booted_options options = { .map_count = 0 };

	return booted_open(&options);
}

static const struct quire_trace watching;

/* Take and free a pattern; the frames in the order they came. */
static void pattern(struct quire *q, quire_gfp_t gfp, quire_pfn_t *got)
{
	for (unsigned i = 0; i < FRAMES; i++) {
		assert_int_equal(quire_alloc_frames(q, i & 1 ? 0 : QUIRE_NO_NODE, 0, gfp, &got[i]), QUIRE_OK);
		if (i % 3 == 0) {
			assert_int_equal(quire_free_frames(q, got[i], 0), QUIRE_OK);
			assert_int_equal(quire_alloc_frames(q, 0, 0, gfp, &got[i]), QUIRE_OK);
		}
	}
	for (unsigned i = FRAMES; i-- > 0;)
		assert_int_equal(quire_free_frames(q, got[i], 0), QUIRE_OK);
}

static void both_roads_end_alike(void **state)
{
	static const quire_gfp_t flags[] = { QUIRE_GFP_KERNEL, QUIRE_GFP_HIGHUSER_MOVABLE, QUIRE_GFP_ATOMIC, QUIRE_GFP_DMA,
					     QUIRE_GFP_KERNEL | QUIRE_GFP_RECLAIMABLE };
	static quire_pfn_t short_road[FRAMES], whole_road[FRAMES];
	struct booted *a = machine(), *b = machine();

	(void)state;
	quire_set_trace(&b->q, &watching);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		pattern(&a->q, flags[i], short_road);
		pattern(&b->q, flags[i], whole_road);
		assert_memory_equal(short_road, whole_road, sizeof(short_road));
		for (unsigned item = 0; item < QUIRE_VM_ITEMS; item++)
			assert_int_equal(quire_vmstat(&a->q, item), quire_vmstat(&b->q, item));
	}
	assert_int_equal(quire_check(&a->q), QUIRE_OK);
	booted_close(b);
	booted_close(a);
}

/* Right after a frame was given back at hand, giving it back again is refused as ever. */
static void a_second_free_is_refused(void **state)
{
	struct booted *b = machine();
	quire_pfn_t pfn, other;

	(void)state;
	assert_int_equal(quire_alloc_frames(&b->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_alloc_frames(&b->q, 0, 0, QUIRE_GFP_KERNEL, &other), QUIRE_OK);
	assert_int_equal(quire_free_frames(&b->q, pfn, 0), QUIRE_OK);
	assert_int_equal(quire_free_frames(&b->q, pfn, 0), QUIRE_EEXIST);
	assert_int_equal(quire_free_frames(&b->q, other, 1), QUIRE_EINVAL);
	assert_int_equal(quire_free_frames(&b->q, other, 0), QUIRE_OK);
	assert_int_equal(quire_free_frames(&b->q, b->end + 4096, 0), QUIRE_ENOENT);
	assert_int_equal(quire_free_frames(&b->q, QUIRE_PFN_NONE, 0), QUIRE_ENOENT);
	booted_close(b);
}

/* What makes no sense is not served because something happens to be at hand. */
static void nonsense_is_refused_with_something_at_hand(void **state)
{
	static const quire_gfp_t nonsense[] = {
		QUIRE_GFP_KERNEL | QUIRE_GFP_DMA | QUIRE_GFP_DMA32,
		QUIRE_GFP_KERNEL | QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE,
		QUIRE_GFP_KERNEL | QUIRE_GFP_NOFAIL | QUIRE_GFP_NORETRY,
		QUIRE_GFP_KSWAPD_RECLAIM | QUIRE_GFP_NOFAIL,
	};
	struct booted *b = machine();
	quire_pfn_t pfn, untouched = 12345;

	(void)state;
	assert_int_equal(quire_alloc_frames(&b->q, 0, 0, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	assert_int_equal(quire_free_frames(&b->q, pfn, 0), QUIRE_OK);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++)
		assert_int_equal(quire_alloc_frames(&b->q, 0, 0, nonsense[i], &untouched), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&b->q, 0, 63, QUIRE_GFP_KERNEL, &untouched), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_frames(&b->q, 77, 0, QUIRE_GFP_KERNEL, &untouched), QUIRE_ENOENT);
	assert_int_equal(untouched, 12345);
	booted_close(b);
}

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

/* References of single frames against a count kept beside: taken, shared, dropped one by one, dropped once too often. */
static void references_are_counted(void **state)
{
	static struct quire_page *page[FRAMES];
	static unsigned refs[FRAMES];
	struct booted *b = machine();
	uint64_t seed = 5;

	(void)state;
	memset(refs, 0, sizeof(refs));
	for (unsigned turn = 0; turn < 60000; turn++) {
		unsigned i = (unsigned)(next(&seed) % FRAMES), what = (unsigned)(next(&seed) % 8);
		enum quire_status status;

		if (!refs[i]) {
			assert_int_equal(quire_alloc_pages(&b->q, 0, 0, QUIRE_GFP_KERNEL, &page[i]), QUIRE_OK);
			for (unsigned k = 0; k < FRAMES; k++)
				assert_true(k == i || !refs[k] || page[k] != page[i]);
			refs[i] = 1;
		} else if (what < 2) {
			quire_page_get(page[i]);
			refs[i]++;
		} else {
			status = what & 1 ? quire_put_page(&b->q, page[i]) : quire_free_pages(&b->q, page[i], 0);
			assert_int_equal(status, QUIRE_OK);
			if (!--refs[i])
				assert_int_equal(quire_free_pages(&b->q, page[i], 0), QUIRE_EEXIST);
		}
		assert_int_equal(quire_page_refs(page[i]), refs[i]);
		assert_int_equal(quire_page_order(page[i]), 0);
	}
	for (unsigned i = 0; i < FRAMES; i++)
		for (; refs[i]; refs[i]--)
			assert_int_equal(quire_free_pages(&b->q, page[i], 0), QUIRE_OK);
	assert_int_equal(quire_check(&b->q), QUIRE_OK);
	booted_close(b);
}

static bool is_trimmed(void *ctx, quire_pfn_t start, quire_pfn_t end)
{
	quire_pfn_t pfn = *(quire_pfn_t *)ctx;

	return pfn >= start && pfn < end;
}

/* Descriptors of a free pageblock are given back: who gets a frame of it later finds them made again. */
static void what_was_trimmed_is_made_again(void **state)
{
	const struct booted_options options = { .init = QUIRE_INIT_LAZY };
	struct booted *b = booted_open(&options);
	struct quire_page *block, *page;
	unsigned met = 0;
	quire_pfn_t pfn;

	(void)state;
	assert_int_equal(quire_alloc_pages(&b->q, 0, 9, QUIRE_GFP_KERNEL, &block), QUIRE_OK);
	pfn = quire_page_to_pfn(&b->q.memmap, block);
	assert_int_equal(quire_free_pages(&b->q, block, 9), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&b->q), QUIRE_OK);
	assert_true(quire_memmap_trim(&b->q, is_trimmed, &pfn) > 0);
	assert_false(quire_pfn_initialised(&b->q.memmap, pfn));
	while (met < 512 && quire_alloc_pages(&b->q, 0, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_NORETRY, &page) == QUIRE_OK) {
		quire_pfn_t got = quire_page_to_pfn(&b->q.memmap, page);

		assert_true(quire_pfn_initialised(&b->q.memmap, got));
		assert_int_equal(quire_page_refs(page), 1);
		met += got >> 9 == pfn >> 9;
	}
	assert_int_equal(met, 512);
	booted_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_roads_end_alike),
		cmocka_unit_test(a_second_free_is_refused),
		cmocka_unit_test(nonsense_is_refused_with_something_at_hand),
		cmocka_unit_test(references_are_counted),
		cmocka_unit_test(what_was_trimmed_is_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
