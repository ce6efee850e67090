/* Boot log and zonelist texts against the kernel's log; tables for people against what they should say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "report/print.h"

static unsigned lines_compared;

static enum quire_zone_type zone_type(const char *name, size_t length)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		if (strlen(quire_zone_name(type)) == length && strncmp(quire_zone_name(type), name, length) == 0)
			return type;
	fail_msg("no zone '%.*s'", (int)length, name);
	return QUIRE_ZONE_TYPES;
}

/* What a line of the log says goes into the topology the reports print from. */
static void learn(struct capture *c, const char *body)
{
	struct quire_topology *t = &c->q.topology;
	unsigned long long base, end;
	char word[16];
	int nid;

	if (strncmp(body, "  ", 2) == 0 && body[2] != ' ' && sscanf(body, " %15s [mem %llx-%llx]", word, &base, &end) == 3) {
		enum quire_zone_type type = zone_type(word, strlen(word));

		t->zone_low[type] = base >> 12;
		t->zone_high[type] = (end + 1) >> 12;
		t->max_pfn = t->zone_high[type] > t->max_pfn ? t->zone_high[type] : t->max_pfn;
	} else if (sscanf(body, "  Node %d: %llx", &nid, &base) == 2) {
		c->nodes[nid].movable_pfn = base >> 12;
	}
}

/* Lists of zones, "0:Normal 0:DMA 1:Normal ". */
static void learn_list(struct capture *c, struct quire_zonelist *list, const char *text)
{
	static struct quire_zone *storage[QUIRE_ZONELISTS * CAPTURE_NODES][CAPTURE_NODES * QUIRE_ZONE_TYPES];
	static unsigned used;
	int nid, skip;

	list->zones = storage[used++ % (QUIRE_ZONELISTS * CAPTURE_NODES)];
	list->count = 0;
	for (; sscanf(text, " %d:%n", &nid, &skip) == 1; text += strcspn(text, " ")) {
		text += skip;
		list->zones[list->count++] = &c->nodes[nid].zones[zone_type(text, strcspn(text, " "))];
	}
}

static void learn_zonelists(struct capture *c, const char *body)
{
	static int orders[CAPTURE_NODES][CAPTURE_NODES];
	char kind[16];
	int nid, at = 0;

	if (sscanf(body, "Fallback order for Node %d:%n", &nid, &at) == 1 && at) {
		struct quire_node *node = &c->nodes[nid];

		node->fallback = orders[nid];
		node->fallback_count = 0;
		for (int other, used; sscanf(body + at, "%d%n", &other, &used) == 1; at += used)
			node->fallback[node->fallback_count++] = other;
	} else if (sscanf(body, "mminit::zonelist %15s %d:%*s = %n", kind, &nid, &at) == 2 && at) {
		/* Zones come from low to high: the node's last line has all of its list. */
		learn_list(c, &c->nodes[nid].zonelists[strcmp(kind, "thisnode") == 0], body + at);
	} else if (strncmp(body, "Built ", 6) == 0) {
		c->q.watermarks.mobility_grouping = strstr(body, "grouping on") != NULL;
	}
}

