/*
 * On booted machines, with memory and descriptors: what a descriptor says goes with its block, contents are where they
 * should be, a gigantic page comes out of memory that was in use, failing frames are in the way by name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/contig.h>
#include <quire/pages.h>
#include <quire/poison.h>
#include <quire/quire.h>

#include "hosted.h"

#define MIB (1ull << 20)
#define COMPOUND (QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_COMP)
#define FRAMES (4096 * MIB >> 12)

struct machine {
	struct quire q;
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memory_range map[1];
	struct quire_hosted *host;
	struct quire_owner owner;
	uint8_t order[FRAMES];		/* + 1, at heads of blocks */
	unsigned moves;
};

static void *address(const struct machine *m, quire_pfn_t pfn)
{
	const struct quire_platform *platform = quire_hosted_platform(m->host);
	void *at = platform->phys_to_virt(platform->ctx, pfn << 12, 4096);

	assert_non_null(at);
	return at;
}

static bool holds(void *ctx, quire_pfn_t pfn, struct quire_held *held)
{
	const struct machine *m = ctx;

	for (unsigned order = 0; order < 10; order++) {
		quire_pfn_t head = pfn & ~((1ull << order) - 1);

		if (!m->order[head] || m->order[head] - 1u < order)
			continue;
		*held = (struct quire_held){ .pfn = head, .order = m->order[head] - 1u, .movable = true };
		return true;
	}
	return false;
}

static void migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode)
{
	struct machine *m = ctx;

	(void)mode;
	for (unsigned i = 0; i < n; i++) {
		const struct quire_page *from = quire_pfn_to_page(&m->q.memmap, moves[i].from);
		const struct quire_page *to = quire_pfn_to_page(&m->q.memmap, moves[i].to);

		/* What is needed is there before the owner says yes. */
		assert_int_equal(to->state, from->state);
		assert_int_equal(to->owner, from->owner);
		assert_int_equal(quire_page_test(to, QUIRE_PAGE_HEAD), quire_page_test(from, QUIRE_PAGE_HEAD));
		for (unsigned k = 0; k < 1u << moves[i].order; k++)
			memcpy(address(m, moves[i].to + k), address(m, moves[i].from + k), 4096);
		m->order[moves[i].to] = m->order[moves[i].from];
		m->order[moves[i].from] = 0;
		m->moves++;
		moves[i].status = QUIRE_OK;
	}
}

static struct machine *boot(enum quire_model model, enum quire_init_policy init, uint64_t bytes, uint32_t flags)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct quire_hosted_options options = { .config = &m->config, .flags = flags };

	assert_non_null(m);
	quire_config_defaults(&m->config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	m->config.model = model;
	m->config.init = init;
	m->config.cpus = 1;
	m->map[0] = (struct quire_memory_range){ .base = MIB, .size = bytes - MIB, .nid = QUIRE_NO_NODE };
	m->machine.arch = QUIRE_ARCH_X86_64;
	m->machine.map = m->map;
	m->machine.map_count = m->machine.map_max = 1;
	assert_int_equal(quire_hosted_create_machine(&m->machine, &options, &m->host), QUIRE_OK);
	assert_int_equal(quire_init(&m->q, &m->config, &m->machine, quire_hosted_platform(m->host)), QUIRE_OK);
	assert_int_equal(quire_boot(&m->q), QUIRE_OK);
	m->owner = (struct quire_owner){ .name = "blocks", .holds = holds, .migrate = migrate, .ctx = m };
	assert_int_equal(quire_register_owner(&m->q, &m->owner), QUIRE_OK);
	return m;
}

static void drop(struct machine *m)
{
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++)
		if (m->order[pfn])
			assert_int_equal(quire_free_frames(&m->q, pfn, m->order[pfn] - 1u), QUIRE_OK);
	assert_int_equal(quire_unregister_owner(&m->q, &m->owner), QUIRE_OK);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	assert_int_equal(quire_check(&m->q), QUIRE_OK);
	quire_fini(&m->q);
	quire_hosted_destroy(m->host);
	free(m);
}

