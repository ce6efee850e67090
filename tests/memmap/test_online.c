/*
 * Memory that comes after boot, on whole machines: where its descriptors' room comes from and goes to, what its descriptors
 * say once a zone has been named for it, while other CPUs allocate.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <quire/page_alloc.h>
#include <quire/quire.h>
#include <quire/report.h>

#include "hosted.h"

#define GIB ((quire_phys_t)1 << 30)
#define SECTION 32768u			/* frames in 128 MiB */
#define HOT_PFN 0x200000u		/* 8 GiB */
#define SECTIONS 16u

static struct quire q;
static struct quire_memmap *const m = &q.memmap;
static struct quire_hosted *host;
static struct quire_config config;
static struct quire_machine machine;
static struct quire_memory_range map[2];

static void boot(enum quire_model model, enum quire_init_policy init, unsigned stride, uint32_t flags)
{
	struct quire_hosted_options options = { .config = &config, .highest_address = 16 * GIB, .flags = flags };

	map[0] = (struct quire_memory_range){ .base = GIB, .size = GIB, .nid = 0 };
	map[1] = (struct quire_memory_range){ .base = 4 * GIB, .size = GIB, .nid = 1 };
	machine = (struct quire_machine){ .arch = QUIRE_ARCH_ARM64, .map = map, .map_count = 2, .map_max = 2 };
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_12);
	config.model = model;
	config.init = init;
	config.page_stride = stride;
	config.workers = 2;
	config.cpus = 4;
	assert_int_equal(quire_hosted_create_machine(&machine, &options, &host), QUIRE_OK);
	assert_int_equal(quire_init(&q, &config, &machine, quire_hosted_platform(host)), QUIRE_OK);
	assert_int_equal(quire_boot(&q), QUIRE_OK);
	assert_int_equal(quire_hosted_add_ram(host, (quire_phys_t)HOT_PFN << 12, 2 * GIB), QUIRE_OK);
}

static void drop(void)
{
	assert_int_equal(quire_check(&q), QUIRE_OK);
	quire_fini(&q);
	assert_int_equal(quire_hosted_window_mapped(host), 0);
	assert_int_equal(quire_hosted_outside(host), 0);
	quire_hosted_destroy(host);
}

static uint64_t free_frames(void)
{
	struct quire_zone_counts counts;
	uint64_t frames = 0;

	assert_int_equal(quire_drain_frames(&q), QUIRE_OK);
	for (unsigned nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			quire_zone_count(&q, &q.topology.nodes[nid]->zones[type], &counts);
			frames += counts.free_pages;
		}
	return frames;
}

static void expect_descriptors(quire_pfn_t pfn, quire_pfn_t end, const struct quire_zone *zone)
{
	for (; pfn < end; pfn++) {
		const struct quire_page *page = quire_pfn_to_online_page(m, pfn);

		if (!page)
			fail_msg("frame %#llx: no descriptor", (unsigned long long)pfn);
		if (quire_page_to_pfn(m, page) != pfn || quire_page_nid(m, page) != zone->node->nid ||
		    quire_page_zone(m, page) != zone->type || quire_page_refs(page) || page->owner)
			fail_msg("frame %#llx: wrong descriptor", (unsigned long long)pfn);
		if (quire_page_test(page, QUIRE_PAGE_RESERVED | QUIRE_PAGE_OFFLINE))
			fail_msg("frame %#llx: not free", (unsigned long long)pfn);
	}
}

/* False while other threads are at work. */
static bool stop = true;