static bool starts(const char *text, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* All lines of the log with one of these beginnings, in order, must be the text. */
static void compare_lines(struct capture *c, char *ours, const char *const *prefixes, size_t count)
{
	char *file = capture_file(c, "dmesg.txt"), *text = file, *rest = ours;
	static const char *const headings[] = { "Movable zone", "Early memory" };
	bool ranges = false;

	for (char *line; (line = capture_line(&text));) {
		const char *body = strncmp(line, "[", 1) == 0 && strchr(line, ']') ? strchr(line, ']') + 2 : "", *mine;

		/* Indented lines count between the first heading and the line after the last. */
		ranges = strcmp(body, "Zone ranges:") == 0 || (ranges && (*body == ' ' || starts(body, headings, 2)));
		if (!ranges && !starts(body, prefixes, count))
			continue;
		if (ranges && count == 3)
			continue;
		/* The kernel's line about totals also has the sizes of its parts. */
		do
			mine = capture_line(&rest);
		while (mine && strncmp(mine, "Memory:", 7) == 0);
		if (!mine || strcmp(mine, body) != 0)
			fail_msg("%s: ours '%s', theirs '%s'", c->path, mine ? mine : "(end)", body);
		lines_compared++;
	}
	for (char *line; (line = capture_line(&rest));)
		if (strncmp(line, "Memory:", 7) != 0)
			fail_msg("%s: ours '%s', theirs '(end)'", c->path, line);
	free(file);
}

static void learn_all(struct capture *c, void (*one)(struct capture *c, const char *body))
{
	char *file = capture_file(c, "dmesg.txt"), *text = file;

	for (char *line; (line = capture_line(&text));)
		if (*line == '[' && strchr(line, ']'))
			one(c, strchr(line, ']') + 2);
	free(file);
}

static void compare_boot_log(struct capture *c)
{
	static const char *const prefixes[] = { "Initmem setup", "On node ", "x86/mm: Memory block", "Zone ranges:" };
	char *ours;

	learn_all(c, learn);
	ours = capture_text(quire_report_boot_log, &c->q);
	compare_lines(c, ours, prefixes, 4);
	free(ours);
}

static void boot_logs(void **state)
{
	(void)state;
	lines_compared = 0;
	if (!capture_each(compare_boot_log)) {
		print_message("no captures: skipped\n");
		skip();
	}
	assert_true(lines_compared > 1000);
}

static void compare_zonelists(struct capture *c)
{
	static const char *const prefixes[] = { "Fallback order", "mminit::zonelist", "Policy zone:" };
	char *ours, *built;

	learn_all(c, learn_zonelists);
	ours = capture_text(quire_report_zonelists, &c->q);
	/* The figure in this line has a test of its own. */
	built = strstr(ours, "Built ");
	assert_non_null(built);
	memmove(built, strchr(built, '\n') + 1, strlen(strchr(built, '\n')));
	compare_lines(c, ours, prefixes, 3);
	free(ours);
}

static void zonelists(void **state)
{
	(void)state;
	lines_compared = 0;
	if (!capture_each(compare_zonelists))
		skip();
	assert_true(lines_compared > 500);
}

/* A machine of two nodes, the second one without memory. */
static struct quire *small_machine(void)
{
	static struct quire q;
	static struct quire_node nodes[2];
	static uint8_t distance[4] = { 10, 21, 21, 10 };
	struct quire_zone *normal = &nodes[0].zones[QUIRE_ZONE_NORMAL];

	memset(&q, 0, sizeof(q));
	memset(nodes, 0, sizeof(nodes));
	quire_config_defaults(&q.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	q.topology.config = &q.config;
	q.topology.node_count = 2;
	q.topology.distance = distance;
	q.topology.distance_count = 2;
	for (int nid = 0; nid < 2; nid++) {
		q.topology.nodes[nid] = &nodes[nid];
		nodes[nid].nid = nid;
		nodes[nid].online = true;
		nodes[nid].cpus = 4;
	}
	nodes[0].start_pfn = 0x100000;
	nodes[0].end_pfn = 0x140000;
	nodes[0].present = 0x40000;
	nodes[0].has_memory = true;
	*normal = (struct quire_zone){ .type = QUIRE_ZONE_NORMAL, .node = &nodes[0], .start_pfn = 0x100000,
				       .spanned = 0x40000, .present = 0x40000, .managed = 250000,
				       .watermark = { 1000, 1250, 1500, 1750 }, .pcp_batch = 63, .pcp_high_min = 312,
				       .pcp_high_max = 7812 };
	normal->lowmem_reserve[QUIRE_ZONE_MOVABLE] = 17;
	normal->lowmem_reserve[QUIRE_ZONE_DEVICE] = 17;
	q.stage = QUIRE_STAGE_WATERMARKS;
	q.watermarks = (struct quire_watermark_state){ .min_free_kbytes = 4000, .min_free_kbytes_computed = 3900,
						       .mobility_grouping = true };
	return &q;
}

static void expect(void (*report)(const struct quire *q, const struct quire_report_sink *sink), const struct quire *q,
		   const char *expected)
{
	char *text = capture_text(report, q), *rest;

	assert_string_equal(text, expected);
	/* What people read fits 100 columns. */
	rest = text;
	for (char *line; (line = capture_line(&rest));)
		assert_true(strlen(line) <= 100);
	free(text);
}

static void tables(void **state)
{
	struct quire *q = small_machine();

	(void)state;
	expect(quire_report_nodes, q,
	       "node  cpus   memory  range                                    distance\n"
	       "   0     4       1G  0x0000000100000000-0x000000013fffffff     10  21\n"
	       "   1     4        0  no memory                                 21  10\n");
	expect(quire_report_zones, q,
	       "node zone       start pfn   spanned   present   managed      min      low     high batch pcp-high\n"
	       "   0 Normal      0x100000    262144    262144    250000     1000     1250     1500    63      312\n"
	       "   0 Normal   keeps 17 from Movable\n"
	       "min_free_kbytes 4000, mobility grouping on\n");
	q->watermarks.thp_recommended_kbytes = 4000;
	q->stage = QUIRE_STAGE_ZONES;
	expect(quire_report_zones, q,
	       "node zone       start pfn   spanned   present   managed      min      low     high batch pcp-high\n"
	       "   0 Normal      0x100000    262144    262144    250000     1000     1250     1500    63      312\n"
	       "   0 Normal   keeps 17 from Movable\n");
}

static void meminfo(void **state)
{
	struct quire *q = small_machine();

	(void)state;
	expect(quire_report_meminfo, q,
	       "MemTotal:        1000000 kB\nMemFree:               0 kB\nMemAvailable:          0 kB\n"
	       "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n"
	       "Node 0 MemTotal:        1000000 kB\nNode 0 MemFree:               0 kB\nNode 0 MemUsed:         1000000 kB\n"
	       "Node 1 MemTotal:              0 kB\nNode 1 MemFree:               0 kB\n"
	       "Node 1 MemUsed:               0 kB\n");
}

static void sizes(void **state)
{
	static const struct { quire_phys_t bytes; const char *text; } cases[] = {
		{ 0, "0" }, { 1023, "1023" }, { 1024, "1K" }, { 1536, "1.5K" }, { 98 << 20, "98M" },
		{ (99ull << 20) + (1 << 19), "99.5M" }, { (100ull << 20) + (1 << 19), "100M" },
		{ 1047552ull << 20, "1023G" }, { 1ull << 40, "1T" }, { UINT64_MAX, "15.9E" },
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(qi_print_size(text, cases[i].bytes), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(tables),
		cmocka_unit_test(meminfo),
		cmocka_unit_test(boot_logs),
		cmocka_unit_test(zonelists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
