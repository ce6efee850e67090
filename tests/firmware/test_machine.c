/* The machine's arrays: capacities, order of domains, and the matrix that is laid out anew when it grows. */
#include "support.h"

static struct test_machine t;

static void full_arrays_take_nothing(void **state)
{
	struct quire_reservation r = { .base = 1, .size = 2 };
	struct quire_memory_affinity a = { .size = 1, .domain = 7, .flags = QUIRE_AFFINITY_ENABLED };
	struct quire_cpu cpu = { .hwid = 3, .domain = 7, .enabled = true };
	char before[4096], after[4096];

	(void)state;
	machine_reset_small(&t, QUIRE_ARCH_X86_64, 1);
	assert_int_equal(quire_machine_add_range(&t.m, 1, 2, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE), QUIRE_OK);
	assert_int_equal(quire_machine_add_reservation(&t.m, &r), QUIRE_OK);
	assert_int_equal(quire_machine_add_affinity(&t.m, &a), QUIRE_OK);
	assert_int_equal(quire_machine_add_cpu(&t.m, &cpu), QUIRE_OK);
	assert_int_equal(quire_machine_set_distance(&t.m, 0, 0, 10), QUIRE_OK);
	machine_text(&t.m, before, sizeof(before));
	assert_int_equal(quire_machine_add_range(&t.m, 1, 2, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE), QUIRE_ENOSPC);
	assert_int_equal(quire_machine_add_reservation(&t.m, &r), QUIRE_ENOSPC);
	assert_int_equal(quire_machine_add_affinity(&t.m, &a), QUIRE_ENOSPC);
	assert_int_equal(quire_machine_add_cpu(&t.m, &cpu), QUIRE_ENOSPC);
	assert_int_equal(quire_machine_set_distance(&t.m, 0, 1, 20), QUIRE_ENOSPC);
	assert_int_equal(quire_machine_set_distance(&t.m, UINT32_MAX, 0, 20), QUIRE_ENOSPC);
	machine_text(&t.m, after, sizeof(after));
	assert_string_equal(before, after);
	machine_check(&t);
}

/* A record whose domain finds no room must not be there either. */
static void a_record_needs_room_for_its_domain(void **state)
{
	struct quire_cpu cpu = { .hwid = 1, .domain = 5, .enabled = true };
	struct quire_memory_affinity a = { .size = 1, .domain = 6, .flags = QUIRE_AFFINITY_ENABLED };

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	t.storage.domain_max = 1;
	quire_machine_init(&t.m, QUIRE_ARCH_X86_64, &t.storage);
	assert_int_equal(quire_machine_add_cpu(&t.m, &cpu), QUIRE_OK);
	assert_int_equal(quire_machine_add_affinity(&t.m, &a), QUIRE_ENOSPC);
	assert_int_equal(t.m.affinity_count, 0);
	cpu.domain = 9;
	assert_int_equal(quire_machine_add_cpu(&t.m, &cpu), QUIRE_ENOSPC);
	assert_int_equal(t.m.cpu_count, 1);
	machine_check(&t);
}

static void domains_keep_their_order_of_appearance(void **state)
{
	const uint32_t cpus[] = { 40, 3, 40, 7, 3 };
	struct quire_memory_affinity a = { .size = 1, .domain = 1, .flags = QUIRE_AFFINITY_ENABLED };
	struct quire_cpu cpu = { .enabled = true };

	(void)state;
	machine_reset(&t, QUIRE_ARCH_X86_64);
	for (size_t i = 0; i < 5; i++) {
		cpu.domain = cpus[i];
		quire_machine_add_cpu(&t.m, &cpu);
	}
	quire_machine_add_affinity(&t.m, &a);
	a.domain = 99;
	a.flags = 0;
	quire_machine_add_affinity(&t.m, &a);
	cpu = (struct quire_cpu){ .enabled = true, .domain = QUIRE_DOMAIN_NONE };
	quire_machine_add_cpu(&t.m, &cpu);
	cpu = (struct quire_cpu){ .enabled = false, .domain = 77 };
	quire_machine_add_cpu(&t.m, &cpu);
	assert_int_equal(t.m.domain_count, 4);
	assert_int_equal(t.m.domains[0], 40);
	assert_int_equal(t.m.domains[1], 3);
	assert_int_equal(t.m.domains[2], 7);
	assert_int_equal(t.m.domains[3], 1);
}

/* Random settings in random order against a full-size matrix. */
static void the_distance_matrix_grows_without_mixing_cells(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (int round = 0; round < 200; round++) {
		uint8_t model[MACHINE_DISTANCES][MACHINE_DISTANCES];
		size_t rows = 0;

		machine_reset(&t, QUIRE_ARCH_X86_64);
		for (int i = 0; i < MACHINE_DISTANCES; i++)
			for (int j = 0; j < MACHINE_DISTANCES; j++)
				model[i][j] = i == j ? 10 : 20;
		for (int step = 0; step < 12; step++) {
			uint32_t from = next_random(&seed) % MACHINE_DISTANCES, to = next_random(&seed) % MACHINE_DISTANCES;
			uint8_t distance = (uint8_t)next_random(&seed);

			model[from][to] = distance;
			rows = from + 1 > rows ? from + 1 : rows;
			rows = to + 1 > rows ? to + 1 : rows;
			assert_int_equal(quire_machine_set_distance(&t.m, from, to, distance), QUIRE_OK);
			assert_int_equal(t.m.distance_count, rows);
			for (size_t cell = 0; cell < rows * rows; cell++)
				assert_int_equal(t.m.distances[cell], model[cell / rows][cell % rows]);
		}
		machine_check(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_arrays_take_nothing),
		cmocka_unit_test(a_record_needs_room_for_its_domain),
		cmocka_unit_test(domains_keep_their_order_of_appearance),
		cmocka_unit_test(the_distance_matrix_grows_without_mixing_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
