/* Memory blocks and pageblocks: figures from node ranges and zone spans against what real kernels showed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"

static unsigned blocks_compared, pageblocks_compared, totals_compared;

/* A block of the capture that is offline was added after boot: it is described as added memory. */
static char *expected_line(struct capture *c, quire_phys_t size, uint64_t index, const char *line, char *ours, size_t length)
{
	struct quire_memory_block block;
	const char *link = strstr(line, "link=[node");
	int at;

	if (strstr(line, "state=[offline]"))
		quire_memory_block_describe_added(&c->q.topology, size, index, link ? atoi(link + 10) : 0, &block);
	else if (quire_memory_block_describe(&c->q.topology, &c->q.memblock, size, index, &block) != QUIRE_OK)
		return NULL;
	at = snprintf(ours, length, "memory%llu state=[%s] phys_index=[%08llx] removable=[1] phys_device=[0] valid_zones=[",
		      (unsigned long long)index, block.online ? "online" : "offline", (unsigned long long)index);
	for (unsigned i = 0; i < block.zone_count; i++)
		at += snprintf(ours + at, length - (size_t)at, "%s%s", i ? " " : "", quire_zone_name(block.zones[i]));
	at += snprintf(ours + at, length - (size_t)at, "%s] link=[", block.zone_count ? "" : "none");
	for (unsigned i = 0; i < block.node_count; i++)
		at += snprintf(ours + at, length - (size_t)at, "%snode%d", i ? " " : "", block.nodes[i]);
	snprintf(ours + at, length - (size_t)at, "]");
	return ours;
}

static void compare_blocks(struct capture *c)
{
	char *file = capture_file(c, "memory_blocks.txt"), *text = file, ours[512];
	quire_phys_t size = quire_memory_block_size(&c->q.config, c->q.machine, &c->q.memblock);
	unsigned long long index, theirs;
	uint64_t next = 0, online = 0, walked = 0;

	for (char *line; file && (line = capture_line(&text));) {
		if (sscanf(line, "block_size_bytes %llx", &theirs) == 1)
			assert_int_equal(size, theirs);
		if (sscanf(line, "memory%llu state", &index) != 1)
			continue;
		if (!expected_line(c, size, index, line, ours, sizeof(ours)))
			fail_msg("%s: no block %llu, theirs is %s", c->path, index, line);
		assert_string_equal(ours, line);
		online += strstr(line, "state=[online]") != NULL;
		blocks_compared++;
	}
	for (; file && quire_memory_block_next(&c->q.topology, &c->q.memblock, size, &next); next++)
		walked++;
	assert_int_equal(walked, online);
	free(file);
}

static void blocks_of_captures(void **state)
{
	(void)state;
	if (!capture_each(compare_blocks)) {
		print_message("no captures: skipped\n");
		skip();
	}
	assert_true(blocks_compared > 100);
}

/* The report as a whole, for the captures whose blocks were all there at boot. */
static void compare_report(struct capture *c)
{
	char *file = capture_file(c, "memory_blocks.txt"), *ours, *theirs = file, *rest;

	if (file && !strstr(file, "[offline]") && strstr(file, "block_size_bytes")) {
		rest = ours = capture_text(quire_report_memory_blocks, &c->q);
		for (char *line; (line = capture_proc_line(&theirs));)
			/* What userland set after boot is not boot's business. */
			if (strncmp(line, "auto_online", 11) != 0)
				assert_string_equal(capture_line(&rest), line);
			else
				assert_non_null(capture_line(&rest));
		assert_null(capture_line(&rest));
		free(ours);
	}
	free(file);
}

static void report_of_captures(void **state)
{
	(void)state;
	if (!capture_each(compare_report))
		skip();
}

static void compare_pageblocks(struct capture *c)
{
	char *file = capture_file(c, "pagetypeinfo.txt"), *text = file, name[16];
	bool blocks = false;
	int nid, used;

	for (char *line; file && (line = capture_line(&text));) {
		uint64_t theirs = 0, ours = 0;

		blocks = (blocks || strncmp(line, "Number of blocks", 16) == 0) && strncmp(line, "Page block", 10) != 0;
		if (!blocks || sscanf(line, "Node %d, zone %15s%n", &nid, name, &used) != 2)
			continue;
		for (char *at = line + used, *end; theirs += strtoull(at, &end, 10), end != at; at = end)
			;
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
			if (strcmp(name, quire_zone_name(type)) == 0)
				ours = quire_zone_pageblocks(&c->q.topology, &c->q.memblock, &c->nodes[nid].zones[type]);
		if (ours != theirs)
			fail_msg("%s: node %d %s: ours %llu, theirs %llu", c->path, nid, name, (unsigned long long)ours,
				 (unsigned long long)theirs);
		pageblocks_compared++;
	}
	free(file);
}

static void pageblocks_of_captures(void **state)
{
	(void)state;
	if (!capture_each(compare_pageblocks))
		skip();
	assert_true(pageblocks_compared > 100);
}

