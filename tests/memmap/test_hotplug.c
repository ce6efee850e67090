/* Sections that come and go: sub-sections, altmap, boot sections, failures, trimming. */
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

#define NEW_PFN 0x20000u	/* 512 MiB: a border of every section size in use, above all boot memory */

static void boot(unsigned seed, enum quire_model model, enum quire_init_policy init, uint32_t flags)
{
	rig_make(&rig, seed, model, init, flags);
	assert_int_equal(rig_boot(&rig), QUIRE_OK);
}

/* Worked vector: [0x8200, 0x8600) sets bits 1 and 2; [0x8400, 0x8800) then meets bit 2. */
static void test_subsections(void **state)
{
	struct quire_memmap *m = &rig.q.memmap;

	(void)state;
	for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
		rig_make(&rig, 4, QUIRE_MODEL_SPARSEMEM_VMEMMAP, (enum quire_init_policy)init, OUTSIDE);
		rig.q.config.geometry.section_shift = 27;
		assert_int_equal(rig_boot(&rig), QUIRE_OK);
		assert_int_equal(quire_memmap_add(&rig.q, 0, 0x8200, 0x400, NULL), QUIRE_OK);
		assert_int_equal(*(uint32_t *)quire_section(m, 1)->usage, 6);
		assert_int_equal(quire_memmap_add(&rig.q, 0, 0x8400, 0x400, NULL), QUIRE_EEXIST);
		assert_int_equal(*(uint32_t *)quire_section(m, 1)->usage, 6);
		assert_true(quire_pfn_valid(m, 0x8200) && quire_pfn_valid(m, 0x85ff));
		assert_false(quire_pfn_valid(m, 0x81ff) || quire_pfn_valid(m, 0x8600));
		assert_false(quire_pfn_online(m, 0x8200));
		assert_int_equal(quire_memmap_prepare(&rig.q, 0x8600, 1), QUIRE_ERANGE);
		assert_int_equal(quire_memmap_remove(&rig.q, 0x8200, 0x600, NULL), QUIRE_ENOENT);
		assert_int_equal(quire_memmap_remove(&rig.q, 0x8200, 0x200, NULL), QUIRE_OK);
		assert_false(quire_pfn_valid(m, 0x83ff));
		assert_true(quire_pfn_valid(m, 0x8400));
		assert_int_equal(quire_memmap_remove(&rig.q, 0x8400, 0x200, NULL), QUIRE_OK);
		assert_false(quire_pfn_in_present_section(m, 0x8400));
		assert_int_equal(quire_memmap_add(&rig.q, 0, 0x8201, 0x200, NULL), QUIRE_EINVAL);
		assert_int_equal(quire_memmap_add(&rig.q, 0, 0x8200, 0, NULL), QUIRE_EINVAL);
		assert_int_equal(quire_memmap_add(&rig.q, 0, 1ull << 40, 0x200, NULL), QUIRE_ERANGE);
		rig_drop(&rig);
	}
}

static void add_online_remove(enum quire_model model, enum quire_init_policy init, uint32_t flags)
{
	struct quire_memmap *m = &rig.q.memmap;
	quire_pfn_t section, pages;
	uint64_t descriptors, outside;

	boot(6, model, init, flags);
	section = 1u << m->section_pfn_shift;
	pages = 3 * section;
	descriptors = m->stats.descriptor_bytes;
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(quire_memmap_add(&rig.q, 1, NEW_PFN, pages, NULL), QUIRE_OK);
		if (!round)
			outside = quire_hosted_outside(rig.hosted);
		assert_true(outside == quire_hosted_outside(rig.hosted));
		assert_int_equal(m->stats.descriptor_bytes - descriptors, pages * rig.q.config.page_stride);
		assert_true(quire_pfn_valid(m, NEW_PFN + pages - 1) && !quire_pfn_valid(m, NEW_PFN + pages));
		assert_int_equal(quire_memmap_set_online(&rig.q, NEW_PFN, pages, true), QUIRE_OK);
		assert_true(quire_pfn_online(m, NEW_PFN));
		assert_null(quire_pfn_to_online_page(m, NEW_PFN));
		assert_int_equal(quire_memmap_prepare(&rig.q, NEW_PFN, pages), QUIRE_OK);
		for (quire_pfn_t pfn = NEW_PFN; pfn < NEW_PFN + pages; pfn += 97)
			assert_int_equal(quire_page_to_pfn(m, quire_pfn_to_online_page(m, pfn)), pfn);
		assert_int_equal(quire_memmap_remove(&rig.q, NEW_PFN, pages, NULL), QUIRE_EBUSY);
		assert_int_equal(quire_memmap_set_online(&rig.q, NEW_PFN, pages, false), QUIRE_OK);
		assert_null(quire_pfn_to_online_page(m, NEW_PFN));
		assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
		assert_int_equal(quire_memmap_remove(&rig.q, NEW_PFN, pages, NULL), QUIRE_OK);
		assert_int_equal(m->stats.descriptor_bytes, descriptors);
		assert_false(quire_pfn_in_present_section(m, NEW_PFN));
		assert_int_equal(quire_memmap_set_online(&rig.q, NEW_PFN, section, true), QUIRE_ENOENT);
	}
	rig_drop(&rig);
}

