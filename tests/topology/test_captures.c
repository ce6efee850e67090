/*
 * Real boots: what a kernel printed about nodes and zones against what we make of the same ledger and the same records.
 *
 * Input is taken from the boot log: the memory table of the memblock dump, stripped of nodes and flags; reserved ranges that
 * had a node then; SRAT lines; the command line as far as it concerns nodes and zones. Compared are node ids of both tables,
 * hot-plug flags, messages, zone ranges, movable starts, fallback orders and the spans that /proc/zoneinfo shows.
 * (The command's own `verify` does more and needs more of the project to do it.)
 */
#include "capture_text.h"
#include "fixture.h"

#define GIB (1ull << 30)

struct capture {
	struct fixture *f;
	char *log;				/* the whole boot log */
	char *zoneinfo;
	const char *name;
	bool arm64;
	struct quire_memblock_region memory[RANGES_MAX], reserved[RANGES_MAX];
	size_t memory_count, reserved_count;
	unsigned zones_compared, lists_compared;
};

/* The last dump of both tables in the log; memory[] and reserved[] lines. */
static void read_tables(struct capture *c)
{
	const char *cursor = c->log;
	char line[1024];

	while (next_line(&cursor, line, sizeof(line))) {
		unsigned long long start, end;
		unsigned index, flags = 0;
		int nid = QUIRE_NO_NODE;
		const char *node = strstr(line, "on node "), *flag = strstr(line, "flags: ");
		bool memory = sscanf(line, " memory[%x] [0x%llx-0x%llx]", &index, &start, &end) == 3;

		if (!memory && sscanf(line, " reserved[%x] [0x%llx-0x%llx]", &index, &start, &end) != 3)
			continue;
		if (node)
			sscanf(node, "on node %d", &nid);
		if (flag)
			sscanf(flag, "flags: %x", &flags);
		assert_in_range(index, 0, RANGES_MAX - 1);
		(memory ? c->memory : c->reserved)[index] = (struct quire_memblock_region){
			.base = start, .size = end + 1 - start, .flags = flags, .nid = nid };
		*(memory ? &c->memory_count : &c->reserved_count) = index + 1;
	}
}

static void read_srat(struct capture *c)
{
	const char *cursor = c->log;
	char line[1024];

	while (next_line(&cursor, line, sizeof(line))) {
		unsigned long long start, end, apic;
		unsigned domain, nid;

		if (sscanf(line, "SRAT: PXM %u -> APIC 0x%llx -> Node %u", &domain, &apic, &nid) == 3) {
			struct quire_cpu cpu = { .hwid = apic, .domain = domain, .enabled = true };

			assert_int_equal(quire_machine_add_cpu(&c->f->machine, &cpu), QUIRE_OK);
		}
		if (sscanf(line, "ACPI: SRAT: Node %u PXM %u [mem 0x%llx-0x%llx]", &nid, &domain, &start, &end) == 4)
			add_affinity(c->f, domain, start, end + 1, strstr(line, "hotplug") ? QUIRE_AFFINITY_HOTPLUG : 0);
	}
}

static quire_phys_t size_value(const char *text)
{
	char *end;
	quire_phys_t value = strtoull(text, &end, 0);

	return *end == 'G' ? value << 30 : *end == 'M' ? value << 20 : value;
}

/* The option's value, or NULL. The command line is the first one in the log. */
static const char *option(const struct capture *c, const char *name)
{
	const char *line = strstr(c->log, "ommand line: "), *end, *at;
	char word[64];

	assert_non_null(line);
	end = strchr(line, '\n');
	snprintf(word, sizeof(word), " %s", name);
	at = strstr(line, word);
	return at && at < end ? at + strlen(word) : NULL;
}

