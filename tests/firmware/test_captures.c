/*
 * Real firmware data against what the real kernel printed about it while it read them: e820, SRAT, SLIT, MADT and device
 * trees of every capture that has them. Skipped, with a notice, where the captures are not there.
 */
#define _DEFAULT_SOURCE
#include "support.h"

#include <dirent.h>

static struct test_machine t;
static struct test_log l;
static struct quire_config config;

/* One capture: its folder, log and command line. */
struct capture {
	char path[512];
	const char *name;
	char *dmesg;
	char *command_line;
};

static unsigned compared[6];		/* how many captures each comparison saw: a comparison of nothing is no test */
enum { E820, USABLE, SRAT, SLIT, MADT, FDT };

static uint8_t *capture_file(const struct capture *c, const char *file, size_t *size)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", c->path, file);
	return read_file(path, size);
}

/* A file as text; empty if there is none. */
static char *capture_text(const struct capture *c, const char *file)
{
	size_t size = 0;
	uint8_t *data = capture_file(c, file, &size);
	char *text = calloc(1, size + 1);

	assert_non_null(text);
	if (data)
		memcpy(text, data, size);
	free(data);
	return text;
}

/* The next line of a log that has `mark`; *at moves behind it. Returns the place behind the mark, or NULL. */
static const char *next_line(const char **at, const char *mark)
{
	const char *found = strstr(*at, mark);

	if (!found)
		return NULL;
	*at = found + strlen(mark);
	return *at;
}

static size_t count_lines(const char *text, const char *mark)
{
	size_t count = 0;

	while (next_line(&text, mark))
		count++;
	return count;
}

static bool is_x86(const struct capture *c)
{
	return strncmp(c->name, "arm64", 5) != 0;
}

static enum quire_arch arch_of(const struct capture *c)
{
	if (!is_x86(c))
		return QUIRE_ARCH_ARM64;
	if (!strncmp(c->name, "i386-nopae", 10))
		return QUIRE_ARCH_I386;
	return strncmp(c->name, "i386", 4) ? QUIRE_ARCH_X86_64 : QUIRE_ARCH_I386_PAE;
}

static const char *const type_texts[QUIRE_MEMORY_TYPES] = {
	"usable",	 "reserved", "ACPI data", "ACPI NVS", "unusable", "persistent (type 7)", "persistent (type 12)",
	"soft reserved",
};

static int by_base(const void *a, const void *b)
{
	const struct quire_memory_range *left = a, *right = b;

	return (left->base > right->base) - (left->base < right->base);
}

/* The kernel prints firmware's entries in order of address. */
static void compare_reported_map(const struct capture *c)
{
	const char *at = c->dmesg, *line;
	size_t i = 0;

	qsort(t.m.map, t.m.map_count, sizeof(t.m.map[0]), by_base);
	for (; (line = next_line(&at, "BIOS-e820: [mem ")); i++) {
		unsigned long long first, last;
		char type[64];

		assert_int_equal(sscanf(line, "%llx-%llx] %63[^\n]", &first, &last, type), 3);
		if (i >= t.m.map_count || t.m.map[i].base != first || t.m.map[i].base + t.m.map[i].size - 1 != last ||
		    strcmp(type, type_texts[t.m.map[i].type]))
			fail_msg("%s: firmware's entry %zu differs", c->name, i);
	}
	assert_int_equal(i, t.m.map_count);
}

/* RAM of the sanitised map is what the kernel gave to memblock; its messages about changes are ours too. */
static void compare_usable_map(const struct capture *c)
{
	static const char *const messages[] = { "e820: update [mem 0x00000000", "e820: remove [mem ", "user: [mem " };
	const char *at = c->dmesg, *line;
	size_t i = 0;

	while ((line = next_line(&at, "memblock_add: ["))) {
		unsigned long long first, last;
		char by[64];

		assert_int_equal(sscanf(line, "%llx-%llx] %63s", &first, &last, by), 3);
		if (strncmp(by, "e820__memblock_setup", 20))
			continue;
		while (i < t.m.map_count && t.m.map[i].type != QUIRE_MEMORY_RAM)
			i++;
		if (i == t.m.map_count || t.m.map[i].base != first || t.m.map[i].base + t.m.map[i].size - 1 != last)
			fail_msg("%s: [%#llx-%#llx] is memory there, but not here", c->name, first, last);
		i++;
	}
	while (i < t.m.map_count && t.m.map[i].type != QUIRE_MEMORY_RAM)
		i++;
	assert_int_equal(i, t.m.map_count);
	for (size_t m = 0; m < sizeof(messages) / sizeof(messages[0]); m++) {
		at = c->dmesg;
		while ((line = next_line(&at, messages[m]))) {
			char wanted[256];

			snprintf(wanted, sizeof(wanted), "%s%.*s\n", messages[m], (int)strcspn(line, "\n"), line);
			if (!log_has(&l, wanted))
				fail_msg("%s: we do not say %s", c->name, wanted);
		}
	}
}

