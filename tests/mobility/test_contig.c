/* Contiguous frames anywhere: from free blocks where there are, else from what is cheapest to clear. */
#include "mobility/holder.h"

#define HERE (QUIRE_GFP_KERNEL | QUIRE_GFP_THISNODE)

static void thin_out(struct holder *h, unsigned keep_one_in)
{
	unsigned n = 0;

	for (int nid = 0; nid < 2; nid++)
		while (holder_take(h, nid, 0, QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_MEMALLOC | QUIRE_GFP_THISNODE) !=
		       QUIRE_PFN_NONE)
			continue;
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (h->head[pfn] == pfn && n++ % keep_one_in)
			holder_give(h, pfn);
	quire_drain_frames(h->q);
}

static void from_free_blocks(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle;
	quire_pfn_t pfn;

	for (uint64_t count = 1; count < 20000; count = count * 3 + 1) {
		assert_int_equal(quire_alloc_contig(&m->q, 1, count, 0, QUIRE_GFP_KERNEL, &pfn, &obstacle), QUIRE_OK);
		assert_int_equal(zone_of(m, pfn)->node->nid, 1);
		assert_int_equal(free_everywhere(m), ALL_FRAMES - count);
		assert_int_equal(quire_free_range(&m->q, pfn, count), QUIRE_OK);
	}
	/* More than one block has, and aligned beyond its length. */
	assert_int_equal(quire_alloc_contig(&m->q, 1, 24000, 0, HERE, &pfn, &obstacle), QUIRE_OK);
	assert_int_equal(quire_free_range(&m->q, pfn, 24000), QUIRE_OK);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 10, 4096, QUIRE_GFP_KERNEL, &pfn, &obstacle), QUIRE_OK);
	assert_int_equal(pfn % 4096, 0);
	assert_int_equal(quire_free_range(&m->q, pfn, 10), QUIRE_OK);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
}

static void cheapest_range_first(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	quire_pfn_t cheap = NODE1_START + 12 * 512, pfn;
	struct quire_obstacle obstacle;
	uint64_t sum;

	thin_out(h, 2);
	/* One pageblock of which only seven frames are in use, and a cheaper one in which one is pinned. */
	for (quire_pfn_t at = cheap, n = 0; at < cheap + 512; at++)
		if (h->head[at] != NO_BLOCK && n++ >= 7)
			holder_give(h, at);
	for (quire_pfn_t at = cheap + 1024, n = 0; at < cheap + 1536; at++)
		if (h->head[at] != NO_BLOCK) {
			if (n++)
				holder_give(h, at);
			else
				h->pinned[at] = 1;
		}
	sum = holder_sum(h);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 512, 512, HERE, &pfn, &obstacle),
			 QUIRE_OK);
	assert_int_equal(pfn, cheap);
	assert_int_equal(h->migrations, 7);
	assert_int_equal(holder_sum(h), sum);
	check_machine(m);
	holder_give_all(h);
	holder_close(h);
}

/* All windows but one are pinned: found in the end, whatever it costs. */
static void last_range_is_found(void **state)
{
	struct machine *m = *state;
	struct holder *h = holder_open(m);
	quire_pfn_t only = NODE1_START + 3 * 512, pfn;
	struct quire_obstacle obstacle;

	thin_out(h, 3);
	for (quire_pfn_t block = NODE1_START; block < FRAMES; block += 512)
		for (quire_pfn_t at = block; at < block + 512 && block != only; at++)
			if (h->head[at] == at) {
				h->pinned[at] = 1;
				if (at > block + 100)
					break;
			}
	/* The one that is left is the dearest. */
	for (quire_pfn_t at = NODE1_START; at < FRAMES; at++)
		if (h->head[at] == at && at - only >= 512 && !h->pinned[at] && at % 2)
			holder_give(h, at);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 500, 0, HERE, &pfn, &obstacle), QUIRE_OK);
	assert_int_equal(pfn, only);
	check_machine(m);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 500, 0, HERE | QUIRE_GFP_NOWARN, &pfn,
					    &obstacle), QUIRE_ENOMEM);
	assert_string_equal(obstacle.owner, "the holder");
	check_machine(m);
	holder_give_all(h);
	holder_close(h);
}

static void watermarks_and_nonsense(void **state)
{
	struct machine *m = *state;
	struct quire_obstacle obstacle;
	quire_pfn_t pfn;

	/* Only so much may be taken that the low mark stays. */
	assert_int_equal(quire_alloc_contig(&m->q, 1, ZONE_PAGES - 1000, 0, HERE, &pfn, &obstacle),
			 QUIRE_ENOMEM);
	assert_non_null(obstacle.why);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 0, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 1, 3, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_contig(&m->q, 1, UINT64_MAX, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_EINVAL);
	assert_int_equal(quire_alloc_contig(&m->q, 1, 1ull << 40, 1ull << 40, HERE | QUIRE_GFP_NOWARN, &pfn, NULL),
			 QUIRE_ENOMEM);
	assert_int_equal(quire_alloc_contig(&m->q, 7, 1, 0, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_ENOENT);
	assert_int_equal(quire_alloc_contig(&m->q, 0, 1, 0, HERE | QUIRE_GFP_ZERO, &pfn, NULL), QUIRE_EUNSUPPORTED);
	assert_int_equal(free_everywhere(m), ALL_FRAMES);
	check_machine(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)
	const struct CMUnitTest tests[] = {
		TEST(from_free_blocks), TEST(cheapest_range_first), TEST(last_range_is_found), TEST(watermarks_and_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
