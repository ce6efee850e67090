/* Lines of traces as several programs print them, and hostile ones. Files: plain, gzipped, damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include <quire/page_alloc.h>

#include "replay/trace.h"

static enum trace_line parse(const char *line, struct trace_event *event)
{
	return trace_parse(text_of(line), event);
}

static struct trace_event event_of(const char *line)
{
	struct trace_event event;

	assert_int_equal(parse(line, &event), TRACE_EVENT);
	return event;
}

#define FRONT "            init-1       [001] .....     7.353086: "

static void allocation(void **state)
{
	struct trace_event e = event_of(FRONT "mm_page_alloc: page=00000000c0a49686 pfn=0x10c52 order=1 migratetype=0 "
					"gfp_flags=GFP_KERNEL_ACCOUNT|__GFP_ZERO\n");

	(void)state;
	assert_int_equal(e.kind, TRACE_ALLOC);
	assert_int_equal(e.cpu, 1);
	assert_int_equal(e.pid, 1);
	assert_int_equal(e.time_us, 7353086);
	assert_int_equal(e.pfn, 0x10c52);
	assert_int_equal(e.order, 1);
	assert_int_equal(e.type, QUIRE_MIGRATE_UNMOVABLE);
	assert_int_equal(e.gfp, QUIRE_GFP_KERNEL | 0x400000 | 0x100);
	assert_false(e.failed);
}

static void failed(void **state)
{
	(void)state;
	assert_true(event_of(FRONT "mm_page_alloc: page=0000000000000000 pfn=0x0 order=9 migratetype=1 "
			     "gfp_flags=GFP_TRANSHUGE").failed);
	assert_true(event_of(FRONT "mm_page_alloc: page=(nil) pfn=0 order=9 migratetype=1 gfp_flags=GFP_TRANSHUGE").failed);
	assert_true(event_of(FRONT "mm_page_alloc: page=(null) pfn=18446744073709551615 order=9 migratetype=1 "
			     "gfp_flags=GFP_TRANSHUGE").failed);
}

/* Other programs, options of ftrace, and names of tasks that look like what follows them. */
static void fronts(void **state)
{
	static const char *const lines[] = {
		"  a b [003] c-4711 [002] d..3.  7.5: mm_page_free: page=00000000da15f45f pfn=0x10c44 order=1",
		"  <...>-4711  (  4700) [002] d..3.     7.500000: mm_page_free: page=0xda15f45f pfn=0x10c44 order=1",
		"  cat-4711  [002]     7.500000: mm_page_free:         page=0xda15f45f pfn=0x10c44 order=1",
		"cat  4711 [002]     7.500000000: kmem:mm_page_free: page=0xda15f45f pfn=68676 order=1",
		"  1.2: x-4711  [002]  .... 7.500000: mm_page_free: pfn=0x10c44 order=1\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct trace_event e = event_of(lines[i]);

		assert_int_equal(e.kind, TRACE_FREE);
		assert_int_equal(e.cpu, 2);
		assert_int_equal(e.pid, 4711);
		assert_int_equal(e.time_us, 7500000);
		assert_int_equal(e.pfn, 0x10c44);
		assert_int_equal(e.order, 1);
	}
}

static void other_kinds(void **state)
{
	struct trace_event e = event_of(FRONT "mm_page_alloc_extfrag: page=00000000e3d3f124 pfn=0xe400 alloc_order=2 "
					"fallback_order=10 pageblock_order=9 alloc_migratetype=0 fallback_migratetype=1 "
					"fragmenting=1 change_ownership=1");

	(void)state;
	assert_int_equal(e.kind, TRACE_EXTFRAG);
	assert_int_equal(e.order, 2);
	assert_int_equal(e.fallback_order, 10);
	assert_true(e.fragmenting);
	e = event_of(FRONT "mm_compaction_isolate_migratepages: range=(0xa600 ~ 0xa620) nr_scanned=32 nr_taken=31");
	assert_int_equal(e.kind, TRACE_ISOLATE_MIGRATE);
	assert_int_equal(e.taken, 31);
	e = event_of(FRONT "mm_page_pcpu_drain: page=00000000e3d3f124 pfn=0xe400 order=0 migratetype=2");
	assert_int_equal(e.kind, TRACE_DRAIN);
	assert_int_equal(e.type, QUIRE_MIGRATE_RECLAIMABLE);
	e = event_of(FRONT "tracing_mark_write: PHASE-hog\x01 mix\n");
	assert_int_equal(e.kind, TRACE_MARKER);
	assert_string_equal(e.mark, "PHASE-hog? mix");
	assert_int_equal(event_of(FRONT "sched_switch: whatever").kind, TRACE_OTHER);
	assert_int_equal(event_of(FRONT "mm_page_free_batched: page=1").kind, TRACE_FREE_BATCHED);
	e = event_of("CPU:1 [LOST 4711 EVENTS]\n");
	assert_int_equal(e.kind, TRACE_LOST);
	assert_int_equal(e.lost, 4711);
	e = event_of("# entries-in-buffer/entries-written: 934167/934170   #P:2\n");
	assert_int_equal(e.lost, 3);
}