/* The first half goes to a kernel zone, the second to the movable one of the other node. */
static void put_online(quire_pfn_t pfn, quire_pfn_t pages)
{
	const struct quire_zone *low = &q.topology.nodes[1]->zones[QUIRE_ZONE_NORMAL];
	const struct quire_zone *high = &q.topology.nodes[0]->zones[QUIRE_ZONE_MOVABLE];

	assert_int_equal(quire_memmap_init_range(&q, low, pfn, pages / 2), QUIRE_OK);
	assert_int_equal(quire_memmap_init_range(&q, high, pfn + pages / 2, pages / 2), QUIRE_OK);
	assert_int_equal(quire_memmap_set_online(&q, pfn, pages, true), QUIRE_OK);
	assert_int_equal(quire_pfn_initialised(m, pfn), config.init != QUIRE_INIT_LAZY);
	assert_int_equal(quire_memmap_prepare(&q, pfn, pages), QUIRE_OK);
	expect_descriptors(pfn, pfn + pages / 2, low);
	expect_descriptors(pfn + pages / 2, pfn + pages, high);
	/* The checker wants nobody else to write descriptors meanwhile. */
	if (stop)
		assert_int_equal(quire_check_memmap(&q), QUIRE_OK);
}

static void put_offline(quire_pfn_t pfn, quire_pfn_t pages)
{
	assert_int_equal(quire_memmap_set_online(&q, pfn, pages, false), QUIRE_OK);
	assert_null(quire_pfn_to_online_page(m, pfn));
	assert_false(quire_pfn_initialised(m, pfn));
}

/* What comes from the allocator goes back to it, and stays no more than tables. */
static void come_and_go(enum quire_model model, enum quire_init_policy init, unsigned stride)
{
	const quire_pfn_t pages = SECTIONS * SECTION;
	uint64_t bytes, before, mapped, boot_bytes, huge;

	boot(model, init, stride, 0);
	before = free_frames();
	mapped = quire_hosted_window_mapped(host);
	boot_bytes = m->stats.descriptor_bytes;
	huge = m->stats.huge_mappings;
	for (unsigned round = 0; round < 3; round++) {
		uint64_t added = model == QUIRE_MODEL_SPARSEMEM_VMEMMAP ? pages * stride : 0;
		/* What is taken may need descriptors itself, and nodes stock up for that. */
		uint64_t lazy = m->boot_room ? 0 : added ? 64 * stride * 512 : 4 * SECTION * stride;

		assert_int_equal(quire_memmap_add(&q, 1, HOT_PFN, pages, NULL), QUIRE_OK);
		bytes = m->stats.descriptor_bytes - boot_bytes;
		assert_in_range(bytes, pages * stride, pages * stride + lazy);
		assert_in_range(quire_hosted_window_mapped(host) - mapped, added, added + lazy);
		if (model == QUIRE_MODEL_SPARSEMEM_VMEMMAP)
			assert_int_equal(m->stats.huge_mappings - huge, pages * stride >> 21);
		assert_in_range(before - free_frames(), pages * stride >> 12,
				((pages * stride + 2 * lazy) >> 12) + 80 + (lazy ? 2048 : 0));
		assert_int_equal(m->stats.hot_sections, SECTIONS);
		put_online(HOT_PFN, pages);
		put_offline(HOT_PFN, pages);
		assert_int_equal(quire_memmap_remove(&q, HOT_PFN, pages, NULL), QUIRE_OK);
		assert_int_equal(m->stats.hot_sections, 0);
		/* Nodes may stock up a little more, where other frames are handed out than the last time. */
		if (round)
			assert_in_range(free_frames(), before - (m->boot_room ? 0 : 512), before);
		before = free_frames();
		mapped = quire_hosted_window_mapped(host);
		boot_bytes = m->stats.descriptor_bytes;
		assert_int_equal(m->stats.huge_mappings, huge);
	}
	/* What is still there at the end is given back, too. */
	assert_int_equal(quire_memmap_add(&q, 1, HOT_PFN, pages, NULL), QUIRE_OK);
	drop();
}

static void test_come_and_go(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++)
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++)
			come_and_go((enum quire_model)model, (enum quire_init_policy)init, model % 2 ? 16 : 64);
}

