/*
 * What a kernel's boot log says about nodes and zones, as ledger and topology: enough for everything the memmap plans. Read
 * here with a dozen lines of its own, so that the planner is tested against the kernel and not against our own readers.
 */
#ifndef TEST_MEMMAP_CAPTURE_H
#define TEST_MEMMAP_CAPTURE_H

#include <quire/quire.h>

#define CAPTURE_NODES 64
#define CAPTURE_LINES 64
#define CAPTURE_RESERVED 512

/* A request for usage maps, bytes: [from, to) wanted for node nid, found at `at`. */
struct capture_usage {
	int nid;
	quire_phys_t from, to, at;
};

struct capture {
	char name[256];
	struct quire_config config;
	struct quire_memblock mb;
	struct quire_memblock_region reserved[CAPTURE_RESERVED];	/* the log's last dump of the table */
	struct quire_topology topology;
	struct quire_node nodes[CAPTURE_NODES];
	char unavailable[CAPTURE_LINES][96];	/* "On node 0, zone DMA: 1 pages in unavailable ranges" */
	size_t unavailable_count;
	char layout[CAPTURE_LINES][160];
	size_t layout_count;
	quire_phys_t descriptor[CAPTURE_NODES];	/* of each node; 0: not said */
	unsigned described;
	struct capture_usage usage[CAPTURE_LINES];
	size_t usage_count;
	bool deferred[CAPTURE_NODES];		/* node printed "deferred pages initialised" */
};

/* Fill `c` from directory/name/dmesg.txt. False if it is not one of the architectures, or has no log. */
bool capture_load(struct capture *c, const char *directory, const char *name);

/* Call test(c) for every capture there is; returns how many. */
size_t capture_each(void (*test)(const struct capture *c));

/* For hand-made machines: spans and present from memblock and zone limits, as captures' fact 1 says. */
void capture_zone_spans(struct capture *c, const quire_pfn_t *movable);
void capture_add(struct capture *c, quire_pfn_t start, quire_pfn_t end, int nid, uint32_t flags);

#endif
