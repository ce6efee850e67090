/* The zoneinfo text against the kernel's own, line by line, for every capture: both rule sets, all architectures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"

static size_t lines_compared, captures_compared;

/*
 * A line of which only the name counts: statistics of what ran on the machine, what is free, how full page sets are.
 * Returns the length of the name with the blanks after it, 0 if the whole line must be equal.
 */
static size_t name_only(const char *line, bool per_cpu_high_moves)
{
	static const char *const live[] = {
		"      nr_", "      workingset_", "      pgpromote_", "      pgdemote_", "      numa_", "  pages free ",
		"              count:",
	};

	if (per_cpu_high_moves && strncmp(line, "              high:", 19) == 0)
		return strcspn(line, "0123456789");
	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++)
		if (strncmp(line, live[i], strlen(live[i])) == 0)
			return strcspn(line, "0123456789");
	return 0;
}

static void compare(struct capture *c)
{
	char *theirs = capture_file(c, "zoneinfo.txt"), *ours = capture_text(quire_report_zoneinfo, &c->q);
	char *left = ours, *right = theirs;
	bool dynamic = c->q.config.rules == QUIRE_RULES_6_12;
	size_t number = 0;

	for (char *a, *b; number++, (b = capture_proc_line(&right));) {
		size_t name = name_only(b, dynamic);

		a = capture_line(&left);
		if (!a || (name ? strncmp(a, b, name) != 0 || a[name] < '0' || a[name] > '9' : strcmp(a, b) != 0))
			fail_msg("%s/zoneinfo.txt:%zu: ours '%s', theirs '%s'", c->path, number, a ? a : "(end)", b);
		lines_compared++;
	}
	assert_null(capture_line(&left));
	free(ours);
	free(theirs);
	captures_compared++;
}

static void captures(void **state)
{
	(void)state;
	if (!capture_each(compare)) {
		print_message("no captures: skipped\n");
		skip();
	}
	print_message("%zu lines of %zu captures\n", lines_compared, captures_compared);
	assert_true(lines_compared > 10000);
}

static void append(void *ctx, const char *text, size_t length)
{
	strncat(ctx, text, length);
}

/* A zone of a machine before it has watermarks, on a node without NUMA: nothing but what is known, in the known layout. */
static void unpopulated(void **state)
{
	static struct quire q;
	static struct quire_node node = { .nid = 0, .online = true };
	static char text[8192];
	struct quire_report_sink sink = { append, text };

	(void)state;
	quire_config_defaults(&q.config, QUIRE_ARCH_I386_PAE, QUIRE_RULES_6_1);
	q.config.zone_mask = 1u << QUIRE_ZONE_NORMAL | 1u << QUIRE_ZONE_MOVABLE;
	q.topology.config = &q.config;
	q.topology.nodes[0] = &node;
	q.topology.node_count = 1;
	node.zones[QUIRE_ZONE_NORMAL].lowmem_reserve[QUIRE_ZONE_MOVABLE] = 77;
	node.zones[QUIRE_ZONE_NORMAL].watermark[QUIRE_WMARK_MIN] = 5;
	node.zones[QUIRE_ZONE_NORMAL].watermark_boost = 512;
	quire_report_zoneinfo(&q, &sink);
	assert_string_equal(text,
			    "Node 0, zone   Normal\n  pages free     0\n        boost    512\n        min      517\n"
			    "        low      512\n        high     512\n        spanned  0\n        present  0\n"
			    "        managed  0\n        cma      0\n        protection: (0, 77)\n"
			    "Node 0, zone  Movable\n  pages free     0\n        boost    0\n        min      0\n"
			    "        low      0\n        high     0\n        spanned  0\n        present  0\n"
			    "        managed  0\n        cma      0\n        protection: (0, 0)\n");
	/* A node that is not online has no lines. */
	node.online = false;
	text[0] = '\0';
	quire_report_zoneinfo(&q, &sink);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unpopulated),
		cmocka_unit_test(captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
