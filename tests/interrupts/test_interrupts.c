/*
 * Every operation on a running machine under an interrupt that allocates after each instruction (stepper.h): whatever lock
 * or half change an interrupt could find, it would. A step takes some 20 us, so "make check" steps through the beginning of
 * each call and takes samples of the rest.
 *
 * QUIRE_STEPS: steps in one call before only samples are taken; 0: all. With it, also what cpu_enter protects is stepped
 * through, and a table says how long interrupts were kept away, in instructions.
 * QUIRE_OPERATION: only those with this in their names.
 */
#include "operations.h"

#include <stdio.h>

#include "stepper.h"

#define STEPS 120u

static void declare_area(struct booted *b)
{
	const struct quire_cma_request request = { .size = AREA_PAGES * 4096ull, .base = AREA_PFN << 12, .fixed = true,
						   .nid = QUIRE_NO_NODE, .name = "area" };

	assert_int_equal(quire_cma_declare(&b->q, &request, NULL), QUIRE_OK);
	assert_int_equal(quire_memblock_reserve(&b->q.memblock, LATE_BASE, LATE_SIZE), QUIRE_OK);
}

static void small_sections(struct quire_config *config)
{
	config->geometry.section_shift = 24;
	config->geometry.physmem_bits = 36;
	config->options.memhp_online_given = true;
}

static void watched(struct quire_config *config)
{
	small_sections(config);
	config->options.debug = (struct quire_debug_options){ .page_poison = true, .page_owner = true };
}

static struct stepper_options stepping(void)
{
	const char *steps = getenv("QUIRE_STEPS");

	return (struct stepper_options){ .cpus = CPUS, .measure = steps, .most = steps ? strtoull(steps, NULL, 0) : STEPS };
}

static struct booted *open_machine(enum quire_init_policy init, void (*configure)(struct quire_config *config))
{
	const struct booted_options options = {
		.init = init, .cpus = CPUS, .highest_address = 4 * GIB, .configure = configure,
		.map = { { .base = MIB, .size = 255 * MIB, .nid = QUIRE_NO_NODE } }, .map_count = 1,
	};
	struct booted *b = booted_prepare(&options);

	assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_NODES), QUIRE_OK);
	declare_area(b);
	assert_int_equal(quire_boot_until(&b->q, QUIRE_STAGE_WATERMARKS), QUIRE_OK);
	assert_int_equal(quire_hosted_add_ram(b->host, PLUG_BASE, PLUG_SIZE), QUIRE_OK);
	b->end = (PLUG_BASE + PLUG_SIZE) >> 12;
	return b;
}

static void act(struct world *w, const struct operation *o)
{
	struct stepper_result r;
	char name[200];

	o->act(w);
	r = stepper_take();
	booted_check(w->b);
	if (getenv("QUIRE_STEPS"))
		printf("| %-36s | %8llu | %llu steps, %llu interrupts, until %s\n", o->name, (unsigned long long)r.longest,
		       (unsigned long long)r.steps, (unsigned long long)r.interrupts,
		       r.longest ? stepper_name(r.longest_ended, name, sizeof(name)) : "-");
	fflush(stdout);
	assert_int_equal(r.findings, 0);
	assert_true(r.interrupts);
}

static void live(enum quire_init_policy init, void (*configure)(struct quire_config *config))
{
	const char *only = getenv("QUIRE_OPERATION");
	struct stepper_options options = stepping();
	struct world w = { .b = open_machine(init, configure) };
	uint64_t free;

	assert_int_equal(quire_boot(&w.b->q), QUIRE_OK);
	w.keeper = keeper_open(w.b);
	free = booted_free(w.b);
	stepper_attach(&w.b->q, &w.b->platform, &options);
	for (const struct operation *o = operations; o->name; o++)
		if (!only || strstr(o->name, only))
			act(&w, o);
	stepper_detach();
	quire_hosted_bind_cpu(0);
	assert_true(booted_free(w.b) <= free + (LATE_SIZE >> 12));
	keeper_close(w.keeper);
	booted_close(w.b);
}

static void everything(void **state)
{
	(void)state;
	if (!stepper_available())
		skip();
	live(QUIRE_INIT_LAZY, small_sections);
}

/* Descriptors are written by workers while requests come. */
static void deferred(void **state)
{
	struct stepper_options options = stepping();
	struct booted *b;
	struct stepper_result r;

	(void)state;
	if (!stepper_available())
		skip();
	b = open_machine(QUIRE_INIT_DEFERRED, small_sections);
	options.hoard = 100;
	options.most = options.most ? 15000 : 0;
	stepper_attach(&b->q, &b->platform, &options);
	assert_int_equal(STEPPED(quire_boot(&b->q)), QUIRE_OK);
	r = stepper_take();
	assert_int_equal(r.findings, 0);
	assert_true(r.interrupts > 1000);
	stepper_detach();
	booted_close(b);
}

/* Where frames are followed one by one: other roads, other locks. Without reports of what nobody is told. */
static void followed(void **state)
{
	(void)state;
	if (!stepper_available())
		skip();
	live(QUIRE_INIT_EAGER, watched);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(everything), cmocka_unit_test(deferred),
					    cmocka_unit_test(followed) };

	return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
