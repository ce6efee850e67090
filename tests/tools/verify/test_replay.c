/* A log's calls run through our ledger: same answers are equal, others are differences and theirs is taken. */
#include "machine.h"

#include "linux/ledger.h"
#include "verify/replay.h"

#define FIRST_TABLE                                                                                                    \
	"memblock_reserve: [0x0000000004400000-0x0000000004410fff] setup_arch+0x797/0xd4f\n"                           \
	"MEMBLOCK configuration:\n"                                                                                    \
	" memory size = 0x00000000fff00000 reserved size = 0x0000000003411000\n"                                       \
	" memory.cnt  = 0x2\n"                                                                                         \
	" memory[0x0]\t[0x0000000000100000-0x000000007fffffff], 0x7ff00000 bytes flags: 0x0\n"                         \
	" memory[0x1]\t[0x0000000100000000-0x000000017fffffff], 0x80000000 bytes flags: 0x0\n"                         \
	" reserved.cnt  = 0x1\n"                                                                                       \
	" reserved[0x0]\t[0x0000000001000000-0x0000000004410fff], 0x3411000 bytes flags: 0x0\n"
#define REQUEST "memblock_alloc_try_nid: 4096 bytes align=0x1000 nid=-1 from=0x0 max_addr=0x0 f+0x1/0x2\n"
#define ANSWER(range) "memblock_reserve: [" range "] memblock_alloc_range_nid+0xb0/0x13d\n"
#define NODES                                                                                                          \
	ANSWER("0x000000013ffd5000-0x000000013fffffff")                                                                \
	"NODE_DATA(0) allocated [mem 0x13ffd5000-0x13fffffff]\n" ANSWER(                                               \
		"0x000000017ffd4000-0x000000017fffefff") "NODE_DATA(1) allocated [mem 0x17ffd4000-0x17fffefff]\n"
#define END "SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=4, Nodes=2\n"

struct result {
	struct test_machine *m;
	struct observed o;
	struct findings f;
	struct replay r;
	struct linux_ledger ledger;
};

static void run(struct result *x, const char *log)
{
	memset(x, 0, sizeof(*x));
	x->m = test_machine_new(QUIRE_RULES_6_1);
	assert_int_equal(observed_from_log(&x->o, log, strlen(log)), QUIRE_OK);
	assert_int_equal(linux_ledger_make(&x->ledger, &x->m->q, &x->o, &x->r, &x->f), QUIRE_OK);
	assert_int_equal(x->m->q.stage, QUIRE_STAGE_NODES);
	assert_int_equal(quire_check_memblock(&x->m->q.memblock), QUIRE_OK);
}

static void drop(struct result *x)
{
	replay_free(&x->r);
	linux_ledger_free(&x->ledger);
	findings_free(&x->f);
	observed_free(&x->o);
	test_machine_free(x->m);
}

static void in_step(void **state)
{
	struct result x;

	(void)state;
	run(&x, FIRST_TABLE REQUEST ANSWER("0x000000017ffff000-0x000000017fffffff") NODES END);
	assert_true(x.ledger.replayed);
	assert_true(x.f.checked >= 8);
	assert_int_equal(x.f.different, 0);
	/* What no log shows was reserved from the start, and nodes were given where the kernel gave them. */
	assert_true(quire_memblock_is_reserved(&x.m->q.memblock, 0x1000000));
	assert_int_equal(x.m->q.memblock.reserved.regions[0].nid, 0);
	assert_int_equal(x.m->q.memblock.memory.cnt, 3);
	drop(&x);
}

static void out_of_step(void **state)
{
	struct result x;

	(void)state;
	/* Their first answer is a page lower than ours: one difference, and everything after it agrees with theirs. */
	run(&x, FIRST_TABLE REQUEST ANSWER("0x000000017fffe000-0x000000017fffefff")
			REQUEST ANSWER("0x000000017ffff000-0x000000017fffffff")
				REQUEST ANSWER("0x000000017fffd000-0x000000017fffdfff") END);
	assert_int_equal(x.f.different, 1);
	assert_int_equal(x.f.list.items[0].line, 9);
	assert_string_equal(x.f.list.items[0].ours, "0x17ffff000");
	assert_string_equal(x.f.list.items[0].theirs, "0x17fffe000");
	drop(&x);
}

/* A request without an answer failed for the kernel: it has to fail for us. */
static void failed_requests(void **state)
{
	struct result x;

	(void)state;
	run(&x, FIRST_TABLE
	    "memblock_alloc_try_nid: 17179869184 bytes align=0x40 nid=-1 from=0x0 max_addr=0x0 f+0x1/0x2\n" END);
	assert_int_equal(x.f.different, 0);
	drop(&x);
	run(&x, FIRST_TABLE REQUEST END);
	assert_int_equal(x.f.different, 1);
	drop(&x);
}

/* After the hand-over calls no longer change what was handed over; the rest of the log is for later tables. */
static void cut_at_handover(void **state)
{
	struct result x;

	(void)state;
	run(&x,
	    FIRST_TABLE END "memblock_phys_free: [0x0000000001000000-0x0000000001ffffff] free_initrd_mem+0x1/0x2\n");
	assert_true(quire_memblock_is_reserved(&x.m->q.memblock, 0x1000000));
	replay_rest(&x.r);
	assert_false(quire_memblock_is_reserved(&x.m->q.memblock, 0x1000000));
	assert_true(quire_memblock_is_reserved(&x.m->q.memblock, 0x2000000));
	drop(&x);
}

/* An unlogged request: any alignment the answer has will do, but not any answer. */
static void unannounced(void **state)
{
	struct result x;

	(void)state;
	run(&x, FIRST_TABLE ANSWER("0x000000017fe00000-0x000000017fe0ffff") END);
	assert_int_equal(x.f.different, 0);
	drop(&x);
	run(&x, FIRST_TABLE ANSWER("0x000000017fe01000-0x000000017fe10fff") END);
	assert_int_equal(x.f.different, 1);
	drop(&x);
}

/* Where a table was put when it grew is checked too. */
static void doubled(void **state)
{
	struct result x;

	(void)state;
	run(&x, FIRST_TABLE
	    "memblock_reserve: [0x000000017fffe000-0x000000017fffffff] f+0x1/0x2\n"
	    "memblock: reserved is doubled to 256 at [0x000000017fffc000-0x000000017fffdfff]\n"
	    "memblock_reserve: [0x000000017fffc000-0x000000017fffdfff] memblock_double_array+0x1/0x2\n" END);
	assert_int_equal(x.f.different, 0);
	drop(&x);
	run(&x, FIRST_TABLE "memblock_reserve: [0x000000017fffe000-0x000000017fffffff] f+0x1/0x2\n"
			    "memblock: reserved is doubled to 256 at [0x000000017fffa000-0x000000017fffbfff]\n" END);
	assert_int_equal(x.f.different, 1);
	drop(&x);
}

static void nothing_to_replay(void **state)
{
	struct result x;

	(void)state;
	run(&x, "Linux version 6.1\n" END);
	assert_false(x.ledger.replayed);
	drop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_step),	     cmocka_unit_test(out_of_step), cmocka_unit_test(failed_requests),
		cmocka_unit_test(cut_at_handover),   cmocka_unit_test(unannounced), cmocka_unit_test(doubled),
		cmocka_unit_test(nothing_to_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