/* Sections that share a huge page: it stays until the last of them has gone. */
static void test_huge_is_shared(void **state)
{
	uint64_t mapped;

	(void)state;
	boot(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, 16, 0);
	mapped = quire_hosted_window_mapped(host);
	/* Six sections: four in one huge page, two in base pages. */
	assert_int_equal(quire_memmap_add(&q, 0, HOT_PFN, 6 * SECTION, NULL), QUIRE_OK);
	assert_int_equal(quire_hosted_window_mapped(host) - mapped, (2 << 20) + 2 * 524288);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(quire_memmap_remove(&q, HOT_PFN + i * SECTION, SECTION, NULL), QUIRE_OK);
		assert_int_equal(quire_hosted_window_mapped(host) - mapped, (2 << 20) + 2 * 524288);
		assert_false(quire_pfn_valid(m, HOT_PFN + i * SECTION));
		assert_true(quire_pfn_valid(m, HOT_PFN + 3 * SECTION));
	}
	/* One comes back into the page that is there. */
	assert_int_equal(quire_memmap_add(&q, 0, HOT_PFN + SECTION, SECTION, NULL), QUIRE_OK);
	assert_int_equal(quire_hosted_window_mapped(host) - mapped, (2 << 20) + 2 * 524288);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN + SECTION, SECTION, NULL), QUIRE_OK);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN + 3 * SECTION, SECTION / 2, NULL), QUIRE_OK);
	assert_int_equal(quire_hosted_window_mapped(host) - mapped, (2 << 20) + 2 * 524288);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN + 3 * SECTION + SECTION / 2, SECTION / 2, NULL), QUIRE_OK);
	assert_int_equal(quire_hosted_window_mapped(host) - mapped, 2 * 524288);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN + 4 * SECTION, 2 * SECTION, NULL), QUIRE_OK);
	assert_int_equal(quire_hosted_window_mapped(host), mapped);
	drop();
	/* A platform that has no huge pages in the window gets base pages. */
	boot(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, 16, QUIRE_HOSTED_NO_HUGE);
	assert_int_equal(quire_memmap_add(&q, 0, HOT_PFN, 4 * SECTION, NULL), QUIRE_OK);
	assert_int_equal(m->stats.huge_mappings, 0);
	put_online(HOT_PFN, 4 * SECTION);
	drop();
}

/* --- failures ----------------------------------------------------------------------------------------------------- */

static struct quire_frame_allocator real;
static uint64_t asked, fail_at;
/* Whether everything from the n-th request on fails, or only that one; and the largest piece there is. */
static bool for_good;
static unsigned largest;

static bool fails(void)
{
	asked++;
	return fail_at && (asked == fail_at || (for_good && asked > fail_at));
}

static enum quire_status failing_take(void *ctx, int nid, unsigned order, quire_pfn_t *pfn)
{
	return fails() || order > largest ? QUIRE_ENOMEM : real.take(ctx, nid, order, pfn);
}

static enum quire_status failing_split(void *ctx, quire_pfn_t pfn, unsigned order, unsigned to)
{
	return fails() ? QUIRE_ENOMEM : real.split(ctx, pfn, order, to);
}

/* The n-th request for frames, and the n-th mapping, fail: afterwards everything is as it was. */
static void faults(enum quire_model model, enum quire_init_policy init, bool mappings, uint64_t step)
{
	const quire_pfn_t pages = 5 * SECTION;
	uint64_t before = 0, n;

	boot(model, init, 16, 0);
	real = m->allocator;
	asked = fail_at = 0;
	m->allocator.take = failing_take;
	m->allocator.split = failing_split;
	/* Tables that stay are there after the first round. */
	assert_int_equal(quire_memmap_add(&q, 1, HOT_PFN, pages, NULL), QUIRE_OK);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN, pages, NULL), QUIRE_OK);
	for (n = 1;; n += n < 8 ? 1 : step) {
		struct quire_memmap_stats stats = m->stats;
		uint64_t mapped = quire_hosted_window_mapped(host), calls;
		enum quire_status status;

		before = free_frames();
		asked = 0;
		fail_at = mappings ? 0 : n;
		calls = quire_hosted_calls(host, QUIRE_HOSTED_VMEMMAP_MAP);
		quire_hosted_fail(host, QUIRE_HOSTED_VMEMMAP_MAP, mappings ? n : 0);
		status = quire_memmap_add(&q, 1, HOT_PFN, pages, NULL);
		if (mappings)
			asked = quire_hosted_calls(host, QUIRE_HOSTED_VMEMMAP_MAP) - calls;
		if (asked < n) {
			assert_int_equal(status, QUIRE_OK);
			break;
		}
		/* A huge page that cannot be had is not missed. */
		if (status == QUIRE_OK) {
			assert_int_equal(quire_memmap_remove(&q, HOT_PFN, pages, NULL), QUIRE_OK);
			continue;
		}
		assert_int_equal(free_frames(), before);
		assert_int_equal(quire_hosted_window_mapped(host), mapped);
		assert_memory_equal(&stats, &m->stats, sizeof(stats));
		for (quire_pfn_t pfn = HOT_PFN; pfn < HOT_PFN + pages; pfn += SECTION / 64)
			assert_false(quire_pfn_valid(m, pfn) || quire_pfn_in_present_section(m, pfn));
	}
	assert_true(n > 3);
	quire_hosted_fail(host, QUIRE_HOSTED_VMEMMAP_MAP, 0);
	put_online(HOT_PFN, 4 * SECTION);
	drop();
}

