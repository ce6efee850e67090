/* A hand-made machine of two nodes: DMA32 and NORMAL on node 0, NORMAL on node 1, four CPUs, watermarks in round numbers. */
#ifndef TESTS_PAGE_ALLOC_MACHINE_H
#define TESTS_PAGE_ALLOC_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <quire/page_alloc.h>
#include <quire/quire.h>

#include "boot/meta.h"
#include "page_alloc/page_alloc.h"
#include "zone/front.h"
#include "zone/zone.h"

#define DMA32_START 256u
#define NORMAL_START 65536u
#define NODE1_START 131072u
#define ZONE_PAGES 32768u

static size_t meta_now;

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *memory = aligned_alloc(align < 64 ? 64 : align, (size + 63) / 64 * 64);

	(void)ctx;
	(void)nid;
	assert_non_null(memory);
	memset(memory, 0, size);
	meta_now += size;
	return memory;
}

static void meta_free(void *ctx, void *address, size_t size)
{
	(void)ctx;
	meta_now -= size;
	free(address);
}

static unsigned now_on;		/* the CPU the test pretends to be on */
static unsigned cpu_enter(void *ctx, unsigned long *state) { (void)ctx; (void)state; return now_on; }
static void cpu_leave(void *ctx, unsigned long state) { (void)ctx; (void)state; }
static void barrier_all(void *ctx) { (void)ctx; }
static void no_panic(void *ctx, const char *text) { (void)ctx; fail_msg("%s", text); abort(); }
static unsigned errors_logged;
static void count_errors(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	(void)ctx; (void)text; (void)len;
	errors_logged += level == QUIRE_LOG_ERROR;
}

static struct quire_platform platform = {
	.log = count_errors, .panic = no_panic, .meta_alloc = meta_alloc, .meta_free = meta_free,
	.cpu_enter = cpu_enter, .cpu_leave = cpu_leave, .barrier_all = barrier_all,
};

struct machine {
	struct quire q;
	struct quire_node nodes[2];
	struct quire_zone *lists[2][2][3];
	int cpu_node[4];
};

static void add_zone(struct machine *m, int nid, enum quire_zone_type type, quire_pfn_t start)
{
	struct quire_zone *zone = &m->nodes[nid].zones[type];

	*zone = (struct quire_zone){ .type = type, .node = &m->nodes[nid], .start_pfn = start, .spanned = ZONE_PAGES,
				     .present = ZONE_PAGES, .watermark = { 1000, 1250, 1500, 1750 } };
	assert_int_equal(qi_zone_open(&m->q, zone), QUIRE_OK);
	assert_int_equal(qi_zone_hand_over(&m->q, zone, start, ZONE_PAGES), QUIRE_OK);
	assert_int_equal(zone->managed, ZONE_PAGES);
}

static int open_machine(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));

	quire_config_defaults(&m->q.config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	m->q.config.cpus = 4;
	m->q.platform = &platform;
	m->q.stage = QUIRE_STAGE_WATERMARKS;
	m->q.watermarks.mobility_grouping = true;
	m->q.topology.config = &m->q.config;
	m->q.topology.node_count = 2;
	m->q.topology.cpu_node = m->cpu_node;
	m->q.topology.cpu_count = 4;
	m->cpu_node[2] = m->cpu_node[3] = 1;
	qi_at_hand_open(&m->q, 4);
	for (int nid = 0; nid < 2; nid++) {
		m->q.topology.nodes[nid] = &m->nodes[nid];
		m->nodes[nid].nid = nid;
	}
	add_zone(m, 0, QUIRE_ZONE_DMA32, DMA32_START);
	add_zone(m, 0, QUIRE_ZONE_NORMAL, NORMAL_START);
	add_zone(m, 1, QUIRE_ZONE_NORMAL, NODE1_START);
	m->nodes[0].zones[QUIRE_ZONE_DMA32].lowmem_reserve[QUIRE_ZONE_NORMAL] = 2988;
	for (int nid = 0; nid < 2; nid++) {
		struct quire_zone **all = m->lists[nid][0], **own = m->lists[nid][1];
		size_t n = 0, k = 0;

		for (int i = 0; i < 2; i++) {
			int other = i ? !nid : nid;

			for (int type = QUIRE_ZONE_NORMAL; type >= QUIRE_ZONE_DMA32; type--) {
				struct quire_zone *zone = &m->nodes[other].zones[type];

				if (!zone->present)
					continue;
				all[n++] = zone;
				if (!i)
					own[k++] = zone;
			}
		}
		m->nodes[nid].zonelists[QUIRE_ZONELIST_FALLBACK] = (struct quire_zonelist){ all, n, n };
		m->nodes[nid].zonelists[QUIRE_ZONELIST_NOFALLBACK] = (struct quire_zonelist){ own, k, k };
	}
	now_on = 0;
	errors_logged = 0;
	*state = m;
	return 0;
}

static inline struct quire_zone *zone_of(struct machine *m, quire_pfn_t pfn)
{
	if (pfn >= NODE1_START)
		return &m->nodes[1].zones[QUIRE_ZONE_NORMAL];
	return &m->nodes[0].zones[pfn >= NORMAL_START ? QUIRE_ZONE_NORMAL : QUIRE_ZONE_DMA32];
}

static int close_machine(void **state)
{
	struct machine *m = *state;

	for (int nid = 0; nid < 2; nid++)
		for (int type = 0; type < QUIRE_ZONE_TYPES; type++)
			qi_zone_close(&m->q, &m->nodes[nid].zones[type]);
	qi_meta_release(&m->q, NULL);
	assert_int_equal(m->q.metadata.percpu, 0);
	free(m);
	return 0;
}

#endif