static void headers(void **state)
{
	struct trace_event e;

	(void)state;
	assert_int_equal(parse("", &e), TRACE_HEADER);
	assert_int_equal(parse("  \r\n", &e), TRACE_HEADER);
	assert_int_equal(parse("#           TASK-PID     CPU#", &e), TRACE_HEADER);
	assert_int_equal(parse("# entries-in-buffer/entries-written: 5/5   #P:2", &e), TRACE_HEADER);
}

static void hostile(void **state)
{
	static const char *const lines[] = {
		"text", "[", "[]", "[001]", "[001] .....", "[001] ..... 7.5:", "[001] ..... 7.5: mm_page_free",
		"[001] ..... 7.5: mm_page_free:", "[001] ..... 7.5: mm_page_free: pfn=1",
		"[x01] ..... 7.5: mm_page_free: pfn=1 order=0",
		FRONT "mm_page_free: pfn=0xzz order=0", FRONT "mm_page_free: pfn=0x10 order=27",
		FRONT "mm_page_free: pfn=0x10 order=-1", FRONT "mm_page_free: pfn=0xffffffffffffffff order=0",
		FRONT "mm_page_free: pfn=0x1ffffffffffffffff order=0", FRONT "mm_page_free: xpfn=0x10 order=0",
		FRONT "mm_page_alloc: page=12 pfn=0x10 order=0", FRONT "mm_page_alloc: pfn=0x10 gfp_flags=GFP_KERNEL",
		FRONT "mm_page_alloc_extfrag: alloc_order=0 fallback_order=99",
		FRONT "mm_compaction_isolate_migratepages: range=(0x1 ~ 0x2)",
		"[99999999999999999999] ..... 7.5: mm_page_free: pfn=0x10 order=0",
		"[001] ..... 7x5: mm_page_free: pfn=0x10 order=0", "[001] . . . 7.5: mm_page_free: pfn=0x10 order=0",
	};
	struct trace_event e;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(lines[i], &e) != TRACE_MALFORMED)
			fail_msg("taken: %s", lines[i]);
	/* Seconds and decimals without end are cut, not wrapped. */
	parse("[001] ..... 99999999999999999999999999999.9999999999999: mm_page_free: pfn=0x10 order=0", &e);
	e = event_of("a-99999999999999999999999 [001] 7.9999999: mm_page_free: pfn=1 order=0");
	assert_int_equal(e.time_us, 7999999);
}

/* Every cut of a good line: no crash, and never another frame than that of the whole line's digits so far. */
static void cut(void **state)
{
	static const char line[] = FRONT "mm_page_alloc: page=00000000c0a49686 pfn=0x10c52 order=1 migratetype=0 "
				   "gfp_flags=GFP_NOFS|0x1";
	struct trace_event e;

	(void)state;
	for (size_t n = 0; n < sizeof(line); n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, line, n);
		if (trace_parse((struct text_slice){ copy, n }, &e) == TRACE_EVENT && e.kind == TRACE_ALLOC)
			assert_int_equal(e.pfn, 0x10c52);
		free(copy);
	}
}

