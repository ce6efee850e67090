/*
 * Real boots: watermarks, protections, per-CPU sizes and min_free_kbytes as /proc told them against what we compute from the
 * same zones.
 *
 * The kernel computes them before it frees the initial ramdisk and its own boot-time code; what was managed then is what
 * zoneinfo shows less what the log says was freed later, in the zone that held it. Scenario folders below a capture show
 * states after values were written to sysctl files, where all is recomputed from what zoneinfo shows.
 */
#include "capture_text.h"
#include "fixture.h"

struct shown {
	uint64_t boost, mark[QUIRE_WMARKS];	/* marks as printed, boost included */
	bool promo;
	uint64_t protection[QUIRE_ZONE_TYPES];
	bool high_seen;				/* per-CPU lines follow for zones with pages only */
	uint64_t high;				/* per-CPU high, which 6.12 moves at run time */
	unsigned batch, threshold;
};

struct boot {
	struct fixture *f;
	const char *name;
	struct shown shown[64][QUIRE_ZONE_TYPES];
	unsigned zones, cpus;
	uint64_t min_free_kbytes;
};

static struct quire_zone *zone_at(const struct boot *b, quire_pfn_t pfn)
{
	for (unsigned nid = 0; nid < b->f->t.node_count; nid++) {
		struct quire_node *node = b->f->t.nodes[nid];

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone *zone = &node->zones[type];

			if (zone->present && pfn >= zone->start_pfn && pfn < zone->start_pfn + zone->spanned)
				return zone;
		}
	}
	return NULL;
}

static struct quire_zone *find_zone(struct boot *b, int nid, const char *name)
{
	enum quire_zone_type type = zone_type(name);
	struct quire_node *node;

	assert_in_range(nid, 0, 63);
	assert_int_not_equal(type, QUIRE_ZONE_TYPES);
	node = b->f->t.nodes[nid];
	if (!node) {
		node = b->f->t.nodes[nid] = fixture_meta_alloc(b->f, sizeof(*node), 8, nid);
		node->nid = nid;
		node->online = true;
		for (unsigned i = 0; i < QUIRE_ZONE_TYPES; i++) {
			node->zones[i].type = (enum quire_zone_type)i;
			node->zones[i].node = node;
		}
		b->f->t.node_count = (unsigned)nid + 1;
	}
	return &node->zones[type];
}

static void read_protection(const struct boot *b, const char *line, struct shown *shown)
{
	const char *at = strchr(line, '(');

	for (unsigned type = 0; at && type < QUIRE_ZONE_TYPES; type++) {
		if (!(b->f->config.zone_mask >> type & 1))
			continue;
		shown->protection[type] = strtoull(at + 1, NULL, 10);
		at = strchr(at + 1, ',');
	}
}

static void read_zone_line(struct boot *b, const char *line, struct quire_zone *zone, struct shown *shown)
{
	char name[32];
	unsigned long long value;

	if (strstr(line, "protection: ("))
		read_protection(b, line, shown);
	if (sscanf(line, " vm stats threshold: %llu", &value) == 1)
		shown->threshold = (unsigned)value;
	if (sscanf(line, " start_pfn: %llu", &value) == 1)
		zone->start_pfn = value;
	if (sscanf(line, " cpu: %llu", &value) == 1 && value >= b->cpus)
		b->cpus = (unsigned)value + 1;
	if (sscanf(line, " %31s %llu", name, &value) != 2)
		return;
	if (!strcmp(name, "boost"))
		shown->boost = value;
	else if (!strcmp(name, "min"))
		shown->mark[QUIRE_WMARK_MIN] = value;
	else if (!strcmp(name, "low"))
		shown->mark[QUIRE_WMARK_LOW] = value;
	else if (!strcmp(name, "high"))
		shown->mark[QUIRE_WMARK_HIGH] = value;
	else if (!strcmp(name, "promo"))
		shown->mark[QUIRE_WMARK_PROMO] = value, shown->promo = true;
	else if (!strcmp(name, "spanned"))
		zone->spanned = value;
	else if (!strcmp(name, "present"))
		zone->present = value;
	else if (!strcmp(name, "managed"))
		zone->managed = value;
	else if (!strcmp(name, "high:") && !shown->high_seen)
		shown->high = value, shown->high_seen = true;
	else if (!strcmp(name, "batch:"))
		shown->batch = (unsigned)value;
}

