/* samples/traces/tiny.trace has one of each thing a replay must cope with: what must come of it, event by event. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "replay/play.h"

#define TRACE "samples/traces/tiny.trace"
#define STATE "samples/traces/tiny.state"

struct run {
	struct simulation machine;
	struct recorded recorded;
	struct player player;
};

static void begin(struct run *run)
{
	static const char *const paths[] = { STATE };
	struct simulate_options options = { .paths = paths, .path_count = 1, .quiet = true };

	assert_int_equal(recorded_read(&run->recorded, STATE), QUIRE_OK);
	options.input.sysctls = (const char *const *)run->recorded.sysctls;
	options.input.sysctl_count = run->recorded.sysctl_count;
	assert_int_equal(simulate(&run->machine, &options), QUIRE_OK);
	assert_int_equal(player_begin(&run->player, run->machine.q, &run->recorded), QUIRE_OK);
}

static void end(struct run *run)
{
	player_free(&run->player);
	simulate_free(&run->machine);
	recorded_free(&run->recorded);
}

static void one(struct run *run, const char *text)
{
	struct trace_event event;

	assert_int_equal(trace_parse(text_of(text), &event), TRACE_EVENT);
	assert_int_equal(player_event(&run->player, &event), QUIRE_OK);
}

static struct frame frame_at(const struct run *run, quire_pfn_t pfn)
{
	struct frame frame;

	assert_true(ledger_get(&run->player.ledger, pfn, &frame));
	return frame;
}

static void start(void **state)
{
	struct run *run = calloc(1, sizeof(*run));

	(void)state;
	begin(run);
	assert_int_equal(run->player.start_free_kernel, 0xa00);
	assert_int_equal(run->player.start_free_ours, 0xa00);
	assert_int_equal(run->recorded.kept_pages, 1);
	assert_int_equal(frame_at(run, 0x4fff).state, OLD_FRAME);
	assert_int_equal(frame_at(run, 0x5000).state, FREE_FRAME);
	assert_int_equal(frame_at(run, 0x59ff).state, FREE_FRAME);
	assert_int_equal(frame_at(run, 0x5a00).state, OLD_FRAME);
	/* Reserved: not the allocator's, so not taken either. */
	assert_int_equal(frame_at(run, 0x2000).state, FREE_FRAME);
	end(run);
	free(run);
}

static void whole(void **state)
{
	struct run *run = calloc(1, sizeof(*run));
	const struct play_tally *all = &run->player.all;
	const struct play_oddities *odd = &run->player.odd;
	enum quire_status status;
	struct trace_reader *reader = trace_open(TRACE, &status);
	struct trace_event event;

	(void)state;
	begin(run);
	while (trace_next(reader, &event))
		assert_int_equal(player_event(&run->player, &event), QUIRE_OK);
	assert_int_equal(player_end(&run->player), QUIRE_OK);
	assert_int_equal(trace_counts(reader)->lost, 7);
	assert_int_equal(trace_counts(reader)->malformed, 1);
	assert_int_equal(trace_counts(reader)->first_malformed, 31);
	trace_close(reader);

	assert_int_equal(run->player.phase_count, 4);
	assert_string_equal(run->player.phases[0].name, "start");
	assert_string_equal(run->player.phases[3].name, "three");
	assert_int_equal(all->met_by_both, 6);
	assert_int_equal(all->missed, 0);
	assert_int_equal(all->rescued, 1);
	assert_int_equal(all->huge_met, 1);
	assert_int_equal(all->huge_rescued, 1);
	assert_int_equal(all->moved, 1);
	assert_int_equal(all->extfrag, 1);
	assert_int_equal(all->fragmenting, 1);
	assert_int_equal(all->compactions, 1);
	assert_int_equal(odd->kept, 1);
	assert_int_equal(odd->unknown_frees, 1);
	assert_int_equal(odd->given_twice, 1);
	assert_int_equal(odd->split_frees, 2);
	assert_int_equal(odd->foreign, 1);
	assert_int_equal(odd->refused_frees, 0);
	assert_int_equal(odd->no_memory, 0);
	/* All that was handed out but one page was freed again, and four old ones: in lists or kept. */
	for (size_t i = 0; i < run->player.phase_count; i++) {
		static const uint64_t free[] = { 0xa00 + 1 - 3 - 512, 0xa00 + 1 - 3 + 4, 0xa00 + 1 - 2 + 4, 0xa00 + 4 };
		struct free_blocks blocks = phase_blocks_ours(&run->player.phases[i], run->player.zone_count);
		uint64_t pages = free_pages(&blocks);

		for (size_t z = 0; z < run->player.zone_count; z++)
			pages += run->player.phases[i].zones[z].kept;
		assert_int_equal(pages, free[i]);
	}
	assert_true(run->player.phases[3].whole_ours >= 4);
	assert_false(run->player.phases[3].whole_known);
	assert_true(run->player.phases[1].whole_known);
	assert_int_equal(run->player.phases[1].whole_kernel, 3);
	end(run);
	free(run);
}