static void test_add_online_remove(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++)
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++)
			add_online_remove((enum quire_model)model, (enum quire_init_policy)init, OUTSIDE);
}

/* A section from boot goes and comes back: its descriptors are where they were, and are written anew. */
static void test_boot_section(void **state)
{
	struct quire_memmap *m = &rig.q.memmap;

	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++) {
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
			/* The solid stretch at the end holds a whole section in any geometry up to 4 MiB of frames. */
			quire_pfn_t pfn = RIG_FRAMES - 2048, pages;
			enum quire_pfn_state gone;
			struct quire_pfn_run run;
			quire_pfn_t cursor = pfn;

			boot(6, (enum quire_model)model, (enum quire_init_policy)init, OUTSIDE);
			pages = 1u << m->section_pfn_shift;
			assert_int_equal(pages, 1024);
			assert_true(quire_pfn_valid(m, pfn));
			assert_int_equal(quire_memmap_prepare(&rig.q, pfn, pages), QUIRE_OK);
			quire_pfn_to_page(m, pfn)->owner = 77;
			assert_int_equal(quire_memmap_remove(&rig.q, pfn, pages, NULL), QUIRE_EBUSY);
			assert_int_equal(quire_memmap_set_online(&rig.q, pfn, pages, false), QUIRE_OK);
			assert_int_equal(quire_memmap_remove(&rig.q, pfn, pages, NULL), QUIRE_OK);
			assert_false(quire_pfn_valid(m, pfn) || quire_pfn_in_present_section(m, pfn));
			assert_true(quire_memmap_next_run(m, &cursor, pfn + pages, &run));
			gone = run.state;
			assert_int_equal(gone, QUIRE_PFN_ABSENT);
			assert_int_equal(run.end, pfn + pages);
			assert_int_equal(quire_memmap_prepare(&rig.q, pfn, 1), QUIRE_ERANGE);
			assert_int_equal(quire_memmap_add(&rig.q, 0, pfn, pages, NULL), QUIRE_OK);
			assert_int_equal(quire_memmap_set_online(&rig.q, pfn, pages, true), QUIRE_OK);
			assert_int_equal(quire_memmap_prepare(&rig.q, pfn, pages), QUIRE_OK);
			assert_true(quire_pfn_to_online_page(m, pfn)->owner == 0);
			assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
			rig_drop(&rig);
		}
	}
}