static void read_zoneinfo(struct boot *b, const char *text)
{
	const char *cursor = text;
	struct quire_zone *zone = NULL;
	struct shown *shown = NULL;
	char line[1024], name[16];
	int nid;

	while (next_line(&cursor, line, sizeof(line))) {
		if (sscanf(line, "Node %d, zone %15s", &nid, name) == 2) {
			zone = find_zone(b, nid, name);
			shown = &b->shown[nid][zone->type];
			b->zones++;
		} else if (zone) {
			read_zone_line(b, line, zone, shown);
		}
	}
	b->f->t.movable_zone = QUIRE_ZONE_NORMAL;
	for (nid = 0; nid < (int)b->f->t.node_count; nid++)
		if (b->f->t.nodes[nid] && b->f->t.nodes[nid]->zones[QUIRE_ZONE_HIGHMEM].spanned)
			b->f->t.movable_zone = QUIRE_ZONE_HIGHMEM;
	b->f->t.cpu_count = b->cpus;
}

/* "0-1,4": how many? */
static unsigned count_list(const char *text)
{
	unsigned count = 0, first, last;
	int used;

	while (sscanf(text, "%u%n", &first, &used) == 1) {
		text += used;
		last = first;
		if (*text == '-' && sscanf(text, "-%u%n", &last, &used) == 1)
			text += used;
		count += last - first + 1;
		if (*text++ != ',')
			break;
	}
	return count;
}

static void read_node_cpus(struct boot *b, const char *text)
{
	for (unsigned nid = 0; text && nid < b->f->t.node_count; nid++) {
		char head[32];
		const char *at;

		snprintf(head, sizeof(head), "== node%u/cpulist\n", nid);
		at = strstr(text, head);
		if (b->f->t.nodes[nid] && at)
			b->f->t.nodes[nid]->cpus = count_list(at + strlen(head));
	}
}

static uint64_t sysctl(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	assert_non_null(at);
	return strtoull(at + strlen(name), NULL, 10);
}

static void read_tunables(struct boot *b, const char *text)
{
	struct quire_tunables *tunables = &b->f->config.tunables;
	const char *at = strstr(text, "lowmem_reserve_ratio ");

	b->min_free_kbytes = sysctl(text, "min_free_kbytes ");
	tunables->watermark_scale_factor = (unsigned)sysctl(text, "watermark_scale_factor ");
	tunables->percpu_pagelist_high_fraction = (unsigned)sysctl(text, "percpu_pagelist_high_fraction ");
	assert_non_null(at);
	at += strlen("lowmem_reserve_ratio ");
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		char *end;

		if (!(b->f->config.zone_mask >> type & 1))
			continue;
		tunables->lowmem_reserve_ratio[type] = (unsigned)strtoul(at, &end, 10);
		at = end;
	}
}

/* The zone with the initial ramdisk: x86 logs its place. Elsewhere the loader puts it near the kernel. */
static struct quire_zone *ramdisk_zone(const struct boot *b, const char *log, struct quire_zone *kernel)
{
	const char *at = log, *found = NULL;

	while ((at = strstr(at, "RAMDISK: [mem 0x")) != NULL)
		found = at = at + strlen("RAMDISK: [mem ");
	return found ? zone_at(b, strtoull(found, NULL, 16) >> 12) : kernel;
}

static void take_back(struct boot *b, const char *log)
{
	struct quire_zone *kernel = b->f->config.arch == QUIRE_ARCH_ARM64 ? zone_at(b, b->f->t.nodes[0]->zones[0].start_pfn)
									  : zone_at(b, 0x1000);
	const char *cursor = log;
	char line[1024];

	assert_non_null(kernel);
	while (next_line(&cursor, line, sizeof(line))) {
		struct quire_zone *zone = strstr(line, "initrd") ? ramdisk_zone(b, log, kernel) : kernel;
		const char *memory = strstr(line, "memory: ");

		if (!memory || strncmp(line, "Freeing ", 8) || strstr(line, "alternatives"))
			continue;
		assert_non_null(zone);
		zone->managed -= strtoull(memory + 8, NULL, 10) / 4;
	}
}