static void compare_e820(const struct capture *c)
{
	size_t size;
	uint8_t *params = capture_file(c, "boot_params.bin", &size);

	if (!params)
		return;
	machine_reset(&t, arch_of(c));
	log_reset(&l);
	assert_int_equal(quire_read_boot_params(&t.m, params, size, &l.log), QUIRE_OK);
	assert_string_equal(l.text, "");
	compare_reported_map(c);
	compared[E820]++;
	if (strstr(c->dmesg, "RAMDISK: [mem ")) {
		assert_int_equal(t.m.reservation_count, 1);
		assert_true(t.m.reservations[0].base == strtoull(strstr(c->dmesg, "RAMDISK: [mem ") + 14, NULL, 16));
	}
	free(params);
	quire_config_defaults(&config, t.m.arch, QUIRE_RULES_6_1);
	quire_cmdline_parse(&config, c->command_line, NULL, NULL);
	assert_int_equal(quire_e820_sanitize(&t.m, &config.options, &l.log), QUIRE_OK);
	if (!strstr(c->dmesg, "e820__memblock_setup"))
		return;
	compare_usable_map(c);
	compared[USABLE]++;
}

static size_t node_of(uint32_t domain)
{
	for (size_t i = 0; i < t.m.domain_count; i++)
		if (t.m.domains[i] == domain)
			return i;
	fail_msg("domain %u is not listed", domain);
	return 0;
}

static void compare_srat(const struct capture *c)
{
	const char *at = c->dmesg, *line;
	size_t size, i;
	uint8_t *srat = capture_file(c, "srat.bin", &size);

	machine_reset(&t, arch_of(c));
	if (!srat)
		return;
	assert_int_equal(quire_read_srat(&t.m, srat, size, NULL), QUIRE_OK);
	free(srat);
	if (!strstr(at, "ACPI: SRAT: Node "))
		return;
	for (i = 0; (line = next_line(&at, "SRAT: PXM ")); i++) {
		unsigned domain, apic, node;

		assert_int_equal(sscanf(line, "%u -> APIC %x -> Node %u", &domain, &apic, &node), 3);
		if (i >= t.m.cpu_count || t.m.cpus[i].domain != domain || t.m.cpus[i].hwid != apic ||
		    node_of(domain) != node)
			fail_msg("%s: CPU %zu differs", c->name, i);
	}
	/* 6.12 does not print CPUs. */
	if (i)
		assert_int_equal(i, t.m.cpu_count);
	at = c->dmesg;
	for (i = 0; (line = next_line(&at, "ACPI: SRAT: Node ")); i++) {
		unsigned domain, node;
		unsigned long long first, last;
		bool hotplug;

		assert_int_equal(sscanf(line, "%u PXM %u [mem %llx-%llx]", &node, &domain, &first, &last), 4);
		hotplug = !strncmp(strchr(line, ']'), "] hotplug", 9);
		if (i >= t.m.affinity_count || t.m.affinities[i].domain != domain || t.m.affinities[i].base != first ||
		    first + t.m.affinities[i].size - 1 != last || node_of(domain) != node ||
		    hotplug != !!(t.m.affinities[i].flags & QUIRE_AFFINITY_HOTPLUG))
			fail_msg("%s: memory affinity %zu differs", c->name, i);
	}
	assert_int_equal(i, t.m.affinity_count);
	compared[SRAT]++;
}

/* /sys/…/nodeN/distance; `literal`: node ids are the matrix's own indices, as in a device tree. */
static void compare_distances(const struct capture *c, bool literal)
{
	char *nodes = capture_text(c, "node.txt");
	const char *at = nodes, *line;

	while ((line = next_line(&at, "== node"))) {
		unsigned from, distance;
		int used;

		if (sscanf(line, "%u/distance\n%n", &from, &used) != 1 || strncmp(strchr(line, '/'), "/distance", 9))
			continue;
		line += used;
		for (unsigned to = 0; sscanf(line, "%u%n", &distance, &used) == 1; to++, line += used) {
			size_t row = literal ? from : t.m.domains[from], column = literal ? to : t.m.domains[to];

			if (t.m.distances[row * t.m.distance_count + column] != distance)
				fail_msg("%s: distance %u to %u is %u there", c->name, from, to, distance);
			if (line[used] == '\n')
				break;
		}
	}
	free(nodes);
}

static void compare_slit(const struct capture *c)
{
	size_t size;
	uint8_t *slit = capture_file(c, "slit.bin", &size);

	if (!slit)
		return;
	assert_int_equal(quire_read_slit(&t.m, slit, size, NULL), QUIRE_OK);
	free(slit);
	if (!t.m.distance_count || strstr(c->command_line, "numa=") || strstr(c->dmesg, "No NUMA configuration"))
		return;
	compare_distances(c, false);
	compared[SLIT]++;
}