#define HEAD "x-9 [000] ..... 1.0: "

/* A block moved by compaction lives on, also if it is moved again or was there before the trace. */
static void moves(void **state)
{
	struct run *run = calloc(1, sizeof(*run));
	struct frame given;
	quire_pfn_t pfn;

	(void)state;
	begin(run);
	one(run, HEAD "mm_page_alloc: page=1 pfn=0x5000 order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE");
	given = frame_at(run, 0x5000);
	one(run, HEAD "mm_compaction_isolate_migratepages: range=(0x5000 ~ 0x5200) nr_scanned=1 nr_taken=0");
	assert_false(player_is_moving(&run->player, 9));
	one(run, HEAD "mm_compaction_isolate_migratepages: range=(0x5000 ~ 0x5200) nr_scanned=1 nr_taken=3");
	one(run, HEAD "mm_page_free: page=1 pfn=0x5000 order=0");
	one(run, HEAD "mm_page_free: page=1 pfn=0x6000 order=0");
	one(run, HEAD "mm_page_free: page=1 pfn=0x5333 order=0");	/* where something was moved to before: moved on */
	one(run, HEAD "mm_migrate_pages: nr_succeeded=3");
	assert_false(player_is_moving(&run->player, 9));
	assert_int_equal(run->player.now.moved, 2);
	assert_int_equal(run->player.now.frees, 0);
	assert_int_equal(run->player.odd.unknown_frees, 0);
	/* The oldest ends first; then there are none. */
	assert_true(player_pop_moved(&run->player, 0, &pfn));
	assert_int_equal(pfn, given.ours);
	one(run, HEAD "mm_page_free: page=1 pfn=0x5400 order=0");
	assert_int_equal(run->player.now.frees, 1);
	one(run, HEAD "mm_page_free: page=1 pfn=0x5401 order=0");
	assert_int_equal(run->player.odd.unknown_frees, 1);
	end(run);
	free(run);
}

/* Events that make no sense for this machine change nothing. */
static void senseless(void **state)
{
	struct run *run = calloc(1, sizeof(*run));

	(void)state;
	begin(run);
	one(run, HEAD "mm_page_alloc: page=1 pfn=0x5001 order=1 migratetype=1 gfp_flags=GFP_KERNEL");
	one(run, HEAD "mm_page_alloc: page=1 pfn=0x8000000 order=26 migratetype=1 gfp_flags=GFP_KERNEL");
	one(run, HEAD "mm_page_alloc: page=1 pfn=0x0 order=26 migratetype=1 gfp_flags=GFP_KERNEL");
	one(run, HEAD "mm_page_free: page=1 pfn=0x5001 order=3");
	one(run, HEAD "mm_page_free: page=1 pfn=0x2000 order=0");	/* reserved */
	one(run, HEAD "mm_page_pcpu_drain: page=1 pfn=0x3ffffffffffffffe order=0 migratetype=1");
	assert_int_equal(run->player.odd.foreign, 4);
	assert_int_equal(run->player.odd.unknown_frees, 1);
	assert_int_equal(run->player.now.failed_by_both, 1);
	assert_int_equal(run->player.now.frees, 0);
	/* An END without anything, then events after it. */
	one(run, HEAD "tracing_mark_write: ORACLE-END");
	one(run, HEAD "mm_page_alloc: page=1 pfn=0x5000 order=0 migratetype=1 gfp_flags=GFP_KERNEL");
	assert_int_equal(frame_at(run, 0x5000).state, FREE_FRAME);
	assert_int_equal(player_end(&run->player), QUIRE_OK);
	assert_int_equal(run->player.phase_count, 1);
	end(run);
	free(run);
}

static void reports(void **state)
{
	struct play_options options = { .trace = TRACE, .quiet = true };
	char *text;
	size_t size;

	(void)state;
	for (unsigned json = 0; json < 2; json++) {
		options.json = json;
		options.out = open_memstream(&text, &size);
		assert_int_equal(play(&options), QUIRE_OK);
		fclose(options.out);
		assert_non_null(strstr(text, json ? "\"huge_failed_kernel\": 1" : "0 failed, the kernel 1"));
		assert_non_null(strstr(text, json ? "\"lost_events\": 7" : "7 lost"));
		assert_non_null(strstr(text, json ? "[0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2]" : "worse in 1 of 3 phases: three"));
		free(text);
	}
}

static void not_a_trace(void **state)
{
	struct play_options options = { .trace = STATE "/dmesg.txt", .machine = STATE, .quiet = true, .out = stdout };

	(void)state;
	assert_int_equal(play(&options), QUIRE_EFORMAT);
	options.machine = "samples/nowhere";
	assert_int_equal(play(&options), QUIRE_ENOENT);
	options.trace = "samples/nowhere.gz";
	assert_int_not_equal(play(&options), QUIRE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start), cmocka_unit_test(whole), cmocka_unit_test(moves), cmocka_unit_test(senseless),
		cmocka_unit_test(reports), cmocka_unit_test(not_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
