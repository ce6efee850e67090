/*
 * buddyinfo and pagetypeinfo: free trees are built that hold exactly the blocks a capture shows, and what is printed
 * from them must be the capture's lines again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "zone/tree.h"

#define ORDERS 11
#define LARGEST (ORDERS - 1)

static void *tree_memory(void *ctx, size_t bytes)
{
	void *memory;

	(void)ctx;
	return posix_memalign(&memory, 64, bytes) ? NULL : memset(memory, 0, bytes);
}

static void tree_give_back(void *ctx, void *address, size_t bytes)
{
	(void)ctx;
	(void)bytes;
	free(address);
}

static const struct qi_tree_hooks hooks = { .meta_alloc = tree_memory, .meta_free = tree_give_back };
static unsigned lines_compared;

/* Every block stands alone in a window of twice the largest order, so that no two merge. */
static void build(struct qi_tree *tree, const uint64_t counts[QUIRE_MIGRATE_TYPES][ORDERS])
{
	struct qi_tree_config config = { .start_pfn = 0x100000, .max_order = LARGEST, .pageblock_order = 9, .page_shift = 12,
					 .hooks = &hooks };
	quire_pfn_t pfn = config.start_pfn;

	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order < ORDERS; order++)
			config.span += counts[type][order] << (LARGEST + 1);
	if (!config.span)
		config.span = 1;
	assert_int_equal(qi_tree_init(tree, &config), QUIRE_OK);
	for (unsigned type = 0; type < QUIRE_MIGRATE_TYPES; type++)
		for (unsigned order = 0; order < ORDERS; order++)
			for (uint64_t i = 0; i < counts[type][order]; i++, pfn += 2 << LARGEST) {
				assert_int_equal(qi_tree_add_free(tree, pfn, UINT64_C(1) << order), QUIRE_OK);
				for (quire_pfn_t block = pfn; type != QUIRE_MIGRATE_MOVABLE && block < pfn + (1u << order);
				     block += 512)
					assert_int_equal(qi_tree_set_type(tree, block, type), QUIRE_OK);
			}
}

static void read_counts(const char *text, uint64_t counts[ORDERS])
{
	for (unsigned order = 0; order < ORDERS; order++)
		counts[order] = strtoull(text, (char **)(uintptr_t)&text, 10);
}

static enum quire_zone_type zone_type(const char *name)
{
	unsigned type = 0;

	while (type < QUIRE_ZONE_DEVICE && strcmp(name, quire_zone_name(type)) != 0)
		type++;
	return type;
}

/* The zone with this tree, alone on the machine. */
static void install(struct capture *c, int nid, enum quire_zone_type type, struct qi_tree *tree)
{
	c->nodes[nid].zones[type].tree = tree;
}

static void expect_line(char *text, const char *line, const char *path)
{
	char *found = strstr(text, line);

	if (!found || found[strlen(line)] != '\n' || (found != text && found[-1] != '\n'))
		fail_msg("%s: not printed: '%s' in\n%s", path, line, text);
	lines_compared++;
}

static void compare_buddyinfo(struct capture *c)
{
	char *file = capture_file(c, "buddyinfo.txt"), *text = file, *ours, name[16];
	uint64_t counts[QUIRE_MIGRATE_TYPES][ORDERS] = { 0 };
	struct qi_tree tree;
	int nid, used;

	for (char *line; file && (line = capture_proc_line(&text));) {
		if (sscanf(line, "Node %d, zone %15s%n", &nid, name, &used) != 2)
			continue;
		read_counts(line + used, counts[QUIRE_MIGRATE_MOVABLE]);
		/* Larger ones are many on large machines, and the same code. */
		if (counts[QUIRE_MIGRATE_MOVABLE][LARGEST] > 4000)
			continue;
		build(&tree, (const uint64_t(*)[ORDERS])counts);
		install(c, nid, zone_type(name), &tree);
		ours = capture_text(quire_report_buddyinfo, &c->q);
		expect_line(ours, line, c->path);
		install(c, nid, zone_type(name), NULL);
		free(ours);
		qi_tree_destroy(&tree);
	}
	free(file);
}

