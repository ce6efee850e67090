#include "capture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void capture_add(struct capture *c, quire_pfn_t start, quire_pfn_t end, int nid, uint32_t flags)
{
	struct quire_memblock_type *memory = &c->mb.memory;
	unsigned shift = c->config.geometry.page_shift;

	memory->regions = c->mb.initial_memory;
	memory->max = QUIRE_MEMBLOCK_REGIONS;
	memory->regions[memory->cnt++] = (struct quire_memblock_region){ start << shift, (end - start) << shift, flags,
									  nid };
	memory->total_size += (end - start) << shift;
	if (nid >= (int)c->topology.node_count)
		c->topology.node_count = (unsigned)nid + 1;
	c->topology.nodes[nid] = &c->nodes[nid];
	if (end > c->topology.max_pfn)
		c->topology.max_pfn = end;
}

static quire_pfn_t clamp(quire_pfn_t x, quire_pfn_t low, quire_pfn_t high)
{
	return x < low ? low : x > high ? high : x;
}

static void zone_span(const struct capture *c, struct quire_node *node, struct quire_zone *zone, quire_pfn_t low,
		      quire_pfn_t high, quire_pfn_t movable)
{
	quire_pfn_t start = clamp(node->start_pfn, low, high), end = clamp(node->end_pfn, low, high);
	unsigned shift = c->config.geometry.page_shift;

	if (zone->type != QUIRE_ZONE_MOVABLE && movable) {
		end = end > movable ? movable : end;
		start = start > end ? end : start;
	}
	zone->node = node;
	zone->spanned = end - start;
	zone->start_pfn = zone->spanned ? start : 0;
	for (size_t i = 0; i < c->mb.memory.cnt; i++) {
		const struct quire_memblock_region *r = &c->mb.memory.regions[i];

		if (r->nid == node->nid)
			zone->present += clamp((r->base + r->size) >> shift, start, end) -
					 clamp(r->base >> shift, start, end);
	}
}

void capture_zone_spans(struct capture *c, const quire_pfn_t *movable)
{
	unsigned shift = c->config.geometry.page_shift;

	for (unsigned nid = 0; nid < c->topology.node_count; nid++) {
		struct quire_node *node = &c->nodes[nid];

		node->nid = (int)nid;
		node->start_pfn = QUIRE_PFN_NONE;
		for (size_t i = 0; i < c->mb.memory.cnt; i++) {
			const struct quire_memblock_region *r = &c->mb.memory.regions[i];

			if (r->nid != (int)nid)
				continue;
			node->has_memory = true;
			if (node->start_pfn == QUIRE_PFN_NONE)
				node->start_pfn = r->base >> shift;
			node->end_pfn = (r->base + r->size) >> shift;
		}
		if (!node->has_memory) {
			node->start_pfn = 0;
			continue;
		}
		for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++) {
			quire_pfn_t low = c->topology.zone_low[type], high = c->topology.zone_high[type];

			node->zones[type].type = (enum quire_zone_type)type;
			if (type == QUIRE_ZONE_MOVABLE) {
				low = movable[nid];
				high = low ? node->end_pfn : 0;
			}
			zone_span(c, node, &node->zones[type], low, high, movable[nid]);
		}
	}
}

static bool architecture(struct capture *c, const char *log)
{
	static const struct {
		const char *prefix;
		enum quire_arch arch;
		unsigned zones;
		struct quire_geometry geometry;
	} known[] = {
		{ "x86_64-", QUIRE_ARCH_X86_64, 0x37, { 12, 27, 46, 10, 10, 9, 64 } },
		{ "arm64-", QUIRE_ARCH_ARM64, 0x17, { 12, 27, 48, 4, 10, 9, 64 } },
		{ "i386-pae", QUIRE_ARCH_I386_PAE, 0x1d, { 12, 29, 36, 0, 10, 9, 40 } },
		{ "i386-nopae", QUIRE_ARCH_I386, 0x1d, { 12, 26, 32, 0, 10, 10, 40 } },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strncmp(c->name, known[i].prefix, strlen(known[i].prefix)))
			continue;
		c->config.arch = known[i].arch;
		c->config.geometry = known[i].geometry;
		c->config.zone_mask = known[i].zones;
		c->config.rules = strstr(log, "Linux version 6.12") ? QUIRE_RULES_6_12 : QUIRE_RULES_6_1;
		if (c->config.arch == QUIRE_ARCH_ARM64 && c->config.rules == QUIRE_RULES_6_12)
			c->config.zone_mask |= 1u << QUIRE_ZONE_DEVICE;
		c->config.model = c->config.geometry.nodes_shift ? QUIRE_MODEL_SPARSEMEM_VMEMMAP : QUIRE_MODEL_FLATMEM;
		c->config.page_stride = 16;
		return true;
	}
	return false;
}

