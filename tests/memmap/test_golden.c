/* The planner against real kernels' logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"

struct lines {
	const struct capture *capture;
	size_t count;
	int differ;
};

static int failures;

static void compare(struct lines *lines, const char *line, const char (*theirs)[160], const char (*narrow)[96], size_t count)
{
	const char *expected = lines->count >= count ? "(nothing)" : theirs ? theirs[lines->count] : narrow[lines->count];

	lines->count++;
	if (!strcmp(line, expected))
		return;
	print_error("%s: ours '%s', the kernel's '%s'\n", lines->capture->name, line, expected);
	failures++;
}

static void unavailable_line(void *ctx, int nid, enum quire_zone_type zone, uint64_t pages)
{
	struct lines *lines = ctx;
	char line[96];

	snprintf(line, sizeof(line), "On node %d, zone %s: %llu pages in unavailable ranges", nid, quire_zone_name(zone),
		 (unsigned long long)pages);
	compare(lines, line, NULL, lines->capture->unavailable, lines->capture->unavailable_count);
}

static void check_unavailable(const struct capture *c)
{
	struct lines lines = { .capture = c };

	quire_memmap_unavailable(&c->topology, &c->mb, unavailable_line, &lines);
	if (lines.count != c->unavailable_count) {
		print_error("%s: %zu lines, the kernel has %zu\n", c->name, lines.count, c->unavailable_count);
		failures++;
	}
}

static void layout_line(void *ctx, const char *line)
{
	struct lines *lines = ctx;

	compare(lines, line, lines->capture->layout, NULL, lines->capture->layout_count);
}

static void check_layout(const struct capture *c)
{
	struct lines lines = { .capture = c };
	struct quire_page_layout_params params;
	struct quire_page_layout layout;

	quire_page_layout_linux(&c->config, &params);
	assert_int_equal(quire_page_layout_compute(&params, &layout, NULL), QUIRE_OK);
	if (!c->layout_count)
		return;
	quire_page_layout_print(&layout, layout_line, &lines);
	if (lines.count != c->layout_count) {
		print_error("%s: %zu lines, the kernel has %zu\n", c->name, lines.count, c->layout_count);
		failures++;
	}
}

static void check_deferred(const struct capture *c)
{
	for (unsigned nid = 0; nid < c->topology.node_count; nid++) {
		quire_pfn_t split = quire_memmap_deferred_at_work(&c->topology, &c->mb, (int)nid);

		if ((split != QUIRE_PFN_NONE) == c->deferred[nid])
			continue;
		print_error("%s: node %u: split %#llx, the kernel %s\n", c->name, nid, (unsigned long long)split,
			    c->deferred[nid] ? "deferred" : "did not defer");
		failures++;
	}
}

/* Where the kernel asked for usage maps, against the rule applied to where its log says the nodes' descriptors are. */
static size_t windows_seen;

static void check_windows(const struct capture *c)
{
	for (size_t i = 0; i < c->usage_count; i++) {
		const struct capture_usage *usage = &c->usage[i];
		quire_phys_t low, high;

		/* Without nodes the descriptor is part of the kernel, and the log does not say where. */
		if (!c->descriptor[usage->nid])
			continue;
		windows_seen++;
		quire_usage_map_window(&c->config, c->descriptor[usage->nid], &low, &high);
		if (low == usage->from && high == usage->to && usage->at >= low && usage->at < high)
			continue;
		print_error("%s: node %d: usage maps at %#llx, the kernel wants %#llx and gets %#llx\n", c->name, usage->nid,
			    (unsigned long long)low, (unsigned long long)usage->from, (unsigned long long)usage->at);
		failures++;
	}
}

static void run(void (*check)(const struct capture *c))
{
	failures = 0;
	if (!capture_each(check)) {
		print_message("no captures here: skipped\n");
		skip();
	}
	assert_int_equal(failures, 0);
}

static void test_unavailable(void **state) { (void)state; run(check_unavailable); }
static void test_layout(void **state) { (void)state; run(check_layout); }
static void test_deferred(void **state) { (void)state; run(check_deferred); }

static void test_usage_windows(void **state)
{
	(void)state;
	run(check_windows);
	assert_true(windows_seen > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unavailable),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_usage_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