static void test_faults(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 4; round++) {
		enum quire_init_policy init = round % 2 ? QUIRE_INIT_LAZY : QUIRE_INIT_EAGER;

		for_good = round >= 2;
		largest = UINT_MAX;
		faults(QUIRE_MODEL_SPARSEMEM_EXTREME, init, false, 1);
		faults(QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, false, 1);
		faults(QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, true, 29);
		/* Memory in small pieces. */
		largest = 1;
		faults(QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, false, 13);
	}
}

/* --- memory from boot --------------------------------------------------------------------------------------------- */

/* Memory from boot goes, and what described it becomes free memory; it comes back in another zone. */
static void boot_memory_goes(enum quire_model model, enum quire_init_policy init)
{
	const quire_pfn_t pfn = 0x100000 + 4 * SECTION, pages = 4 * SECTION;
	const struct quire_zone *movable;
	uint64_t before, bytes;

	boot(model, init, 16, 0);
	movable = &q.topology.nodes[1]->zones[QUIRE_ZONE_MOVABLE];
	bytes = m->stats.descriptor_bytes;
	before = free_frames();
	assert_int_equal(quire_memmap_set_online(&q, pfn, pages, false), QUIRE_OK);
	for (unsigned i = 0; i < 4; i++) {
		bool huge = model == QUIRE_MODEL_SPARSEMEM_VMEMMAP;

		assert_int_equal(quire_memmap_remove(&q, pfn + i * SECTION, SECTION, NULL), QUIRE_OK);
		assert_int_equal(bytes - m->stats.descriptor_bytes, huge ? (i == 3 ? 2 << 20 : 0) : (i + 1) * 524288);
		/* A page may go for the record of what is left. */
		assert_in_range(free_frames() - before + 2, huge ? (i == 3 ? 512 : 0) : (i + 1) * 128,
				(huge ? (i == 3 ? 512 : 0) : (i + 1) * 128) + 2);
	}
	assert_false(quire_pfn_valid(m, pfn));
	assert_int_equal(quire_check(&q), QUIRE_ECORRUPT);	/* the ledger still has it */
	assert_int_equal(quire_memmap_add(&q, 1, pfn, pages, NULL), QUIRE_OK);
	assert_int_equal(m->stats.descriptor_bytes, bytes);
	assert_int_equal(quire_memmap_init_range(&q, movable, pfn, pages), QUIRE_OK);
	assert_int_equal(quire_memmap_set_online(&q, pfn, pages, true), QUIRE_OK);
	expect_descriptors(pfn, pfn + pages, movable);
	drop();
}

static void test_boot_memory_goes(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++)
		for (unsigned init = QUIRE_INIT_EAGER; init < QUIRE_INIT_LAZY; init++)
			boot_memory_goes((enum quire_model)model, (enum quire_init_policy)init);
}

