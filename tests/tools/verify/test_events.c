/* The calls of a memblock=debug log, in order and with what belongs to them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "verify/events.h"

static void read_events(struct observed *o, struct event_list *list, const char *text, bool narrow)
{
	assert_int_equal(observed_from_log(o, text, strlen(text)), QUIRE_OK);
	assert_int_equal(events_read(list, o, narrow), QUIRE_OK);
}

static void calls(void **state)
{
	struct event_list list;
	struct observed o;
	const struct event *e;

	(void)state;
	read_events(&o, &list,
		    "memblock_add: [0x0000000000001000-0x000000000009fbff] e820__memblock_setup+0x65/0x7d\n"
		    "memblock_phys_alloc_range: 28672 bytes align=0x1000 from=0x0000000000000000 "
		    "max_addr=0x0000000000100000 "
		    "reserve_real_mode+0x50/0x89\n"
		    "memblock_reserve: [0x0000000000098000-0x000000000009efff] memblock_alloc_range_nid+0xb0/0x13d\n"
		    "memblock_alloc_exact_nid_raw: 64 bytes align=0x40 nid=3 from=0x1 max_addr=0x2 f+0x1/0x2\n"
		    "memblock_reserve: [0x1000-0x1fff] memblock_alloc_range_nid+0xb0/0x13d\n"
		    "NODE_DATA(1) allocated [mem 0x1000-0x1fff]\n"
		    "memblock_reserve: [0x2000-0x2fff] memblock_alloc_range_nid+0xb0/0x13d\n"
		    "cma: Reserved 64 MiB at 0x2000\n"
		    "memblock_phys_free: [0x00000000bffdb000-0x00000000bffdafff] pcpu+0x1/0x2\n"
		    "memblock_remove: [0x0001000000000000-0x0000fffffffffffe] arm64_memblock_init+0x38/0x260\n"
		    "memblock: reserved is doubled to 256 at [0x0000000000001800-0x00000000000037ff]\n"
		    "MEMBLOCK configuration:\n",
		    false);
	assert_int_equal(list.events.count, 10);
	e = list.events.items;
	assert_int_equal(e[0].kind, EVENT_ADD);
	assert_int_equal(e[0].size, 0x9ec00);
	assert_int_equal(e[1].kind, EVENT_REQUEST);
	assert_int_equal(e[1].request.kind, REQUEST_PHYS_RANGE);
	assert_int_equal(e[1].request.size, 28672);
	assert_int_equal(e[1].request.max, 0x100000);
	assert_int_equal(e[1].request.nid, QUIRE_NO_NODE);
	assert_true(text_equals(e[1].caller, "reserve_real_mode"));
	assert_true(e[2].allocated);
	assert_false(e[2].node_data || e[2].cma);
	assert_int_equal(e[3].request.kind, REQUEST_EXACT_NID);
	assert_int_equal(e[3].request.nid, 3);
	assert_true(e[4].node_data);
	assert_int_equal(e[4].nid, 1);
	assert_true(e[5].cma);
	assert_int_equal(e[6].kind, EVENT_FREE);
	assert_int_equal(e[6].size, 0);
	assert_int_equal(e[7].kind, EVENT_REMOVE);
	assert_true(e[7].size == UINT64_MAX);
	assert_int_equal(e[8].kind, EVENT_DOUBLED);
	assert_int_equal(e[8].request.size, 256);
	assert_int_equal(e[8].size, 0x2000);
	assert_int_equal(e[9].kind, EVENT_DUMP);
	events_free(&list);
	observed_free(&o);
}

/* Sizes wrap at the width of a physical address. */
static void narrow_addresses(void **state)
{
	struct event_list list;
	struct observed o;

	(void)state;
	read_events(&o, &list,
		    "memblock_remove: [0x80000000-0x7fffffff] f+0x1/0x2\nmemblock_reserve: [0x10-0x1f] f+0x1/0x2\n",
		    true);
	assert_int_equal(list.events.items[0].size, 0);
	assert_int_equal(list.events.items[1].size, 16);
	events_free(&list);
	observed_free(&o);
}

static void nonsense(void **state)
{
	struct event_list list;
	struct observed o;

	(void)state;
	read_events(&o, &list,
		    "memblock_add: [0x1000\nmemblock_alloc_try_nid: many bytes align=0x1\nmemblock_reserve:\nmemblock: "
		    "memory\n"
		    "NODE_DATA(1) allocated [mem 0x1000-0x1fff]\ncma: Reserved 64 MiB at 0x0\n",
		    false);
	assert_int_equal(list.events.count, 0);
	events_free(&list);
	observed_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls),
		cmocka_unit_test(narrow_addresses),
		cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