static void compare_total_pages(struct capture *c)
{
	char *file = capture_file(c, "dmesg.txt");
	const char *line = file ? strstr(file, "Total pages: ") : NULL;

	/* The sum needs the reservations of low memory: the log's last dump of the ledger. */
	if (line && c->q.memblock.reserved.cnt) {
		unsigned long long theirs = strtoull(line + 13, NULL, 10);
		uint64_t ours = quire_total_pages(&c->q.topology, &c->q.memblock);

		if (ours != theirs)
			fail_msg("%s: Total pages ours %llu, theirs %llu", c->path, (unsigned long long)ours, theirs);
		totals_compared++;
	}
	free(file);
}

static void totals_of_captures(void **state)
{
	(void)state;
	if (!capture_each(compare_total_pages))
		skip();
	assert_true(totals_compared > 20);
}

static struct quire_memblock_region one_region;

static void ledger(struct quire_memblock *mb, quire_phys_t base, quire_phys_t size)
{
	one_region = (struct quire_memblock_region){ base, size, 0, 0 };
	memset(mb, 0, sizeof(*mb));
	mb->memory = (struct quire_memblock_type){ .cnt = 1, .max = 1, .total_size = size, .regions = &one_region };
}

#define GIB ((quire_phys_t)1 << 30)

/* The size rule where no capture goes: guests, and ends that are not round. */
static void sizes(void **state)
{
	static struct quire_memblock mb;
	struct quire_machine guest = { .guest = true };
	struct quire_config config;

	(void)state;
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	ledger(&mb, 0, 64 * GIB - 4096);
	assert_int_equal(quire_memory_block_size(&config, NULL, &mb), GIB >> 3);
	ledger(&mb, 0, 64 * GIB);
	assert_int_equal(quire_memory_block_size(&config, NULL, &mb), 2 * GIB);
	assert_int_equal(quire_memory_block_size(&config, &guest, &mb), 2 * GIB);
	ledger(&mb, 0, 65 * GIB);
	assert_int_equal(quire_memory_block_size(&config, NULL, &mb), 2 * GIB);
	assert_int_equal(quire_memory_block_size(&config, &guest, &mb), GIB);
	ledger(&mb, 0, 65 * GIB + (GIB >> 2));
	assert_int_equal(quire_memory_block_size(&config, &guest, &mb), GIB >> 2);
	ledger(&mb, 0, 65 * GIB + 4096);
	assert_int_equal(quire_memory_block_size(&config, &guest, &mb), GIB >> 3);
	config.model = QUIRE_MODEL_FLATMEM;
	assert_int_equal(quire_memory_block_size(&config, NULL, &mb), 0);
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_1);
	assert_int_equal(quire_memory_block_size(&config, &guest, &mb), GIB >> 3);
}

/* Block numbers nobody has, up to those whose address does not fit. */
static void absent_blocks(void **state)
{
	static struct quire_memblock mb;
	static struct quire_topology t;
	struct quire_memory_block block;
	struct quire_config config;
	uint64_t index = 0;

	(void)state;
	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_1);
	t.config = &config;
	ledger(&mb, 4 * GIB, GIB);
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, 31, &block), QUIRE_ENOENT);
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, 32, &block), QUIRE_OK);
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, 40, &block), QUIRE_ENOENT);
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, UINT64_MAX, &block), QUIRE_ENOENT);
	assert_int_equal(quire_memory_block_describe(&t, &mb, 0, 0, &block), QUIRE_EUNSUPPORTED);
	assert_true(quire_memory_block_next(&t, &mb, GIB >> 3, &index));
	assert_int_equal(index, 32);
	index = 40;
	assert_false(quire_memory_block_next(&t, &mb, GIB >> 3, &index));
	index = UINT64_MAX;
	assert_false(quire_memory_block_next(&t, &mb, GIB >> 3, &index));
	/* Less than a page of memory is no memory. */
	ledger(&mb, 4 * GIB + 100, 4096);
	index = 0;
	assert_false(quire_memory_block_next(&t, &mb, GIB >> 3, &index));
}

/* One block that more nodes share than are named; nodes are listed by number whatever the order of their memory. */
static void shared_block(void **state)
{
	static struct quire_memblock mb;
	static struct quire_memblock_region regions[12];
	static struct quire_topology t;
	struct quire_memory_block block;
	struct quire_config config;

	(void)state;
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_1);
	t.config = &config;
	for (int i = 0; i < 12; i++)
		regions[i] = (struct quire_memblock_region){ .base = 4 * GIB + ((quire_phys_t)i << 21), .size = 1 << 20,
							     .nid = i < 6 ? 5 - i : i };
	mb.memory = (struct quire_memblock_type){ .cnt = 3, .max = 12, .regions = regions };
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, 32, &block), QUIRE_OK);
	assert_int_equal(block.node_count, 3);
	assert_int_equal(block.nodes[0], 3);
	assert_int_equal(block.nodes[2], 5);
	assert_int_equal(block.present, 3 * 256);
	assert_int_equal(block.zone_count, 0);
	assert_false(block.more_nodes);
	mb.memory.cnt = 12;
	assert_int_equal(quire_memory_block_describe(&t, &mb, GIB >> 3, 32, &block), QUIRE_OK);
	assert_int_equal(block.node_count, QUIRE_BLOCK_NODES);
	assert_true(block.more_nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(absent_blocks),
		cmocka_unit_test(shared_block),
		cmocka_unit_test(blocks_of_captures),
		cmocka_unit_test(report_of_captures),
		cmocka_unit_test(pageblocks_of_captures),
		cmocka_unit_test(totals_of_captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