static void compare_madt(const struct capture *c)
{
	size_t size, enabled = 0;
	uint8_t *madt = capture_file(c, "apic.bin", &size);
	char *cpuinfo = capture_text(c, "cpuinfo.txt");

	if (madt && *cpuinfo) {
		assert_int_equal(quire_read_madt(&t.m, madt, size, NULL), QUIRE_OK);
		for (size_t i = 0; i < t.m.cpu_count; i++)
			enabled += t.m.cpus[i].enabled;
		if (enabled != count_lines(cpuinfo, "processor\t"))
			fail_msg("%s: %zu CPUs", c->name, enabled);
		compared[MADT]++;
	}
	free(madt);
	free(cpuinfo);
}

/* "Early memory node ranges", which memblock has sorted and merged. */
static void compare_fdt_memory(const struct capture *c)
{
	const char *at = strstr(c->dmesg, "Early memory node ranges"), *line;
	size_t i = 0, count = 0;

	assert_non_null(at);
	qsort(t.m.map, t.m.map_count, sizeof(t.m.map[0]), by_base);
	for (size_t k = 0; k < t.m.map_count; k++) {
		struct quire_memory_range *before = &t.m.map[count - 1], range = t.m.map[k];

		range.nid = t.m.numa_broken || range.nid == QUIRE_NO_NODE ? 0 : range.nid;
		if (count && before->base + before->size == range.base && before->nid == range.nid &&
		    before->attributes == range.attributes)
			before->size += range.size;
		else
			t.m.map[count++] = range;
	}
	for (; (line = next_line(&at, "]   node ")); i++) {
		unsigned long long first, last;
		int node;

		assert_int_equal(sscanf(line, "%d: [mem %llx-%llx]", &node, &first, &last), 3);
		if (i >= count || t.m.map[i].base != first || first + t.m.map[i].size - 1 != last || t.m.map[i].nid != node)
			fail_msg("%s: memory range %zu differs", c->name, i);
	}
	assert_int_equal(i, count);
}

static void compare_fdt(const struct capture *c)
{
	size_t size;
	uint8_t *dtb = capture_file(c, "fdt.dtb", &size);
	char *cpuinfo, zone[64];

	if (!dtb)
		return;
	machine_reset(&t, QUIRE_ARCH_ARM64);
	log_reset(&l);
	assert_int_equal(quire_read_fdt(&t.m, dtb, size, &l.log), QUIRE_OK);
	assert_string_equal(l.text, "");
	assert_string_equal(t.m.command_line ? t.m.command_line : "", c->command_line);
	quire_config_defaults(&config, QUIRE_ARCH_ARM64, QUIRE_RULES_6_1);
	quire_cmdline_parse(&config, c->command_line, NULL, NULL);
	if (!config.options.mem.given)
		compare_fdt_memory(c);
	cpuinfo = capture_text(c, "cpuinfo.txt");
	assert_int_equal(t.m.cpu_count, count_lines(cpuinfo, "processor\t"));
	free(cpuinfo);
	if (t.m.dma_limit) {
		snprintf(zone, sizeof(zone), "DMA      [mem 0x0000000040000000-%#018llx]",
			 (unsigned long long)t.m.dma_limit - 1);
		assert_non_null(strstr(c->dmesg, zone));
	}
	if (t.m.distance_count)
		compare_distances(c, true);
	compared[FDT]++;
	free(dtb);
}

static void every_capture(void **state)
{
	const char *root = captures_path();
	struct dirent *entry;
	DIR *folder;

	(void)state;
	if (!root) {
		skip();
		return;
	}
	folder = opendir(root);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		struct capture c = { .name = entry->d_name };

		if (entry->d_name[0] == '.')
			continue;
		snprintf(c.path, sizeof(c.path), "%s/%s", root, entry->d_name);
		c.dmesg = capture_text(&c, "dmesg.txt");
		c.command_line = capture_text(&c, "cmdline_kernel.txt");
		c.command_line[strcspn(c.command_line, "\n")] = '\0';
		if (*c.dmesg) {
			compare_e820(&c);
			compare_srat(&c);
			compare_slit(&c);
			compare_madt(&c);
			compare_fdt(&c);
		}
		free(c.dmesg);
		free(c.command_line);
	}
	closedir(folder);
	print_message("compared: %u e820, %u usable maps, %u SRAT, %u SLIT, %u MADT, %u device trees\n", compared[E820],
		      compared[USABLE], compared[SRAT], compared[SLIT], compared[MADT], compared[FDT]);
	for (size_t i = 0; i < 6; i++)
		assert_true(compared[i] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_capture) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