/* Logs that do not say which CPU is where: one for each node that has any, says sysfs. Emulated nodes are not firmware's. */
static void read_cpu_nodes(struct capture *c)
{
	char *text = read_text(c->name, "node.txt");
	const char *line = text ? strstr(text, "has_cpu ") : NULL;
	unsigned first, last;

	if (!c->f->machine.cpu_count && line && !option(c, "numa=") && sscanf(line, "has_cpu %u-%u", &first, &last) == 2)
		for (; first <= last; first++)
			add_cpu(c->f, first);
	free(text);
}

static void read_distances(struct capture *c)
{
	char *text = read_text(c->name, "node.txt");
	const char *at = text;
	unsigned from;

	while (at && (at = strstr(at, "/distance\n")) != NULL) {
		const char *number = at + strlen("/distance\n");
		const char *head = at;
		unsigned to = 0, distance;
		int used;

		while (head > text && head[-1] >= '0' && head[-1] <= '9')
			head--;
		from = (unsigned)atoi(head);
		for (; sscanf(number, "%u%n", &distance, &used) == 1 && to < 64 && *number != '\n'; number += used)
			quire_machine_set_distance(&c->f->machine, from, to++, (uint8_t)distance);
		at = number;
	}
	free(text);
}

static void read_amount(const struct capture *c, const char *name, struct quire_amount *amount)
{
	const char *value = option(c, name);

	if (!value || *value == 'm')
		return;
	amount->given = true;
	amount->bytes = size_value(value);
	if (value[strspn(value, "0123456789")] == '%')
		*amount = (struct quire_amount){ .given = true, .percent = (unsigned)atoi(value) };
}

static void read_options(struct capture *c)
{
	struct quire_boot_options *options = &c->f->config.options;
	const char *value = option(c, "numa=fake=");

	read_amount(c, "kernelcore=", &options->kernelcore);
	read_amount(c, "movablecore=", &options->movablecore);
	options->kernelcore_mirror = option(c, "kernelcore=mirror") != NULL;
	options->movable_node = option(c, "movable_node") != NULL;
	if (option(c, "numa=off"))
		options->numa = QUIRE_NUMA_OFF;
	if (value) {
		options->numa_fake_count = strtoull(value, (char **)&value, 10);
		options->numa_fake_size = options->numa_fake_count << (*value == 'G' ? 30 : 20);
		options->numa = *value == 'U' ? QUIRE_NUMA_FAKE_UNIFORM : *value == 'G' || *value == 'M' ?
				QUIRE_NUMA_FAKE_SIZE : QUIRE_NUMA_FAKE_COUNT;
	}
	value = option(c, "highmem=");
	options->highmem_given = value != NULL;
	options->highmem = value ? size_value(value) : 0;
	value = option(c, "vmalloc=");
	options->vmalloc = value ? size_value(value) : 0;
}

/* The arm64 captures made with narrow bus addresses say so only in their device tree: their zone's end is the limit. */
static void read_dma_limit(struct capture *c)
{
	const char *line = strstr(c->log, "  DMA      [mem ");
	unsigned long long start, end;

	if (c->arm64 && strstr(c->name, "dma-limit") && line && sscanf(line, "  DMA [mem 0x%llx-0x%llx", &start, &end) == 2)
		c->f->machine.dma_limit = end + 1;
}

static unsigned online_cpus(const struct capture *c)
{
	const char *line = strstr(c->log, "CPUs=");

	return line ? (unsigned)atoi(line + 5) : 1;
}

static void fill_ledger(struct capture *c)
{
	struct fixture *f = c->f;

	for (size_t i = 0; i < c->memory_count; i++) {
		const struct quire_memblock_region *region = &c->memory[i];
		uint32_t kept = region->flags & ~(c->arm64 ? 0u : QUIRE_MEMBLOCK_HOTPLUG);

		assert_int_equal(quire_memblock_add_node(&f->mb, region->base, region->size, QUIRE_NO_NODE, kept), QUIRE_OK);
		if (c->arm64)
			quire_machine_add_range(&f->machine, region->base, region->size, QUIRE_MEMORY_RAM, 0,
						strstr(c->log, "NUMA: Faking") ? QUIRE_NO_NODE : region->nid);
	}
	for (size_t i = 0; i < c->reserved_count; i++)
		if (c->reserved[i].nid != QUIRE_NO_NODE)
			quire_memblock_reserve(&f->mb, c->reserved[i].base, c->reserved[i].size);
}

