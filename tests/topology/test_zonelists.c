/*
 * Fallback orders and zonelists: the spec's worked examples, and random machines against the rule written down naively (pick
 * the best remaining node, again and again).
 */
#include "fixture.h"

#include "topology/growth.h"

#define GIB (1ull << 30)

/* n nodes of 1 GiB each, node i at i GiB; distances row-major or NULL. */
static struct fixture *machine_of(unsigned n, const uint8_t *distances, enum quire_rules rules, unsigned memoryless)
{
	struct fixture *f = fixture_new(QUIRE_ARCH_X86_64, rules);

	for (unsigned i = 0; i < n; i++)
		if (!(memoryless >> i & 1))
			add_memory_node(f, i * GIB + (i ? 0 : 4096), (i + 1) * GIB, (int)i);
	nodes_from_ledger(f);
	for (unsigned i = 0; i < n; i++) {
		if (f->t.nodes[i])
			continue;
		f->t.nodes[i] = fixture_meta_alloc(f, sizeof(struct quire_node), 8, (int)i);
		f->t.nodes[i]->nid = (int)i;
		f->t.nodes[i]->online = true;
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			f->t.nodes[i]->zones[type].type = (enum quire_zone_type)type;
			f->t.nodes[i]->zones[type].node = f->t.nodes[i];
		}
		if (f->t.node_count <= i)
			f->t.node_count = i + 1;
	}
	if (distances) {
		f->t.distance = fixture_meta_alloc(f, (size_t)n * n, 1, -1);
		memcpy(f->t.distance, distances, (size_t)n * n);
		f->t.distance_count = n;
	}
	return f;
}

static void test_equal_distances(void **state)
{
	struct fixture *f = machine_of(4, NULL, QUIRE_RULES_6_1, 0);

	(void)state;
	plan_zones(f);
	assert_fallback(f, 0, "0 1 2 3");
	assert_fallback(f, 1, "1 2 3 0");
	assert_fallback(f, 2, "2 3 0 1");
	assert_fallback(f, 3, "3 0 1 2");
	fixture_free(f);
}

static void test_two_groups(void **state)
{
	uint8_t distances[64];
	struct fixture *f;

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		for (unsigned j = 0; j < 8; j++)
			distances[i * 8 + j] = i == j ? 10 : i / 4 == j / 4 ? 12 : 21;
	f = machine_of(8, distances, QUIRE_RULES_6_1, 0);
	plan_zones(f);
	assert_fallback(f, 0, "0 1 2 3 4 5 6 7");
	assert_fallback(f, 1, "1 2 3 0 5 6 7 4");
	assert_fallback(f, 2, "2 3 0 1 6 7 4 5");
	assert_fallback(f, 3, "3 0 1 2 7 4 5 6");
	assert_fallback(f, 4, "4 5 6 7 0 1 2 3");
	assert_fallback(f, 5, "5 6 7 4 1 2 3 0");
	assert_fallback(f, 6, "6 7 4 5 2 3 0 1");
	assert_fallback(f, 7, "7 4 5 6 3 0 1 2");
	fixture_free(f);
}

static const uint8_t ring[16] = { 10, 21, 31, 21, 21, 10, 21, 31, 31, 21, 10, 21, 21, 31, 21, 10 };

static void test_ring(void **state)
{
	struct fixture *f = machine_of(4, ring, QUIRE_RULES_6_1, 0);

	(void)state;
	plan_zones(f);
	assert_fallback(f, 0, "0 1 3 2");
	assert_fallback(f, 1, "1 2 0 3");
	assert_fallback(f, 2, "2 3 1 0");
	assert_fallback(f, 3, "3 0 2 1");
	fixture_free(f);
}

/* After boot CPUs are known and nodes with CPUs are spared a little. */
static void test_cpu_penalty(void **state)
{
	static const uint8_t sockets[16] = { 10, 20, 17, 28, 20, 10, 28, 17, 17, 28, 10, 28, 28, 17, 28, 10 };
	struct fixture *f = machine_of(4, ring, QUIRE_RULES_6_1, 0);

	(void)state;
	plan_zones(f);
	for (unsigned i = 0; i < 3; i++)
		f->t.nodes[i]->cpus = 1;
	qi_zonelists_fill(&f->t, true);
	assert_fallback(f, 0, "0 3 1 2");
	assert_fallback(f, 1, "1 2 0 3");
	assert_fallback(f, 2, "2 3 1 0");
	assert_fallback(f, 3, "3 0 2 1");
	fixture_free(f);

	f = machine_of(4, sockets, QUIRE_RULES_6_1, 0);
	plan_zones(f);
	f->t.nodes[0]->cpus = f->t.nodes[1]->cpus = 4;
	qi_zonelists_fill(&f->t, true);
	assert_fallback(f, 0, "0 2 1 3");
	assert_fallback(f, 1, "1 3 0 2");
	assert_fallback(f, 2, "2 0 3 1");
	assert_fallback(f, 3, "3 1 2 0");
	fixture_free(f);
}