static void compare_zone(const struct boot *b, const struct quire_zone *zone, const struct shown *shown, bool protection)
{
	bool k612 = b->f->config.rules == QUIRE_RULES_6_12;

	for (unsigned mark = 0; mark <= QUIRE_WMARK_PROMO; mark++)
		if (mark != QUIRE_WMARK_PROMO || shown->promo)
			assert_int_equal(zone->watermark[mark], shown->mark[mark] - shown->boost);
	for (unsigned type = 0; protection && type < QUIRE_ZONE_TYPES; type++)
		if (b->f->config.zone_mask >> type & 1)
			assert_int_equal(zone->lowmem_reserve[type], shown->protection[type]);
	if (!zone->present)
		return;
	assert_int_equal(zone->pcp_batch, shown->batch);
	assert_int_equal(zone->stat_threshold, shown->threshold);
	if (!k612 && !shown->boost)
		assert_int_equal(zone->pcp_high_min, shown->high);
}

static void compare(const struct boot *b, bool protection)
{
	for (unsigned nid = 0; nid < b->f->t.node_count; nid++)
		for (unsigned type = 0; b->f->t.nodes[nid] && type < QUIRE_ZONE_DEVICE; type++)
			if (b->f->config.zone_mask >> type & 1)
				compare_zone(b, &b->f->t.nodes[nid]->zones[type], &b->shown[nid][type], protection);
	assert_int_equal(b->f->state.min_free_kbytes, b->min_free_kbytes);
}

/* A capture's folder or one below it; NULL if it has no zoneinfo. */
static struct boot *read_boot(const char *capture, const char *folder)
{
	char *zoneinfo = read_text(folder, "zoneinfo.txt"), *node = read_text(folder, "node.txt");
	char *tunables = read_text(folder, "sysctl.txt");
	struct boot *b = NULL;

	if (zoneinfo && tunables) {
		b = calloc(1, sizeof(*b));
		b->name = capture;
		b->f = fixture_new(capture_arch(capture), strstr(capture, "k612") ? QUIRE_RULES_6_12 : QUIRE_RULES_6_1);
		read_zoneinfo(b, zoneinfo);
		read_node_cpus(b, node);
		read_tunables(b, tunables);
	}
	free(zoneinfo);
	free(node);
	free(tunables);
	return b;
}

static void free_boot(struct boot *b)
{
	fixture_free(b->f);
	free(b);
}

static void check_boot(const char *name, void *arg)
{
	unsigned *zones = arg;
	struct boot *b = read_boot(name, name);
	char *log = read_text(name, "dmesg.txt");

	if (b && log) {
		print_message("capture %s:\n", b->name);
		take_back(b, log);
		b->f->config.options.thp_never = strstr(log, "transparent_hugepage=never") != NULL;
		quire_watermarks_init(&b->f->t, &b->f->config.tunables, &b->f->state);
		quire_watermarks_thp(&b->f->t, &b->f->config.tunables, &b->f->state);
		/* Gigantic pages reserved at boot become managed between reserves and watermarks. */
		compare(b, !strstr(log, "hugepagesz=1G"));
		*zones += b->zones;
	}
	if (b)
		free_boot(b);
	free(log);
}

static void test_boots(void **state)
{
	unsigned zones = 0;

	(void)state;
	if (!for_each_capture(check_boot, &zones))
		skip();
	assert_true(zones > 100);
}

/* Scenario folders of the captures that write sysctl values: all follows from what zoneinfo shows now. */
static void check_stages(const char *name, void *arg)
{
	static const char *const stages[] = { "min_free_65536", "wsf200", "lowmem_64_64_16", "pcp_high_fraction8",
					      "pcp_high_fraction1000", "min_free_1", "cpu3_offline" };
	unsigned *zones = arg;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		char folder[512];
		struct boot *b;

		snprintf(folder, sizeof(folder), "%s/%s", name, stages[i]);
		b = read_boot(name, folder);
		if (!b)
			continue;
		print_message("capture %s:\n", folder);
		quire_lowmem_reserve_update(&b->f->t, &b->f->config.tunables);
		quire_watermarks_update(&b->f->t, &b->f->config.tunables, b->min_free_kbytes, &b->f->state);
		compare(b, true);
		*zones += b->zones;
		free_boot(b);
	}
}

static void test_sysctl_stages(void **state)
{
	unsigned zones = 0;

	(void)state;
	if (!for_each_capture(check_stages, &zones))
		skip();
	assert_true(zones > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_boots),
		cmocka_unit_test(test_sysctl_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