static void read_input(struct capture *c)
{
	bool distances;

	c->f->config.cpus = online_cpus(c);
	read_tables(c);
	read_srat(c);
	read_options(c);
	read_cpu_nodes(c);
	distances = strstr(c->log, "SLIT") || strstr(c->log, "distance-map");
	if (distances && c->f->config.options.numa == QUIRE_NUMA_ON)
		read_distances(c);
	read_dma_limit(c);
	fill_ledger(c);
}

static void compare_tables(const struct capture *c)
{
	const struct quire_memblock_type *memory = &c->f->mb.memory, *reserved = &c->f->mb.reserved;
	bool numa = c->f->config.geometry.nodes_shift > 0;

	assert_int_equal(memory->cnt, c->memory_count);
	for (size_t i = 0; i < c->memory_count; i++) {
		assert_int_equal(memory->regions[i].base, c->memory[i].base);
		assert_int_equal(memory->regions[i].size, c->memory[i].size);
		assert_int_equal(memory->regions[i].flags, c->memory[i].flags);
		assert_int_equal(memory->regions[i].nid, numa ? c->memory[i].nid : 0);
	}
	/* Ours may hold the same bytes in fewer regions: ranges between ours were reserved later and are not in ours. */
	for (size_t i = 0; i < c->reserved_count; i++) {
		bool found = c->reserved[i].nid == QUIRE_NO_NODE;

		for (size_t j = 0; j < reserved->cnt && !found; j++)
			found = reserved->regions[j].nid == c->reserved[i].nid &&
				reserved->regions[j].base <= c->reserved[i].base &&
				reserved->regions[j].base + reserved->regions[j].size >=
					c->reserved[i].base + c->reserved[i].size;
		if (!found)
			fail_msg("%s: reserved[%zu] is not on node %d", c->name, i, c->reserved[i].nid);
	}
}

/* Every line of the log that our own code would print must have been printed, with the same text. */
static void compare_messages(const struct capture *c)
{
	static const char *const ours[] = { "NUMA: Node ",
					    "No NUMA configuration found",
					    "NUMA: Initialized",
					    "Faking ",
					    "Fake node size",
					    "node 0 [mem",
					    "NUMA turned off",
					    "NUMA: No NUMA",
					    "NUMA: Faking",
					    "ACPI: SRAT: Node",
					    NULL };
	const char *cursor = c->log;
	char line[1024];

	while (next_line(&cursor, line, sizeof(line)))
		for (size_t i = 0; ours[i]; i++)
			if (!strncmp(line, ours[i], strlen(ours[i])))
				assert_logged(c->f, line);
}

static void compare_zone_range(const struct capture *c, const char *line)
{
	char name[16], rest[128];
	unsigned long long start, end;
	enum quire_zone_type type;

	if (sscanf(line, " %15s %127[^\n]", name, rest) != 2)
		return;
	type = zone_type(name);
	assert_int_not_equal(type, QUIRE_ZONE_TYPES);
	if (!strcmp(rest, "empty")) {
		assert_int_equal(c->f->t.zone_low[type], c->f->t.zone_high[type]);
		return;
	}
	assert_int_equal(sscanf(rest, "[mem 0x%llx-0x%llx]", &start, &end), 2);
	assert_int_equal(c->f->t.zone_low[type], start >> 12);
	assert_int_equal(c->f->t.zone_high[type], (end + 1) >> 12);
}