static void buddyinfo(void **state)
{
	(void)state;
	if (!capture_each(compare_buddyinfo)) {
		print_message("no captures: skipped\n");
		skip();
	}
	assert_true(lines_compared > 100);
}

static enum quire_migratetype migratetype(const char *name)
{
	unsigned type = 0;

	while (type + 1 < QUIRE_MIGRATE_TYPES && strcmp(name, quire_migratetype_name(type)) != 0)
		type++;
	return type;
}

/* A whole free pageblock has a type of its own only in areas set aside; elsewhere the tree counts it as movable. */
static bool representable(const uint64_t counts[QUIRE_MIGRATE_TYPES][ORDERS])
{
	for (unsigned order = 9; order < ORDERS; order++)
		if (counts[QUIRE_MIGRATE_UNMOVABLE][order] || counts[QUIRE_MIGRATE_RECLAIMABLE][order])
			return false;
	return counts[QUIRE_MIGRATE_MOVABLE][LARGEST] <= 4000;
}

/* One zone of pagetypeinfo's first table: its lines follow each other, one per type. */
static void compare_zone_types(struct capture *c, int nid, const char *zone, char *text)
{
	uint64_t counts[QUIRE_MIGRATE_TYPES][ORDERS] = { 0 };
	char *copy = strdup(text), *rest = copy, *ours, other[16], type[16];
	struct qi_tree tree;
	int node, used;

	for (char *line; (line = capture_line(&rest));) {
		if (sscanf(line, "Node %d, zone %15[^,], type %15s%n", &node, other, type, &used) != 3 || node != nid ||
		    strcmp(other, zone) != 0)
			break;
		read_counts(line + used, counts[migratetype(type)]);
	}
	free(copy);
	if (!representable((const uint64_t(*)[ORDERS])counts))
		return;
	build(&tree, (const uint64_t(*)[ORDERS])counts);
	install(c, nid, zone_type(zone), &tree);
	ours = capture_text(quire_report_pagetypeinfo, &c->q);
	copy = strdup(text);
	rest = copy;
	for (char *line; (line = capture_line(&rest));) {
		if (sscanf(line, "Node %d, zone %15[^,], type %15s", &node, other, type) != 3 || node != nid ||
		    strcmp(other, zone) != 0)
			break;
		expect_line(ours, line, c->path);
	}
	install(c, nid, zone_type(zone), NULL);
	free(copy);
	free(ours);
	qi_tree_destroy(&tree);
}

static void compare_pagetypeinfo(struct capture *c)
{
	char *file = capture_file(c, "pagetypeinfo.txt"), *ours = capture_text(quire_report_pagetypeinfo, &c->q);
	char *copy = file ? strdup(file) : NULL, *text = copy, *last = NULL, zone[16], type[16], previous[32] = "";
	int nid;

	for (char *line; text && (line = capture_line(&text));) {
		char key[32];

		last = file + (line - copy);
		/* Headings, widths, blank lines: all that is not a number stands in the empty machine's text already. */
		if (strncmp(line, "Node", 4) != 0 && *line)
			expect_line(ours, line, c->path);
		if (sscanf(line, "Node %d, zone %15[^,], type %15s", &nid, zone, type) != 3)
			continue;
		snprintf(key, sizeof(key), "%d %s", nid, zone);
		if (strcmp(key, previous) != 0)
			compare_zone_types(c, nid, zone, last);
		snprintf(previous, sizeof(previous), "%s", key);
	}
	free(copy);
	free(file);
	free(ours);
}

static void pagetypeinfo(void **state)
{
	(void)state;
	lines_compared = 0;
	if (!capture_each(compare_pagetypeinfo))
		skip();
	print_message("%u lines\n", lines_compared);
	assert_true(lines_compared > 500);
}