/* Every failing call of the platform leaves no trace of an addition. */
static void test_add_faults(void **state)
{
	static const enum quire_hosted_call calls[] = { QUIRE_HOSTED_META_ALLOC, QUIRE_HOSTED_VMEMMAP_MAP };
	struct quire_memmap *m = &rig.q.memmap;

	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++) {
		for (unsigned c = 0; c < 2; c++) {
			enum quire_status status = QUIRE_ENOMEM;

			boot(6, (enum quire_model)model, QUIRE_INIT_EAGER, QUIRE_HOSTED_OUTSIDE_METADATA);
			for (unsigned n = 1; status != QUIRE_OK; n++) {
				uint64_t mapped = quire_hosted_window_mapped(rig.hosted), bytes = m->stats.descriptor_bytes;

				quire_hosted_fail(rig.hosted, calls[c], n);
				status = quire_memmap_add(&rig.q, 1, NEW_PFN, 3u << m->section_pfn_shift, NULL);
				if (status == QUIRE_OK)
					break;
				assert_int_equal(quire_hosted_window_mapped(rig.hosted), mapped);
				assert_int_equal(m->stats.descriptor_bytes, bytes);
				assert_false(quire_pfn_in_present_section(m, NEW_PFN));
				assert_false(quire_pfn_valid(m, NEW_PFN));
			}
			quire_hosted_fail(rig.hosted, calls[c], 0);
			rig_drop(&rig);
		}
	}
}

static void test_altmap_arithmetic(void **state)
{
	struct quire_altmap a = { .base = 0x8000, .reserve = 1, .free = 16 };

	(void)state;
	assert_int_equal(quire_altmap_take(&a, 1), 0x8001);
	assert_int_equal(quire_altmap_take(&a, 4), 0x8004);
	assert_int_equal(a.align, 2);
	assert_int_equal(quire_altmap_take(&a, 8), 0x8008);
	assert_true(quire_altmap_take(&a, 2) == QUIRE_PFN_NONE);
	assert_int_equal(quire_altmap_take(&a, 1), 0x8010);
	assert_true(quire_altmap_take(&a, 1) == QUIRE_PFN_NONE);
	assert_int_equal(a.alloc, 14);
}

/* Self-hosted: descriptors lie in the first frames of what is added, and nothing is taken elsewhere. */
static void test_altmap(void **state)
{
	struct quire_memmap *m = &rig.q.memmap;
	struct quire_altmap altmap = { .base = NEW_PFN };
	quire_pfn_t pages;
	uint64_t reserved;
	char *frame;

	(void)state;
	boot(6, QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER, 0);
	pages = 2u << m->section_pfn_shift;
	assert_int_equal(quire_hosted_add_ram(rig.hosted, (quire_phys_t)NEW_PFN << 12, pages << 12), QUIRE_OK);
	altmap.free = pages * rig.q.config.page_stride >> 12;
	reserved = rig.q.memblock.reserved.total_size;
	assert_int_equal(quire_memmap_add(&rig.q, 0, NEW_PFN, pages, &altmap), QUIRE_OK);
	assert_int_equal(altmap.alloc, altmap.free);
	/* At most tables: a root, and a page of usage maps. */
	assert_in_range(rig.q.memblock.reserved.total_size - reserved, 0, 3 * 4096);
	assert_int_equal(quire_memmap_set_online(&rig.q, NEW_PFN, pages, true), QUIRE_OK);
	assert_int_equal(quire_memmap_prepare(&rig.q, NEW_PFN, pages), QUIRE_OK);
	quire_pfn_to_page(m, NEW_PFN + 5)->owner = 0x1122334455667788;
	frame = rig.q.platform->phys_to_virt(rig.q.platform->ctx, (quire_phys_t)NEW_PFN << 12, 4096);
	assert_true(((struct quire_page *)(frame + 5 * rig.q.config.page_stride))->owner == 0x1122334455667788);
	assert_int_equal(quire_memmap_set_online(&rig.q, NEW_PFN, pages, false), QUIRE_OK);
	assert_int_equal(quire_memmap_remove(&rig.q, NEW_PFN, pages, &altmap), QUIRE_OK);
	assert_int_equal(altmap.alloc, 0);
	/* Too small an altmap: no fallback. */
	altmap = (struct quire_altmap){ .base = NEW_PFN, .free = 3 };
	assert_int_equal(quire_memmap_add(&rig.q, 0, NEW_PFN, pages, &altmap), QUIRE_ENOMEM);
	assert_int_equal(altmap.alloc, 0);
	assert_false(quire_pfn_valid(m, NEW_PFN));
	rig_drop(&rig);
}

/* --- LAZY over a frame source -------------------------------------------------------------------------------------- */

static struct { bool taken[RIG_FRAMES]; uint64_t out; uint64_t fail_at, calls; } pool;