/* Zone ranges, movable starts and fallback orders. */
static void compare_log(struct capture *c)
{
	enum { ELSEWHERE, RANGES, MOVABLE } part = ELSEWHERE;
	quire_pfn_t movable[64] = { 0 };
	const char *cursor = c->log;
	char line[1024];
	int nid, used;

	while (next_line(&cursor, line, sizeof(line))) {
		unsigned long long address;

		if (line[0] != ' ')
			part = !strcmp(line, "Zone ranges:")	    ? RANGES
			       : strstr(line, "Movable zone start") ? MOVABLE
								    : ELSEWHERE;
		else if (part == RANGES)
			compare_zone_range(c, line);
		else if (part == MOVABLE && sscanf(line, " Node %d: 0x%llx", &nid, &address) == 2)
			movable[nid] = address >> 12;
		if (sscanf(line, "Fallback order for Node %d: %n", &nid, &used) == 1) {
			line[strlen(line) - 1] = 0;	/* the kernel ends the list with a space */
			assert_fallback(c->f, nid, line + used);
			c->lists_compared++;
		}
	}
	for (nid = 0; nid < 64; nid++)
		if (quire_topology_node(&c->f->t, nid))
			assert_int_equal(quire_topology_node(&c->f->t, nid)->movable_pfn, movable[nid]);
}

static void compare_total_pages(const struct capture *c)
{
	const char *line = strstr(c->log, "zonelists, mobility grouping on.  Total pages: ");

	if (line && !strstr(c->name, "real-"))
		assert_int_equal(quire_topology_total_pages(&c->f->t), strtoull(strstr(line, "pages: ") + 7, NULL, 10));
	if (line)
		assert_true(quire_topology_mobility(&c->f->t));
}

static void compare_spans(struct capture *c)
{
	const char *cursor = c->zoneinfo;
	struct quire_zone *zone = NULL;
	char line[1024], name[16];
	int nid;

	while (cursor && next_line(&cursor, line, sizeof(line))) {
		unsigned long long value;

		if (sscanf(line, "Node %d, zone %15s", &nid, name) == 2) {
			assert_non_null(quire_topology_node(&c->f->t, nid));
			zone = &quire_topology_node(&c->f->t, nid)->zones[zone_type(name)];
		} else if (sscanf(line, " spanned %llu", &value) == 1) {
			assert_int_equal(zone->spanned, value);
		} else if (sscanf(line, " present %llu", &value) == 1) {
			assert_int_equal(zone->present, value);
			c->zones_compared++;
		} else if (sscanf(line, " start_pfn: %llu", &value) == 1) {
			assert_int_equal(zone->start_pfn, value);
		}
	}
}

struct totals {
	unsigned captures, zones, lists;
};

static void check_capture(const char *name, void *arg)
{
	struct capture *c = calloc(1, sizeof(*c));
	struct totals *totals = arg;

	c->name = name;
	c->log = read_text(name, "dmesg.txt");
	if (c->log && strstr(c->log, "MEMBLOCK configuration") && strstr(c->log, "Zone ranges:") && !strstr(name, "PANIC")) {
		enum quire_arch arch = capture_arch(name);

		print_message("capture %s:\n", c->name);
		c->arm64 = arch == QUIRE_ARCH_ARM64;
		c->zoneinfo = read_text(name, "zoneinfo.txt");
		c->f = fixture_new(arch, strstr(name, "k612") ? QUIRE_RULES_6_12 : QUIRE_RULES_6_1);
		read_input(c);
		plan_all(c->f);
		compare_tables(c);
		compare_messages(c);
		compare_log(c);
		compare_total_pages(c);
		compare_spans(c);
		totals->captures++;
		totals->zones += c->zones_compared;
		totals->lists += c->lists_compared;
		fixture_free(c->f);
	}
	free(c->zoneinfo);
	free(c->log);
	free(c);
}

static void test_all_captures(void **state)
{
	struct totals totals = { 0 };

	(void)state;
	if (!for_each_capture(check_capture, &totals))
		skip();
	print_message("%u captures, %u zones, %u fallback orders\n", totals.captures, totals.zones, totals.lists);
	assert_true(totals.captures && totals.zones > totals.captures && totals.lists >= totals.captures / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_all_captures) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
