/*
 * Explanations against what the allocator then does: over a machine in many states, a request that is said to succeed does,
 * and one that is said to fail does not; the remedies named in the closing sentence hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/explain.h>
#include <quire/frames.h>

#include "hosted.h"

#define ROUNDS 20000u
#define HELD 20000u

struct machine {
	struct quire q;
	struct quire_machine machine;
	struct quire_memory_range map[4];
	struct quire_memory_affinity affinities[4];
	struct quire_cpu cpus[4];
	uint32_t domains[4];
	struct quire_hosted *host;
	struct quire_platform platform;
	quire_pfn_t pfn[HELD];
	uint8_t order[HELD];
	size_t count;
	char text[8192];
	size_t length;
};

static void collect(void *ctx, const char *text, size_t length)
{
	struct machine *m = ctx;

	assert_true(m->length + length < sizeof(m->text));
	memcpy(m->text + m->length, text, length);
	m->length += length;
	m->text[m->length] = '\0';
}

static uint32_t task_bits;
static uint32_t task(void *ctx) { (void)ctx; return task_bits; }

/* Two nodes of 96 MiB; the first begins with a DMA zone, both lie below 4 GiB. */
static int boot(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	struct quire_machine_storage storage = { .map = m->map, .map_max = 4, .affinities = m->affinities, .affinity_max = 4,
						 .cpus = m->cpus, .cpu_max = 4, .domains = m->domains, .domain_max = 4 };
	struct quire_hosted_options options = { 0 };
	struct quire_config config;

	quire_machine_init(&m->machine, QUIRE_ARCH_X86_64, &storage);
	assert_int_equal(quire_machine_add_range(&m->machine, 1 << 20, 191 << 20, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE),
			 QUIRE_OK);
	for (unsigned i = 0; i < 2; i++) {
		m->affinities[i] = (struct quire_memory_affinity){ .base = (uint64_t)i * 96 << 20, .size = 96 << 20,
								   .domain = i,
								   .flags = QUIRE_AFFINITY_ENABLED };
		m->cpus[i] = (struct quire_cpu){ .hwid = i, .domain = i, .enabled = true };
		m->domains[i] = i;
	}
	m->machine.affinity_count = m->machine.cpu_count = m->machine.domain_count = 2;
	/* Whose rules give zones of this size an atomic reserve. */
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	options.config = &config;
	options.flags = QUIRE_HOSTED_OUTSIDE_METADATA;
	assert_int_equal(quire_hosted_create_machine(&m->machine, &options, &m->host), QUIRE_OK);
	m->platform = *quire_hosted_platform(m->host);
	m->platform.task = task;
	assert_int_equal(quire_init(&m->q, &config, &m->machine, &m->platform), QUIRE_OK);
	assert_int_equal(quire_boot(&m->q), QUIRE_OK);
	*state = m;
	return 0;
}