static void flags(void **state)
{
	unsigned unknown = 0;

	(void)state;
	assert_int_equal(trace_gfp(text_of("GFP_ATOMIC"), &unknown), QUIRE_GFP_HIGH | QUIRE_GFP_KSWAPD_RECLAIM);
	/* Spec 05 section 8: TRANSHUGE = LIGHT | DIRECT_RECLAIM, LIGHT has no reclaim at all. */
	assert_int_equal(trace_gfp(text_of("GFP_TRANSHUGE_LIGHT"), &unknown) & QUIRE_GFP_RECLAIM, 0);
	assert_int_equal(trace_gfp(text_of("GFP_TRANSHUGE|__GFP_THISNODE"), &unknown) &
			 (QUIRE_GFP_RECLAIM | QUIRE_GFP_THISNODE),
			 QUIRE_GFP_DIRECT_RECLAIM | QUIRE_GFP_THISNODE);
	assert_int_equal(trace_gfp(text_of("GFP_HIGHUSER_MOVABLE"), &unknown),
			 QUIRE_GFP_HIGHUSER_MOVABLE | 0x100000);
	assert_int_equal(trace_gfp(text_of("__GFP_IO|0x8000000|none"), &unknown), QUIRE_GFP_IO);
	assert_int_equal(unknown, 0);
	assert_int_equal(trace_gfp(text_of("|GFP_WHAT|__GFP_FS|0xg|"), &unknown), QUIRE_GFP_FS);
	assert_int_equal(unknown, 3);
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

static char path[64];

static void write_file(const char *text, size_t size, bool zipped, size_t keep)
{
	gzFile zip;
	int fd;

	strcpy(path, "/tmp/quire-trace-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	if (zipped) {
		zip = gzdopen(fd, "wb");
		assert_int_equal(gzwrite(zip, text, (unsigned)size), size);
		gzclose(zip);
		assert_true(!keep || truncate(path, (off_t)keep) == 0);
	} else {
		assert_int_equal(write(fd, text, size), size);
		close(fd);
	}
}

static uint64_t count_events(struct trace_counts *counts, bool *bad)
{
	enum quire_status status;
	struct trace_reader *reader = trace_open(path, &status);
	struct trace_event event;
	uint64_t count = 0;

	assert_non_null(reader);
	assert_int_equal(status, QUIRE_OK);
	while (trace_next(reader, &event))
		count++;
	*counts = *trace_counts(reader);
	*bad = trace_failed(reader);
	if (!*bad)
		assert_int_equal(trace_progress(reader), 1000);
	trace_close(reader);
	unlink(path);
	return count;
}

static void files(void **state)
{
	static const char event[] = FRONT "mm_page_free: pfn=0x10 order=0\n";
	size_t size = 0, room = 20000 * sizeof(event) + 300000;
	char *text = malloc(room);
	struct trace_counts counts;
	bool bad;

	(void)state;
	for (unsigned i = 0; i < 20000; i++, size += sizeof(event) - 1)
		memcpy(text + size, event, sizeof(event) - 1);
	/* A line longer than any buffer, one with a NUL in it, and one that ends with the file. */
	memset(text + size, 'x', 280000);
	size += 280000;
	memcpy(text + size, "\nab\0cd\n", 7);
	size += 7;
	memcpy(text + size, event, sizeof(event) - 2);
	size += sizeof(event) - 2;
	for (unsigned zipped = 0; zipped < 2; zipped++) {
		write_file(text, size, zipped, 0);
		assert_int_equal(count_events(&counts, &bad), 20001);
		assert_false(bad);
		assert_int_equal(counts.lines, 20003);
		assert_int_equal(counts.malformed, 2);
		assert_int_equal(counts.first_malformed, 20001);
		assert_int_equal(counts.events[TRACE_FREE], 20001);
	}
	write_file(text, size, true, 2000);
	assert_true(count_events(&counts, &bad) < 20001);
	assert_true(bad);
	free(text);
}

static void no_file(void **state)
{
	enum quire_status status;

	(void)state;
	assert_null(trace_open("/nowhere/at/all", &status));
	assert_int_equal(status, QUIRE_ENOENT);
	assert_null(trace_open("/tmp", &status));
	assert_int_equal(status, QUIRE_EPLATFORM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocation), cmocka_unit_test(failed), cmocka_unit_test(fronts),
		cmocka_unit_test(other_kinds),
		cmocka_unit_test(headers), cmocka_unit_test(hostile), cmocka_unit_test(cut), cmocka_unit_test(flags),
		cmocka_unit_test(files), cmocka_unit_test(no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