/* 6.1 lists a node without memory first in its own order, 6.12 does not; neither gives it zones. */
static void test_memoryless(void **state)
{
	struct fixture *f = machine_of(3, NULL, QUIRE_RULES_6_1, 2);

	(void)state;
	plan_zones(f);
	assert_fallback(f, 1, "1 2 0");
	assert_int_equal(f->t.nodes[1]->zonelists[QUIRE_ZONELIST_NOFALLBACK].count, 0);
	fixture_free(f);

	f = machine_of(3, NULL, QUIRE_RULES_6_12, 2);
	plan_zones(f);
	assert_fallback(f, 1, "2 0");
	assert_int_equal(f->t.nodes[1]->zonelists[QUIRE_ZONELIST_FALLBACK].count, 3);
	assert_ptr_equal(f->t.nodes[1]->zonelists[QUIRE_ZONELIST_FALLBACK].zones[0],
			 &f->t.nodes[2]->zones[QUIRE_ZONE_DMA32]);
	assert_ptr_equal(f->t.nodes[1]->zonelists[QUIRE_ZONELIST_FALLBACK].zones[2], &f->t.nodes[0]->zones[QUIRE_ZONE_DMA]);
	fixture_free(f);
}

/* The rule as the spec words it: best remaining node, one after the other, load growing as it goes. */
static void naive_order(const struct fixture *f, unsigned n, int local, uint32_t *load, int *order, size_t *count)
{
	bool used[32] = { false };
	int previous = local;

	*count = 0;
	if (f->t.nodes[local]->has_memory || f->config.rules == QUIRE_RULES_6_1)
		order[(*count)++] = local;
	used[local] = true;
	for (;;) {
		uint64_t best_value = UINT64_MAX;
		int best = -1;

		for (unsigned i = 0; i < n; i++) {
			uint64_t value = quire_node_distance(&f->t, local, (int)i);

			if (used[i] || !f->t.nodes[i]->has_memory)
				continue;
			value = (value + ((int)i < local)) * (1u << f->config.geometry.nodes_shift) + load[i];
			if (value < best_value) {
				best_value = value;
				best = (int)i;
			}
		}
		if (best < 0)
			return;
		if (quire_node_distance(&f->t, local, best) != quire_node_distance(&f->t, local, previous))
			load[best]++;
		previous = best;
		used[best] = true;
		order[(*count)++] = best;
	}
}

static void test_random_against_naive(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 300; round++) {
		unsigned n = 2 + (unsigned)rand() % 23, kinds = 1 + (unsigned)rand() % 4;
		unsigned memoryless = round % 3 ? 0 : (unsigned)rand() & ((1u << n) - 2);
		uint8_t distances[32 * 32];
		uint32_t load[32] = { 0 };
		struct fixture *f;

		for (unsigned i = 0; i < n * n; i++)
			distances[i] = i % (n + 1) ? (uint8_t)(11 + 7 * ((unsigned)rand() % kinds)) : 10;
		f = machine_of(n, distances, round & 1 ? QUIRE_RULES_6_1 : QUIRE_RULES_6_12, memoryless);
		plan_zones(f);
		for (unsigned local = 0; local < n; local++) {
			int order[32];
			size_t count;

			naive_order(f, n, (int)local, load, order, &count);
			assert_int_equal(f->t.nodes[local]->fallback_count, count);
			assert_memory_equal(f->t.nodes[local]->fallback, order, count * sizeof(int));
		}
		fixture_free(f);
	}
}

/* Whichever allocation fails, the answer is "no memory", and trying again with memory works. */
static void test_out_of_memory(void **state)
{
	struct fixture *f = machine_of(3, ring, QUIRE_RULES_6_1, 0);
	int failures = 0;

	(void)state;
	f->t.distance_count = 0;
	plan_zones(f);
	for (int allowed = 0;; allowed++) {
		enum quire_status status;

		f->allocations_left = allowed;
		status = quire_topology_zonelists(&f->t);
		f->allocations_left = -1;
		if (status == QUIRE_OK)
			break;
		assert_int_equal(status, QUIRE_ENOMEM);
		failures++;
	}
	assert_true(failures > 3);
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_OK);
	fixture_free(f);
}

/* The checker sees what it is there to see. */
static void test_checker(void **state)
{
	struct fixture *f = machine_of(3, NULL, QUIRE_RULES_6_1, 0);
	struct quire_zonelist *list;
	struct quire_zone *zone;

	(void)state;
	plan_zones(f);
	zone = &f->t.nodes[1]->zones[QUIRE_ZONE_DMA32];
	list = &f->t.nodes[0]->zonelists[QUIRE_ZONELIST_FALLBACK];

	zone->present++;
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_ECORRUPT);
	zone->present--;
	zone->managed = zone->present + 1;
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_ECORRUPT);
	zone->managed = 0;
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_OK);
	list->count--;
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_ECORRUPT);
	list->count++;
	list->zones[0] = list->zones[1];
	assert_int_equal(quire_check_topology(&f->t, &f->mb), QUIRE_ECORRUPT);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_distances),
		cmocka_unit_test(test_two_groups),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_cpu_penalty),
		cmocka_unit_test(test_memoryless),
		cmocka_unit_test(test_random_against_naive),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_checker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
