/* Memory modules whose status changes while it is looked at: the slots are ours here, and so is the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "hotplug.h"

#define SLOTS 4u
#define GIB (1ull << 30)

static struct arch_dimm slots[SLOTS];
static bool unsteady[SLOTS];		/* changes while it is read */
static bool refuses, stays;		/* what the engine does with memory that comes, or is to leave */
static unsigned arrived, left, ejected, acknowledged;
static jmp_buf panicked;

unsigned arch_dimm_slots(void)
{
	return SLOTS;
}

bool arch_dimm_read(unsigned slot, struct arch_dimm *dimm)
{
	*dimm = slots[slot];
	return !unsteady[slot];
}

void arch_dimm_acknowledge(unsigned slot, bool insertion)
{
	acknowledged++;
	if (insertion)
		slots[slot].inserted = false;
	else
		slots[slot].removing = false;
}

void arch_dimm_eject(unsigned slot)
{
	ejected++;
	slots[slot] = (struct arch_dimm){ 0 };
}

bool metal_memory_arrive(const char *what, unsigned index, quire_phys_t base, quire_phys_t size, uint32_t domain)
{
	(void)what, (void)index, (void)base, (void)size, (void)domain;
	arrived++;
	return !refuses;
}

bool metal_memory_leave(const char *what, unsigned index, quire_phys_t base, quire_phys_t size)
{
	(void)what, (void)index, (void)base, (void)size;
	left += !stays;
	return !stays;
}

void metal_print(const char *format, ...)
{
	(void)format;
}

void metal_panic(bool dump, const char *format, ...)
{
	(void)dump, (void)format;
	longjmp(panicked, 1);
}

static void plug(unsigned slot, quire_phys_t base)
{
	slots[slot] = (struct arch_dimm){ .base = base, .size = GIB, .enabled = true, .inserted = true };
}

/* All slots empty, and known to be. */
static int set_up(void **state)
{
	(void)state;
	refuses = stays = false;
	memset(unsteady, 0, sizeof(unsteady));
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (slots[slot].enabled)
			slots[slot].removing = true;
	if (!metal_dimm_find())
		return -1;
	metal_dimm_poll();
	arrived = left = ejected = acknowledged = 0;
	return 0;
}

static bool poll_panics(void)
{
	if (setjmp(panicked))
		return true;
	metal_dimm_poll();
	return false;
}

static void comes_and_goes(void **state)
{
	(void)state;
	plug(1, 4 * GIB);
	assert_int_equal(metal_dimm_poll(), 0);
	assert_int_equal(metal_dimm_poll(), 0);
	assert_int_equal(arrived, 1);
	assert_int_equal(acknowledged, 1);
	slots[1].removing = true;
	assert_int_equal(metal_dimm_poll(), 1);
	assert_int_equal(left, 1);
	assert_int_equal(ejected, 1);
	assert_int_equal(metal_dimm_poll(), 0);
}

/* A status that will not stand still is believed when it does. */
static void unsteady_status(void **state)
{
	(void)state;
	plug(0, 4 * GIB);
	unsteady[0] = true;
	assert_int_equal(metal_dimm_poll(), 0);
	assert_int_equal(arrived + acknowledged, 0);
	unsteady[0] = false;
	metal_dimm_poll();
	assert_int_equal(arrived, 1);
	slots[0].removing = unsteady[0] = true;
	assert_int_equal(metal_dimm_poll(), 0);
	assert_int_equal(left + ejected, 0);
	unsteady[0] = false;
	assert_int_equal(metal_dimm_poll(), 1);
}

/* Memory in use keeps its module; who wants it gone asks again. */
static void leaves_at_the_second_try(void **state)
{
	(void)state;
	plug(2, 8 * GIB);
	metal_dimm_poll();
	stays = slots[2].removing = true;
	assert_int_equal(metal_dimm_poll(), 0);
	assert_int_equal(ejected, 0);
	assert_int_equal(metal_dimm_poll(), 0);
	stays = false;
	slots[2].removing = true;
	assert_int_equal(metal_dimm_poll(), 1);
	assert_int_equal(ejected, 1);
}

/* What the engine would not have is not offered again, and may be pulled. */
static void refused(void **state)
{
	(void)state;
	refuses = true;
	plug(3, 4 * GIB);
	metal_dimm_poll();
	metal_dimm_poll();
	assert_int_equal(arrived, 1);
	slots[3] = (struct arch_dimm){ 0 };
	assert_false(poll_panics());
	refuses = false;
	plug(3, 6 * GIB);
	metal_dimm_poll();
	assert_int_equal(arrived, 2);
}

/* Pulled, or exchanged for another, while its memory is in use: nothing can go on. */
static void surprises(void **state)
{
	(void)state;
	plug(0, 4 * GIB);
	metal_dimm_poll();
	slots[0].enabled = false;
	assert_true(poll_panics());
	plug(0, 5 * GIB);
	assert_true(poll_panics());
	plug(0, 4 * GIB);
	slots[0].size = GIB / 2;
	assert_true(poll_panics());
	plug(0, 4 * GIB);
	assert_false(poll_panics());
	assert_int_equal(arrived, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(comes_and_goes, set_up), cmocka_unit_test_setup(unsteady_status, set_up),
		cmocka_unit_test_setup(leaves_at_the_second_try, set_up), cmocka_unit_test_setup(refused, set_up),
		cmocka_unit_test_setup(surprises, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