/* Boot memory that changes zones without being removed, under every policy; the rest stays where it was. */
static void test_rezoned(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++)
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
			const quire_pfn_t pfn = 0x100000 + 2 * SECTION, pages = 2 * SECTION;
			const struct quire_zone *movable, *normal;
			quire_pfn_t seen = init == QUIRE_INIT_LAZY ? 2048 : pages, held;

			boot((enum quire_model)model, (enum quire_init_policy)init, 16, 0);
			movable = &q.topology.nodes[1]->zones[QUIRE_ZONE_MOVABLE];
			normal = &q.topology.nodes[1]->zones[QUIRE_ZONE_NORMAL];
			assert_int_equal(quire_memmap_init_range(&q, movable, pfn + 1, pages), QUIRE_EINVAL);
			assert_int_equal(quire_memmap_init_range(&q, movable, HOT_PFN, pages), QUIRE_ENOENT);
			assert_int_equal(quire_memmap_set_online(&q, pfn, pages, false), QUIRE_OK);
			assert_int_equal(quire_memmap_init_range(&q, movable, pfn, pages), QUIRE_OK);
			assert_int_equal(quire_memmap_set_online(&q, pfn, pages, true), QUIRE_OK);
			/* Somebody allocates: now there are frames for descriptors. */
			assert_int_equal(quire_alloc_frames(&q, 1, 5, QUIRE_GFP_KERNEL, &held), QUIRE_OK);
			quire_memmap_set_reserved(&q, pfn + 5, 1000, true);
			assert_int_equal(quire_memmap_prepare(&q, pfn, seen), QUIRE_OK);
			for (quire_pfn_t p = pfn + 5; p < pfn + 1005; p++)
				assert_true(quire_page_test(quire_pfn_to_page(m, p), QUIRE_PAGE_RESERVED));
			quire_memmap_set_reserved(&q, pfn + 5, 1000, false);
			expect_descriptors(pfn, pfn + seen, movable);
			if (init != QUIRE_INIT_LAZY) {
				expect_descriptors(pfn - 512, pfn, normal);
				expect_descriptors(pfn + pages, pfn + pages + 512, normal);
			}
			drop();
		}
}

/* --- memory that hosts its own descriptors ------------------------------------------------------------------------ */

static void self_hosted(enum quire_init_policy init)
{
	const quire_pfn_t block = 2 * SECTION, own = block * 16 >> 12;
	const struct quire_zone *movable;
	struct quire_altmap altmaps[4];
	uint64_t before = 0;

	boot(QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, 16, 0);
	movable = &q.topology.nodes[1]->zones[QUIRE_ZONE_MOVABLE];
	for (unsigned round = 0; round < 2; round++) {
		/* In any order, and away in another. */
		for (unsigned i = 0; i < 4; i++) {
			unsigned at = (i * 3 + 1) % 4;
			quire_pfn_t pfn = HOT_PFN + at * block;

			altmaps[at] = (struct quire_altmap){ .base = pfn, .free = own };
			assert_int_equal(quire_memmap_add(&q, 1, pfn, block, &altmaps[at]), QUIRE_OK);
			assert_int_equal(altmaps[at].alloc, own);
			assert_int_equal(quire_memmap_init_range(&q, movable, pfn, block), QUIRE_OK);
			assert_int_equal(quire_memmap_set_online(&q, pfn, block, true), QUIRE_OK);
			quire_memmap_set_reserved(&q, pfn, own, true);
		}
		assert_int_equal(quire_memmap_prepare(&q, HOT_PFN, 4 * block), QUIRE_OK);
		for (unsigned i = 0; i < 4; i++) {
			quire_pfn_t pfn = HOT_PFN + i * block;

			expect_descriptors(pfn + own, pfn + block, movable);
			for (quire_pfn_t p = pfn; p < pfn + own; p++)
				assert_true(quire_page_test(quire_pfn_to_page(m, p), QUIRE_PAGE_RESERVED));
			/* They are where they should be. */
			assert_true(((struct quire_page *)q.platform->phys_to_virt(q.platform->ctx, pfn << 12, 4096))[3]
					    .flags == quire_pfn_to_page(m, pfn + 3)->flags);
		}
		/* Nothing but tables came from elsewhere. */
		if (round)
			assert_int_equal(free_frames(), before);
		before = free_frames();
		for (unsigned i = 4; i-- > 0;) {
			quire_pfn_t pfn = HOT_PFN + i * block;

			put_offline(pfn, block);
			assert_int_equal(quire_memmap_remove(&q, pfn, block, &altmaps[i]), QUIRE_OK);
			assert_int_equal(altmaps[i].alloc, 0);
		}
	}
	/* A whole huge page of descriptors, in the range itself. */
	altmaps[0] = (struct quire_altmap){ .base = HOT_PFN, .free = 4 * own };
	before = m->stats.huge_mappings;
	assert_int_equal(quire_memmap_add(&q, 1, HOT_PFN, 4 * block, &altmaps[0]), QUIRE_OK);
	assert_int_equal(m->stats.huge_mappings - before, 2);
	assert_int_equal(altmaps[0].alloc, 4 * own);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN, 4 * block, &altmaps[0]), QUIRE_OK);
	assert_int_equal(altmaps[0].alloc, 0);
	/* Not aligned for it: base pages, and no frame is lost. */
	altmaps[0] = (struct quire_altmap){ .base = HOT_PFN, .reserve = 4, .free = 4 * own };
	assert_int_equal(quire_memmap_add(&q, 1, HOT_PFN, 4 * block, &altmaps[0]), QUIRE_OK);
	assert_int_equal(m->stats.huge_mappings, before);
	assert_int_equal(altmaps[0].alloc + altmaps[0].align, 4 * own);
	assert_int_equal(quire_memmap_remove(&q, HOT_PFN, 4 * block, &altmaps[0]), QUIRE_OK);
	drop();
}