/* The text of a log line after the time stamp. */
static const char *text_of(const char *line)
{
	const char *text = *line == '[' ? strchr(line, ']') : NULL;

	return text && text[1] == ' ' ? text + 2 : line;
}

/* With memblock=debug: where nodes' descriptors are, and what was asked for and found for usage maps. */
static void read_allocation(struct capture *c, const char *line)
{
	struct capture_usage *usage = &c->usage[c->usage_count];
	unsigned long long start, end;
	const char *at;
	int nid;

	if ((sscanf(line, "NODE_DATA(%*d) allocated [mem %llx", &start) == 1 ||
	     sscanf(line, "NUMA: NODE_DATA [mem %llx", &start) == 1) && c->described < CAPTURE_NODES)
		c->descriptor[c->described++] = start;
	at = strstr(line, "align=0x40 nid=");
	if (at && strstr(line, "sparse_init_nid+") && c->usage_count + 1 < CAPTURE_LINES &&
	    sscanf(at, "align=0x40 nid=%d from=%llx max_addr=%llx", &nid, &start, &end) == 3 && end)
		*usage = (struct capture_usage){ .nid = nid, .from = start, .to = end };
	else if (usage->to && sscanf(line, "memblock_reserve: [%llx", &start) == 1) {
		usage->at = start;
		c->usage_count++;
	}
}

static void read_line(struct capture *c, const char *line, quire_pfn_t *movable)
{
	static const char *const zones[] = { "DMA", "DMA32", "Normal", "HighMem" };
	unsigned long long start, end;
	char word[32];
	int nid;

	if (sscanf(line, " node %d: [mem %llx-%llx]", &nid, &start, &end) == 3)
		capture_add(c, start >> 12, (end + 1) >> 12, nid, 0);
	else if (sscanf(line, " Node %d: %llx", &nid, &start) == 2)
		movable[nid] = start >> 12;
	else if (sscanf(line, "On node %d, zone %31[^:]: %llu pages in unavail", &nid, word, &start) == 3)
		snprintf(c->unavailable[c->unavailable_count++], sizeof(c->unavailable[0]), "%s", line);
	else if (!strcmp(line, "MEMBLOCK configuration:"))
		c->mb.reserved = (struct quire_memblock_type){ .regions = c->reserved, .max = CAPTURE_RESERVED };
	else if (sscanf(line, " reserved[%*i] [%llx-%llx]", &start, &end) == 2 && c->mb.reserved.cnt < c->mb.reserved.max)
		c->reserved[c->mb.reserved.cnt++] = (struct quire_memblock_region){ start, end + 1 - start, 0,
										    QUIRE_NO_NODE };
	else if (!strncmp(line, "mminit::pageflags_layout", 24))
		snprintf(c->layout[c->layout_count++], sizeof(c->layout[0]), "%s", line);
	else if (sscanf(line, "node %d deferred pages initialised", &nid) == 1 && strstr(line, "deferred pages init"))
		c->deferred[nid] = true;
	else if (sscanf(line, " %31s [mem %llx-%llx]", word, &start, &end) == 3)
		for (unsigned i = 0; i < 4; i++)
			if (!strncmp(line, "  ", 2) && !strcmp(word, zones[i])) {
				c->topology.zone_low[i] = start >> 12;
				c->topology.zone_high[i] = (end + 1) >> 12;
			}
}

bool capture_load(struct capture *c, const char *directory, const char *name)
{
	static char log[4 << 20];
	quire_pfn_t movable[CAPTURE_NODES] = { 0 };
	char path[1024];
	size_t size;
	FILE *file;

	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s/dmesg.txt", directory, name);
	file = fopen(path, "r");
	if (!file)
		return false;
	size = fread(log, 1, sizeof(log) - 1, file);
	log[size] = 0;
	fclose(file);
	if (!architecture(c, log))
		return false;
	c->topology.config = &c->config;
	for (char *line = strtok(log, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		read_allocation(c, text_of(line));
		read_line(c, text_of(line), movable);
	}
	capture_zone_spans(c, movable);
	return true;
}

size_t capture_each(void (*test)(const struct capture *c))
{
	static struct capture capture;
	const char *directory = getenv("QUIRE_CAPTURES");
	struct dirent **names;
	size_t count = 0;
	int entries;

	if (!directory)
		directory = "../shared/captures";
	entries = scandir(directory, &names, NULL, alphasort);
	for (int i = 0; i < entries; i++) {
		if (capture_load(&capture, directory, names[i]->d_name)) {
			test(&capture);
			count++;
		}
		free(names[i]);
	}
	if (entries >= 0)
		free(names);
	return count;
}