static int shut_down(void **state)
{
	struct machine *m = *state;

	quire_fini(&m->q);
	quire_hosted_destroy(m->host);
	free(m);
	return 0;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Any flags, those that contradict each other included; each bit is rarer the more it decides alone. */
static quire_gfp_t random_flags(uint32_t *seed)
{
	static const struct { quire_gfp_t bit; unsigned one_in;
	} bits[] = {
		{ QUIRE_GFP_DMA, 20 },		 { QUIRE_GFP_DMA32, 20 },	  { QUIRE_GFP_HIGHMEM, 4 },
		{ QUIRE_GFP_MOVABLE, 3 },	 { QUIRE_GFP_RECLAIMABLE, 8 },	  { QUIRE_GFP_HIGH, 3 },
		{ QUIRE_GFP_DIRECT_RECLAIM, 2 }, { QUIRE_GFP_KSWAPD_RECLAIM, 2 }, { QUIRE_GFP_MEMALLOC, 8 },
		{ QUIRE_GFP_NOMEMALLOC, 4 },	 { QUIRE_GFP_NORETRY, 8 },	  { QUIRE_GFP_RETRY_MAYFAIL, 8 },
		{ QUIRE_GFP_NOFAIL, 16 },	 { QUIRE_GFP_THISNODE, 3 },
	};
	quire_gfp_t gfp = QUIRE_GFP_NOWARN;

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		gfp |= next_random(seed) % bits[i].one_in ? 0 : bits[i].bit;
	return gfp;
}

/* A task that frees memory itself, one that is about to die, one in a hurry; mostly nothing of that. */
static uint32_t random_task(uint32_t *seed)
{
	static const uint32_t tasks[] = { QUIRE_TASK_MEMALLOC, QUIRE_TASK_VICTIM, QUIRE_TASK_REALTIME,
					  QUIRE_TASK_REALTIME | QUIRE_TASK_VICTIM };

	return next_random(seed) % 4 ? 0 : tasks[next_random(seed) % 4];
}

/* Pageblocks of all types come and go. */
static void set_some_type(struct machine *m, uint32_t *seed)
{
	static const enum quire_migratetype types[] = { QUIRE_MIGRATE_UNMOVABLE, QUIRE_MIGRATE_MOVABLE,
							QUIRE_MIGRATE_RECLAIMABLE, QUIRE_MIGRATE_CMA };

	quire_set_pageblock_type(&m->q, next_random(seed) % ((192 << 20) / 4096), types[next_random(seed) % 4]);
}

static uint64_t atomic_reserve(struct machine *m)
{
	uint64_t pages = 0;

	for (unsigned nid = 0; nid < 2; nid++)
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			pages += quire_zone_highatomic_pages(&m->q.topology.nodes[nid]->zones[type]);
	return pages;
}

static void free_some(struct machine *m, uint32_t *seed, size_t n)
{
	for (; n && m->count; n--) {
		size_t at = next_random(seed) % m->count;

		assert_int_equal(quire_free_frames(&m->q, m->pfn[at], m->order[at]), QUIRE_OK);
		m->count--;
		m->pfn[at] = m->pfn[m->count];
		m->order[at] = m->order[m->count];
	}
}

/*
 * Ask, then do. What CPUs keep is given back first: an explanation sees the zones only. Who may wait also has the atomic
 * reserve given up for him, which the explanation leaves out as it does all that reclaim may bring.
 */
static bool one_request(struct machine *m, uint32_t *seed)
{
	unsigned order = next_random(seed) % 3 ? next_random(seed) % 4 : next_random(seed) % 13;
	quire_gfp_t gfp = random_flags(seed);
	int nid = (int)(next_random(seed) % 2);
	bool more = (gfp & QUIRE_GFP_DIRECT_RECLAIM) && atomic_reserve(m);
	quire_pfn_t pfn = QUIRE_PFN_NONE;
	enum quire_status said, status;

	task_bits = random_task(seed);
	assert_int_equal(quire_drain_frames(&m->q), QUIRE_OK);
	said = quire_explain_outcome(&m->q, nid, order, gfp, NULL);
	status = quire_alloc_frames(&m->q, nid, order, gfp, &pfn);
	task_bits = 0;
	if (said != status && !(more && said == QUIRE_ENOMEM && status == QUIRE_OK))
		fail_msg("order %u flags %#x node %d task %u: said %d, is %d", order, gfp, nid, task_bits, said, status);
	assert_true((pfn == QUIRE_PFN_NONE) == (status != QUIRE_OK));
	if (status != QUIRE_OK)
		return false;
	m->pfn[m->count] = pfn;
	m->order[m->count++] = (uint8_t)order;
	return true;
}

static void what_is_said_happens(void **state)
{
	struct machine *m = *state;
	unsigned served = 0, refused = 0;
	uint32_t seed = 11;

	for (unsigned round = 0; round < ROUNDS; round++) {
		if (m->count == HELD || next_random(&seed) % 200 == 0)
			free_some(m, &seed, next_random(&seed) % HELD);
		if (next_random(&seed) % 300 == 0)
			set_some_type(m, &seed);
		if (one_request(m, &seed))
			served++;
		else
			refused++;
	}
	/* The state space was worth walking. */
	assert_true(served > ROUNDS / 10);
	assert_true(refused > ROUNDS / 10);
}

static const char *explain(struct machine *m, int nid, unsigned order, quire_gfp_t gfp)
{
	const struct quire_report_sink sink = { collect, m };

	m->length = 0;
	quire_explain_failure(&m->q, nid, order, gfp, &sink);
	return m->text;
}

/* "with order N" in the closing sentence: such a request succeeds, and the next larger one does not. */
static void the_remedy_holds(void **state)
{
	struct machine *m = *state;
	unsigned checked = 0;
	uint32_t seed = 5;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned order = next_random(&seed) % 11, smaller;
		quire_gfp_t gfp = QUIRE_GFP_KERNEL | (next_random(&seed) % 2 ? QUIRE_GFP_THISNODE : 0);
		const char *text, *closing;
		quire_pfn_t pfn;

		if (m->count == HELD || next_random(&seed) % 200 == 0)
			free_some(m, &seed, next_random(&seed) % HELD);
		quire_drain_frames(&m->q);
		if (quire_alloc_frames(&m->q, 1, order, gfp, &pfn) == QUIRE_OK) {
			m->pfn[m->count] = pfn;
			m->order[m->count++] = (uint8_t)order;
			continue;
		}
		text = explain(m, 1, order, gfp);
		assert_non_null(strstr(text, "It would have succeeded"));
		closing = strstr(text, "with order ");
		if (!closing || sscanf(closing, "with order %u", &smaller) != 1)
			continue;
		assert_true(smaller < order);
		assert_int_equal(quire_alloc_frames(&m->q, 1, smaller, gfp, &pfn), QUIRE_OK);
		assert_int_equal(quire_free_frames(&m->q, pfn, smaller), QUIRE_OK);
		checked++;
	}
	assert_true(checked > 50);
}