static void test_self_hosted(void **state)
{
	(void)state;
	for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++)
		self_hosted((enum quire_init_policy)init);
}

/* --- while others allocate ---------------------------------------------------------------------------------------- */

static void *busy(void *arg)
{
	quire_pfn_t held[64];
	unsigned seed = (unsigned)(uintptr_t)arg;

	quire_hosted_bind_cpu(seed);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		unsigned count = 0, order = (unsigned)rand_r(&seed) % 10;

		while (count < 64 &&
		       quire_alloc_frames(&q, QUIRE_NO_NODE, order, QUIRE_GFP_NOWARN, &held[count]) == QUIRE_OK) {
			const struct quire_page *page = quire_pfn_to_online_page(m, held[count]);

			if (!page || quire_page_to_pfn(m, page) != held[count])
				abort();
			count++;
		}
		while (count)
			if (quire_free_frames(&q, held[--count], order) != QUIRE_OK)
				abort();
	}
	return NULL;
}

static bool nothing_held(void *ctx, quire_pfn_t start, quire_pfn_t end)
{
	(void)ctx;
	(void)start;
	(void)end;
	return false;
}

static void test_beside_others(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM_EXTREME; model < QUIRE_MODELS; model++) {
		pthread_t threads[2];

		boot((enum quire_model)model, QUIRE_INIT_LAZY, 16, 0);
		stop = false;
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, busy, (void *)(uintptr_t)(i + 1)), 0);
		for (unsigned round = 0; round < 10; round++) {
			quire_pfn_t pages = (1 + round % 4) * 2 * SECTION;

			assert_int_equal(quire_memmap_add(&q, round % 2, HOT_PFN, pages, NULL), QUIRE_OK);
			put_online(HOT_PFN, pages);
			quire_memmap_trim(&q, nothing_held, NULL);
			put_offline(HOT_PFN, pages);
			assert_int_equal(quire_memmap_remove(&q, HOT_PFN, pages, NULL), QUIRE_OK);
		}
		__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < 2; i++)
			pthread_join(threads[i], NULL);
		drop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_come_and_go),	   cmocka_unit_test(test_huge_is_shared),
		cmocka_unit_test(test_faults),		   cmocka_unit_test(test_boot_memory_goes),
		cmocka_unit_test(test_rezoned),		   cmocka_unit_test(test_self_hosted),
		cmocka_unit_test(test_beside_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
