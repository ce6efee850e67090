#include "capture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *capture_file(const struct capture *c, const char *name)
{
	char path[768], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", c->path, name);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	for (size_t got = 1; got; size += got) {
		text = realloc(text, size + 65537);
		got = fread(text + size, 1, 65536, file);
	}
	text[size] = '\0';
	fclose(file);
	return text;
}

char *capture_line(char **text)
{
	char *line = *text;
	size_t length;

	if (!*line)
		return NULL;
	length = strcspn(line, "\n");
	*text = line + length + (line[length] == '\n');
	line[length] = '\0';
	return line;
}

char *capture_proc_line(char **text)
{
	char *line, *noise;

	do
		line = capture_line(text);
	while (line && (*line == '[' || !*line));
	noise = line ? strstr(line, "[   ") : NULL;
	if (noise)
		*noise = '\0';
	return line;
}

struct buffer {
	char *text;
	size_t size;
};

static void append(void *ctx, const char *text, size_t length)
{
	struct buffer *buffer = ctx;

	buffer->text = realloc(buffer->text, buffer->size + length + 1);
	memcpy(buffer->text + buffer->size, text, length);
	buffer->size += length;
	buffer->text[buffer->size] = '\0';
}

char *capture_text(void (*report)(const struct quire *q, const struct quire_report_sink *sink), const struct quire *q)
{
	struct buffer buffer = { calloc(1, 1), 0 };
	struct quire_report_sink sink = { append, &buffer };

	report(q, &sink);
	return buffer.text;
}

static bool configure(struct capture *c)
{
	static const struct { const char *name; enum quire_arch arch; } known[] = {
		{ "/x86_64-", QUIRE_ARCH_X86_64 }, { "/arm64-", QUIRE_ARCH_ARM64 },
		{ "/i386-pae", QUIRE_ARCH_I386_PAE }, { "/i386-nopae", QUIRE_ARCH_I386 },
	};
	char *options = capture_file(c, "cmdline_kernel.txt");
	size_t i = 0;

	while (i < sizeof(known) / sizeof(known[0]) && !strstr(c->path, known[i].name))
		i++;
	if (i == sizeof(known) / sizeof(known[0]) || !options) {
		free(options);
		return false;
	}
	quire_config_defaults(&c->q.config, known[i].arch, strstr(c->path, "k612") ? QUIRE_RULES_6_12 : QUIRE_RULES_6_1);
	c->q.config.options.movable_node = strstr(options, "movable_node") != NULL;
	c->q.config.options.memhp_online_given = strstr(options, "memhp_default_state=") != NULL;
	c->q.config.options.memhp_online = strstr(options, "memhp_default_state=online") != NULL;
	free(options);
	return true;
}

static enum quire_zone_type zone_type(const char *name)
{
	unsigned type = 0;

	while (type < QUIRE_ZONE_DEVICE && strcmp(name, quire_zone_name(type)) != 0)
		type++;
	return type;
}

static void protection(struct capture *c, struct quire_zone *zone, const char *list)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
		if (!(c->q.config.zone_mask >> type & 1))
			continue;
		zone->lowmem_reserve[type] = strtoull(list, (char **)(uintptr_t)&list, 10);
		list += strspn(list, ", ");
	}
}

static void zone_line(struct capture *c, struct quire_zone *zone, const char *line)
{
	static const char *const marks[QUIRE_WMARKS] = { "min", "low", "high", "promo" };
	unsigned long long value;
	char word[32];

	if (strstr(line, "protection: ("))
		protection(c, zone, strchr(line, '(') + 1);
	if (sscanf(line, " vm stats threshold: %u", &zone->stat_threshold) == 1 ||
	    sscanf(line, " batch: %u", &zone->pcp_batch) == 1 || sscanf(line, " %31s %llu", word, &value) != 2)
		return;
	for (unsigned mark = 0; mark < QUIRE_WMARKS; mark++)
		if (strcmp(word, marks[mark]) == 0)
			zone->watermark[mark] = value - zone->watermark_boost;
	if (strcmp(word, "boost") == 0)
		zone->watermark_boost = value;
	else if (strcmp(word, "spanned") == 0)
		zone->spanned = value;
	else if (strcmp(word, "present") == 0)
		zone->present = value;
	else if (strcmp(word, "managed") == 0)
		zone->managed = value;
	else if (strcmp(word, "cma") == 0)
		zone->cma_pages = value;
	else if (strcmp(word, "high:") == 0)
		zone->pcp_high_min = value;
	else if (strcmp(word, "start_pfn:") == 0)
		zone->start_pfn = value;
}