/* Compound blocks with some references and an owner word, moved; everything is as it was, elsewhere. */
static void descriptors(enum quire_model model, enum quire_init_policy init)
{
	struct machine *m = boot(model, init, 256 * MIB, QUIRE_HOSTED_OUTSIDE_METADATA);
	struct quire_page *pages[40];
	quire_pfn_t first = QUIRE_PFN_NONE, last = 0;
	unsigned found = 0;

	for (unsigned i = 0; i < 40; i++) {
		quire_pfn_t pfn;

		assert_int_equal(quire_alloc_pages(&m->q, 0, i % 4, COMPOUND, &pages[i]), QUIRE_OK);
		pfn = quire_page_to_pfn(&m->q.memmap, pages[i]);
		m->order[pfn] = (uint8_t)(i % 4 + 1);
		pages[i]->owner = 1000 + i;
		quire_page_get(pages[i]);
		memset(address(m, pfn), (int)i + 1, 4096);
		first = pfn < first ? pfn : first;
		last = pfn > last ? pfn : last;
	}
	first &= ~511ull;
	last |= 511;
	assert_true(last - first < 2048);
	assert_int_equal(quire_alloc_range(&m->q, first, last + 1 - first, QUIRE_GFP_KERNEL, NULL), QUIRE_OK);
	assert_int_equal(m->moves, 40);
	for (unsigned i = 0; i < 40; i++) {
		assert_int_equal(quire_page_refs(pages[i]), 0);
		assert_int_equal(pages[i]->owner, 0);
		assert_false(quire_page_test(pages[i], QUIRE_PAGE_HEAD));
	}
	for (quire_pfn_t pfn = 0; pfn < FRAMES; pfn++) {
		struct quire_page *page;
		unsigned i;

		if (!m->order[pfn])
			continue;
		page = quire_pfn_to_page(&m->q.memmap, pfn);
		assert_in_range(page->owner, 1000, 1039);
		i = (unsigned)page->owner - 1000;
		assert_int_equal(quire_page_order(page), i % 4);
		assert_int_equal(quire_page_refs(page), 2);
		assert_int_equal(quire_page_test(page, QUIRE_PAGE_HEAD), i % 4 != 0);
		assert_int_equal(*(char *)address(m, pfn), (int)i + 1);
		found++;
		m->order[pfn] = 0;
		assert_int_equal(quire_put_page(&m->q, page), QUIRE_OK);
		assert_int_equal(quire_free_pages(&m->q, page, i % 4), QUIRE_OK);
	}
	assert_int_equal(found, 40);
	assert_int_equal(quire_free_range(&m->q, first, last + 1 - first), QUIRE_OK);
	drop(m);
}

static void what_descriptors_say(void **state)
{
	(void)state;
	descriptors(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY);
	descriptors(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_EAGER);
	descriptors(QUIRE_MODEL_SPARSEMEM, QUIRE_INIT_LAZY);
	descriptors(QUIRE_MODEL_FLATMEM, QUIRE_INIT_EAGER);
}

/* A gigantic page at run time: each pageblock of the machine has something in it. */
static void gigantic(void **state)
{
	struct machine *m = boot(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, 4096 * MIB, QUIRE_HOSTED_OUTSIDE_METADATA);
	uint64_t count = 1024 * MIB >> 12;
	unsigned n = 0;
	quire_pfn_t pfn;

	(void)state;
	while (quire_alloc_frames(&m->q, 0, 9, QUIRE_GFP_MOVABLE | QUIRE_GFP_NOWARN, &pfn) == QUIRE_OK) {
		assert_int_equal(quire_split_frames(&m->q, pfn, 9, 0), QUIRE_OK);
		for (unsigned i = 1; i < 512; i++)
			assert_int_equal(quire_free_frames(&m->q, pfn + i, 0), QUIRE_OK);
		m->order[pfn] = 1;
		*(uint64_t *)address(m, pfn) = ++n;
	}
	assert_true(n > 1900);
	assert_int_equal(quire_alloc_contig(&m->q, 0, count, count, QUIRE_GFP_KERNEL, &pfn, NULL), QUIRE_OK);
	assert_int_equal(pfn % count, 0);
	assert_in_range(m->moves, 500, 512);
	for (quire_pfn_t at = 0; at < FRAMES; at++) {
		if (!m->order[at])
			continue;
		assert_true(at - pfn >= count);
		assert_in_range(*(uint64_t *)address(m, at), 1, n);
		*(uint64_t *)address(m, at) = UINT64_MAX;
	}
	assert_int_equal(quire_free_range(&m->q, pfn, count), QUIRE_OK);
	drop(m);
}

static void failing_frames(void **state)
{
	struct machine *m = boot(QUIRE_MODEL_SPARSEMEM_VMEMMAP, QUIRE_INIT_LAZY, 256 * MIB, QUIRE_HOSTED_OUTSIDE_METADATA);
	struct quire_obstacle obstacle;
	struct quire_survey survey;
	quire_pfn_t start = 64 * MIB >> 12;

	(void)state;
	assert_int_equal(quire_poison_frame(&m->q, start + 700, 0, NULL), QUIRE_OK);
	assert_int_equal(quire_survey_range(&m->q, start, 2048, &survey), QUIRE_OK);
	assert_int_equal(survey.poisoned, 1);
	assert_int_equal(survey.absent, 0);
	assert_int_equal(survey.free, 2047);
	assert_int_equal(quire_alloc_range(&m->q, start, 2048, QUIRE_GFP_KERNEL, &obstacle), QUIRE_ENOENT);
	assert_int_equal(obstacle.pfn, start + 700);
	assert_string_equal(obstacle.why, "is known to fail");
	drop(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_descriptors_say), cmocka_unit_test(gigantic), cmocka_unit_test(failing_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