static void frames_have_stories(void **state)
{
	struct machine *m = *state;
	const struct quire_report_sink sink = { collect, m };
	quire_pfn_t pfn;

	assert_int_equal(quire_alloc_frames(&m->q, 1, 5, QUIRE_GFP_KERNEL, &pfn), QUIRE_OK);
	m->length = 0;
	quire_explain_frame(&m->q, pfn + 3, &sink);
	assert_non_null(strstr(m->text, "of node 1 DMA32: allocated, in the block of order 5 at "));
	assert_non_null(strstr(m->text, "pageblock Unmovable"));
	assert_int_equal(quire_free_frames(&m->q, pfn, 5), QUIRE_OK);
	m->length = 0;
	quire_explain_frame(&m->q, pfn + 3, &sink);
	assert_non_null(strstr(m->text, "of node 1 DMA32: free"));
	m->length = 0;
	quire_explain_frame(&m->q, QUIRE_PFN_NONE, &sink);
	assert_non_null(strstr(m->text, "there is no memory"));
}

static void requests_that_make_no_sense(void **state)
{
	struct machine *m = *state;
	struct quire_zone_explanation e;

	assert_non_null(strstr(explain(m, 7, 0, QUIRE_GFP_KERNEL), "There is no node 7."));
	assert_non_null(strstr(explain(m, 0, 27, QUIRE_GFP_KERNEL), "too large"));
	assert_non_null(strstr(explain(m, 0, UINT32_MAX, UINT32_MAX), "contradict"));
	assert_non_null(strstr(explain(m, 0, 0, QUIRE_GFP_KERNEL), "It succeeds now"));
	assert_int_equal(quire_explain_zone(&m->q, &m->q.topology.nodes[0]->zones[0], 99, 0, &e), QUIRE_EINVAL);
	m->q.stage = QUIRE_STAGE_HANDOVER;
	assert_non_null(strstr(explain(m, 0, 0, QUIRE_GFP_KERNEL), "not open yet"));
	m->q.stage = QUIRE_STAGE_WATERMARKS;
}

static void names_of_flags(void **state)
{
	char text[64], small[8];

	(void)state;
	assert_string_equal(quire_gfp_names(QUIRE_GFP_KERNEL | QUIRE_GFP_MOVABLE, text, sizeof(text)), "KERNEL|MOVABLE");
	assert_string_equal(quire_gfp_names(QUIRE_GFP_ATOMIC, text, sizeof(text)), "HIGH|KSWAPD_RECLAIM");
	assert_string_equal(quire_gfp_names(0, text, sizeof(text)), "0");
	assert_string_equal(quire_gfp_names(0x80000000u, text, sizeof(text)), "0x80000000");
	assert_string_equal(quire_gfp_names(UINT32_MAX, small, sizeof(small)), "KERNEL|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_said_happens, boot, shut_down),
		cmocka_unit_test_setup_teardown(the_remedy_holds, boot, shut_down),
		cmocka_unit_test_setup_teardown(frames_have_stories, boot, shut_down),
		cmocka_unit_test_setup_teardown(requests_that_make_no_sense, boot, shut_down),
		cmocka_unit_test(names_of_flags),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
