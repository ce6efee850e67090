/*
 * Every call of the platform fails once, at every place, under every model and policy; and memory that is too small for what
 * describes it. Each time there is a status, everything is given back, and the ledger is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "rig.h"

static struct rig rig;

/* The ledger's two tables, as they were before the memmap came. */
static struct {
	struct quire_memblock_region regions[2][512];
	size_t count[2];
} before;

static const struct quire_memblock_type *table(unsigned i)
{
	return i ? &rig.q.memblock.reserved : &rig.q.memblock.memory;
}

static void remember(void)
{
	for (unsigned i = 0; i < 2; i++) {
		before.count[i] = table(i)->cnt;
		assert_true(before.count[i] <= 512);
		memcpy(before.regions[i], table(i)->regions, before.count[i] * sizeof(before.regions[i][0]));
	}
}

static void expect_as_before(void)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(table(i)->cnt, before.count[i]);
		assert_memory_equal(table(i)->regions, before.regions[i], before.count[i] * sizeof(before.regions[i][0]));
	}
	assert_int_equal(quire_hosted_outside(rig.hosted), 0);
	assert_int_equal(quire_hosted_window_mapped(rig.hosted), 0);
	assert_int_equal(rig.q.metadata.sections + rig.q.metadata.descriptors, 0);
	assert_false(rig.q.memmap.ready);
}

/* All stages, and where descriptors come on demand some of them. */
static enum quire_status use(void)
{
	enum quire_status status = rig_boot(&rig);

	if (status == QUIRE_OK)
		status = qi_memmap_init_late(&rig.q);
	return status == QUIRE_OK ? quire_memmap_prepare(&rig.q, RIG_FRAMES - 3000, 300) : status;
}

/* The n-th call fails. False: there were fewer. */
static bool fail_nth(enum quire_model model, enum quire_init_policy init, enum quire_hosted_call call, uint64_t n)
{
	uint32_t flags = call == QUIRE_HOSTED_META_ALLOC ? QUIRE_HOSTED_OUTSIDE_METADATA : n & 1 ? QUIRE_HOSTED_NO_HUGE : 0;
	enum quire_status status;
	bool reached;

	rig_make(&rig, n & 1 ? 6 : 9, model, init, flags);
	remember();
	quire_hosted_fail(rig.hosted, call, n);
	status = use();
	reached = quire_hosted_calls(rig.hosted, call) >= n;
	quire_hosted_fail(rig.hosted, call, 0);
	if (!reached)
		assert_true(status == QUIRE_OK || status == QUIRE_EUNSUPPORTED);
	/* What failed for once does not fail twice: a demand that found no room is served the next time. */
	if (status != QUIRE_OK && rig.q.memmap.ready)
		assert_int_equal(quire_memmap_prepare(&rig.q, RIG_FRAMES - 3000, 300), QUIRE_OK);
	if (rig.q.memmap.ready) {
		assert_int_equal(quire_check_memmap(&rig.q), QUIRE_OK);
		qi_memmap_fini(&rig.q);
	}
	expect_as_before();
	/* And the same machine can be used after all. */
	if (status != QUIRE_EUNSUPPORTED) {
		assert_int_equal(use(), QUIRE_OK);
		qi_memmap_fini(&rig.q);
		expect_as_before();
	}
	quire_hosted_destroy(rig.hosted);
	return reached;
}

static void test_every_call(void **state)
{
	(void)state;
	for (unsigned call = 0; call < QUIRE_HOSTED_CALLS; call++)
		for (unsigned model = 0; model < QUIRE_MODELS; model++)
			for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++) {
				uint64_t n = 1;

				while (fail_nth((enum quire_model)model, (enum quire_init_policy)init,
						(enum quire_hosted_call)call, n))
					/* Base pages of the window come by the hundred, one like the other. */
					n += n < 24 ? 1 : 7;
			}
}

/* Ever less memory is free, down to none: whoever cannot find room says so and takes nothing. */
static void test_does_not_fit(void **state)
{
	unsigned refused = 0;

	(void)state;
	for (unsigned model = 0; model < QUIRE_MODELS; model++)
		for (unsigned init = 0; init < QUIRE_INIT_POLICIES; init++)
			for (unsigned pages = 0; pages < 400; pages = pages * 2 + 1) {
				const quire_pfn_t left = RIG_FRAMES - 3072 + 100;
				enum quire_status status;

				rig_make(&rig, 5, (enum quire_model)model, (enum quire_init_policy)init,
					 QUIRE_HOSTED_NO_HUGE);
				quire_memblock_reserve(&rig.q.memblock, 0, left << 12);
				quire_memblock_reserve(&rig.q.memblock, (left + pages) << 12,
						       (RIG_FRAMES - left - pages) << 12);
				remember();
				status = rig_boot(&rig);
				if (status == QUIRE_ENOMEM) {
					refused++;
					assert_true(rig.last_message[0] != 0);
				} else if (status == QUIRE_OK) {
					qi_memmap_fini(&rig.q);
				} else {
					assert_int_equal(status, QUIRE_EUNSUPPORTED);
				}
				expect_as_before();
				quire_hosted_destroy(rig.hosted);
			}
	assert_true(refused >= 3 * QUIRE_MODELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call),
		cmocka_unit_test(test_does_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