static void read_zoneinfo(struct capture *c, char *text)
{
	struct quire_zone *zone = NULL;
	struct quire_topology *t = &c->q.topology;
	char name[16];
	unsigned cpu;
	int nid;

	for (char *line; (line = capture_proc_line(&text));) {
		if (sscanf(line, "Node %d, zone %15s", &nid, name) == 2 && nid < CAPTURE_NODES) {
			struct quire_node *node = &c->nodes[nid];

			node->nid = nid;
			node->online = true;
			t->nodes[nid] = node;
			t->node_count = (unsigned)nid + 1;
			zone = &node->zones[zone_type(name)];
			zone->type = zone_type(name);
		} else if (sscanf(line, " cpu: %u", &cpu) == 1 && cpu >= t->cpu_count) {
			t->cpu_count = cpu + 1;
		} else if (zone) {
			zone_line(c, zone, line);
		}
	}
}

/* Spans that are not printed, of unpopulated zones, do not matter to any report; node sums do. */
static void complete_nodes(struct capture *c)
{
	for (unsigned nid = 0; nid < c->q.topology.node_count; nid++)
		for (unsigned type = 0; c->q.topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++) {
			struct quire_zone *zone = &c->nodes[nid].zones[type];

			zone->node = &c->nodes[nid];
			c->nodes[nid].present += zone->present;
			c->nodes[nid].has_memory |= zone->present != 0;
		}
}

static void region(struct quire_memblock_type *type, unsigned long long base, unsigned long long end, int nid)
{
	if (type->cnt < type->max)
		type->regions[type->cnt++] = (struct quire_memblock_region){ base, end - base, 0, nid };
	type->total_size += end - base;
}

static void read_log(struct capture *c, char *text)
{
	struct quire_memblock *mb = &c->q.memblock;
	unsigned long long base, end;
	int nid;

	mb->memory = (struct quire_memblock_type){ .regions = c->regions, .max = 128, .name = "memory" };
	mb->reserved = (struct quire_memblock_type){ .regions = c->reserved, .max = 512, .name = "reserved" };
	for (char *line; (line = capture_line(&text));) {
		const char *body = strchr(line, ']');

		if (*line != '[' || !body)
			continue;
		if (sscanf(body, "] node %d: [mem %llx-%llx]", &nid, &base, &end) == 3) {
			region(&mb->memory, base, end + 1, nid);
			c->ranges_known = true;
		} else if (strncmp(body, "] MEMBLOCK configuration", 24) == 0) {
			mb->reserved.cnt = 0;
			mb->reserved.total_size = 0;
		} else if (sscanf(body, "] reserved[%*i] [%llx-%llx]", &base, &end) == 2) {
			region(&mb->reserved, base, end + 1, QUIRE_NO_NODE);
		} else if (sscanf(body, "] Initmem setup node %d [mem %llx-%llx]", &nid, &base, &end) == 3 &&
			   nid < CAPTURE_NODES) {
			c->nodes[nid].start_pfn = base >> 12;
			c->nodes[nid].end_pfn = (end + 1) >> 12;
		}
	}
}

bool capture_load(struct capture *c, const char *path)
{
	char *zoneinfo, *log;

	memset(c, 0, sizeof(*c));
	snprintf(c->path, sizeof(c->path), "%s", path);
	if (!configure(c))
		return false;
	zoneinfo = capture_file(c, "zoneinfo.txt");
	log = capture_file(c, "dmesg.txt");
	if (zoneinfo && log) {
		c->q.topology.config = &c->q.config;
		c->q.topology.cpu_node = c->cpu_nodes;
		c->q.machine = &c->machine;
		c->q.stage = QUIRE_STAGE_WATERMARKS;
		read_zoneinfo(c, zoneinfo);
		complete_nodes(c);
		read_log(c, log);
	}
	free(zoneinfo);
	free(log);
	return zoneinfo && log;
}

size_t capture_each(void (*test)(struct capture *c))
{
	static struct capture capture;
	const char *directory = getenv("QUIRE_CAPTURES");
	struct dirent **names;
	char path[512];
	size_t count = 0;
	int entries;

	if (!directory)
		directory = "../shared/captures";
	entries = scandir(directory, &names, NULL, alphasort);
	for (int i = 0; i < entries; i++) {
		if (names[i]->d_name[0] != '.' &&
		    snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name) < (int)sizeof(path) &&
		    capture_load(&capture, path)) {
			test(&capture);
			count++;
		}
		free(names[i]);
	}
	if (entries >= 0)
		free(names);
	return count;
}