/* Free blocks above the largest order are shown as several of it, and long free lists are cut off with a mark. */
static void large(void **state)
{
	static struct quire q;
	static struct quire_node node = { .online = true, .has_memory = true };
	struct qi_tree tree;
	struct qi_tree_config config = { .start_pfn = 0, .span = UINT64_C(200000) << 10, .max_order = LARGEST,
					 .pageblock_order = 9, .page_shift = 12, .hooks = &hooks };
	struct quire_zone_counts counts;
	char *text;

	(void)state;
	quire_config_defaults(&q.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	q.topology.config = &q.config;
	q.topology.nodes[0] = &node;
	q.topology.node_count = 1;
	node.zones[QUIRE_ZONE_NORMAL] = (struct quire_zone){ .type = QUIRE_ZONE_NORMAL, .node = &node, .tree = &tree,
							     .present = config.span, .spanned = config.span };
	assert_int_equal(qi_tree_init(&tree, &config), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&tree, 0, config.span), QUIRE_OK);
	quire_zone_count(&q, &node.zones[QUIRE_ZONE_NORMAL], &counts);
	assert_int_equal(counts.free_pages, config.span);
	assert_int_equal(counts.free_blocks[QUIRE_MIGRATE_MOVABLE][10], 200000);
	text = capture_text(quire_report_buddyinfo, &q);
	assert_string_equal(text, "Node 0, zone   Normal      0      0      0      0      0      0"
				  "      0      0      0      0 200000 \n");
	free(text);
	text = capture_text(quire_report_pagetypeinfo, &q);
	assert_non_null(strstr(text, "type      Movable      0      0      0      0      0      0"
				     "      0      0      0      0 >100000 \n"));
	free(text);
	qi_tree_destroy(&tree);
}

/* Of four pageblocks one was handed over, in part; a zone counts all four, and those nobody gave to the tree as movable. */
static void reserved_pageblocks(void **state)
{
	static struct quire q;
	static struct quire_node node = { .online = true, .has_memory = true };
	static struct quire_memblock_region region = { UINT64_C(0x100000) << 12, 2048 << 12, 0, 0 };
	struct quire_zone *zone = &node.zones[QUIRE_ZONE_NORMAL];
	struct qi_tree_config config = { .start_pfn = 0x100000, .span = 2048, .max_order = LARGEST, .pageblock_order = 9,
					 .page_shift = 12, .hooks = &hooks };
	struct quire_zone_counts counts;
	struct qi_tree tree;

	(void)state;
	quire_config_defaults(&q.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	q.topology.config = &q.config;
	q.topology.nodes[0] = &node;
	q.topology.node_count = 1;
	q.memblock.memory = (struct quire_memblock_type){ .cnt = 1, .max = 1, .regions = &region };
	*zone = (struct quire_zone){ .type = QUIRE_ZONE_NORMAL, .node = &node, .start_pfn = 0x100000, .spanned = 2048,
				     .present = 2048 };
	quire_zone_count(&q, zone, &counts);
	assert_int_equal(counts.pageblocks[QUIRE_MIGRATE_MOVABLE], 0);
	zone->tree = &tree;
	assert_int_equal(qi_tree_init(&tree, &config), QUIRE_OK);
	assert_int_equal(qi_tree_add_free(&tree, 0x100000 + 512, 3), QUIRE_OK);
	assert_int_equal(qi_tree_set_type(&tree, 0x100000 + 512, QUIRE_MIGRATE_RECLAIMABLE), QUIRE_OK);
	quire_zone_count(&q, zone, &counts);
	assert_int_equal(counts.free_pages, 3);
	assert_int_equal(counts.free_blocks[QUIRE_MIGRATE_RECLAIMABLE][0], 1);
	assert_int_equal(counts.free_blocks[QUIRE_MIGRATE_RECLAIMABLE][1], 1);
	assert_int_equal(counts.pageblocks[QUIRE_MIGRATE_RECLAIMABLE], 1);
	assert_int_equal(counts.pageblocks[QUIRE_MIGRATE_MOVABLE], 3);
	qi_tree_destroy(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large),
		cmocka_unit_test(reserved_pageblocks),
		cmocka_unit_test(buddyinfo),
		cmocka_unit_test(pagetypeinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