static enum quire_status take(void *ctx, int nid, unsigned order, quire_pfn_t *pfn)
{
	(void)ctx;
	(void)nid;
	if (++pool.calls == pool.fail_at)
		return QUIRE_ENOMEM;
	for (quire_pfn_t at = (RIG_FRAMES - 3072 + 1023) / 1024 * 1024; at + (1u << order) <= RIG_FRAMES - 1024;
	     at += 1u << order) {
		bool busy = false;

		for (quire_pfn_t p = at; p < at + (1u << order); p++)
			busy |= pool.taken[p] || quire_memblock_is_reserved(&rig.q.memblock, p << 12);
		if (busy)
			continue;
		memset(&pool.taken[at], true, 1u << order);
		pool.out += 1u << order;
		*pfn = at;
		return QUIRE_OK;
	}
	return QUIRE_ENOMEM;
}

static void give(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx;
	for (quire_pfn_t p = pfn; p < pfn + (1u << order); p++) {
		assert_true(pool.taken[p]);
		pool.taken[p] = false;
	}
	pool.out -= 1u << order;
}

static bool all_free(void *ctx, quire_pfn_t start, quire_pfn_t end)
{
	const quire_pfn_t *held = ctx;

	return *held < start || *held >= end;
}

static void lazy_over_source(enum quire_model model)
{
	static const struct quire_frame_source source = { .take = take, .give = give };
	struct quire_memmap *m = &rig.q.memmap;
	quire_pfn_t held = RIG_FRAMES - 2000, touched = 0;
	uint64_t tables, bytes, trimmed;

	memset(&pool, 0, sizeof(pool));
	boot(6, model, QUIRE_INIT_LAZY, 0);
	rig.q.stage = QUIRE_STAGE_WATERMARKS;
	quire_memmap_set_source(&rig.q, &source);
	assert_int_equal(quire_memmap_prepare(&rig.q, held, 1), QUIRE_OK);
	quire_pfn_to_page(m, held)->owner = 4711;
	for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn += 300)
		touched += quire_memmap_prepare(&rig.q, pfn, 1) == QUIRE_OK;
	assert_true(touched > 1);
	bytes = m->stats.descriptor_bytes;
	tables = pool.out - (bytes >> 12);
	trimmed = quire_memmap_trim(&rig.q, all_free, &held);
	assert_int_equal(trimmed, bytes - m->stats.descriptor_bytes);
	assert_int_equal(pool.out, tables + (m->stats.descriptor_bytes >> 12));
	assert_true(quire_pfn_to_online_page(m, held)->owner == 4711);
	assert_true(m->stats.descriptor_bytes < bytes);
	assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
	/* What was trimmed comes again when it is wanted. */
	for (quire_pfn_t pfn = 0; pfn < RIG_FRAMES; pfn += 300)
		touched -= quire_memmap_prepare(&rig.q, pfn, 1) == QUIRE_OK;
	assert_int_equal(touched, 0);
	assert_int_equal(m->stats.descriptor_bytes, bytes);
	/* No frame for descriptors: a status, and the next attempt works. */
	quire_memmap_trim(&rig.q, all_free, &held);
	pool.fail_at = pool.calls + 1;
	assert_int_equal(quire_memmap_prepare(&rig.q, 0 + RIG_FRAMES - 2900, 1), QUIRE_ENOMEM);
	assert_int_equal(quire_memmap_prepare(&rig.q, 0 + RIG_FRAMES - 2900, 1), QUIRE_OK);
	qi_memmap_fini(&rig.q);
	assert_int_equal(pool.out, 0);
	assert_int_equal(quire_hosted_window_mapped(rig.hosted), 0);
	quire_hosted_destroy(rig.hosted);
}

static void test_lazy_over_source(void **state)
{
	(void)state;
	for (unsigned model = QUIRE_MODEL_SPARSEMEM; model < QUIRE_MODELS; model++)
		lazy_over_source((enum quire_model)model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subsections),  cmocka_unit_test(test_add_online_remove),
		cmocka_unit_test(test_boot_section), cmocka_unit_test(test_add_faults),
		cmocka_unit_test(test_altmap_arithmetic), cmocka_unit_test(test_altmap),
		cmocka_unit_test(test_lazy_over_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
