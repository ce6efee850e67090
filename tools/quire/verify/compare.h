/* The topics of a verification. Each function makes its checks and reports them to c->f. */
#ifndef QUIRE_TOOL_COMPARE_H
#define QUIRE_TOOL_COMPARE_H

#include <quire/quire.h>

#include "../linux/ledger.h"
#include "observed.h"

/* Memory that was not there at boot; see plugged.c. */
struct plugged_range {
	quire_phys_t base, size;
	int nid;
	enum quire_zone_type zone;
};

struct compare {
	struct findings *f;
	const struct observed *o;
	struct quire *q;			/* zones planned; managed and watermarks are set by compare_managed() */
	const struct linux_ledger *ledger;
	bool exact;				/* the ledger is a replay, not an estimate */
	struct linux_count free;		/* given to zones at hand-over */
	struct linux_count early;		/* … and what they had when watermarks were first computed */
	struct linux_count gigantic, late;	/* added afterwards */
	struct linux_count cma;			/* part of free that CMA areas hold */
	LIST(struct plugged_range) plugged;
	bool plugged_online;
	/* In later stages: the largest that a CPU's high has been allowed so far, by node and zone. NULL: at boot. */
	const uint64_t (*pcp_most)[QUIRE_ZONE_TYPES];
	/* lowmem_reserve as first computed, by node, zone, and highest zone of the request */
	uint64_t protection[QUIRE_MAX_NODES][QUIRE_ZONE_TYPES][QUIRE_ZONE_TYPES];
};

/* consistency.c: notes where the capture disagrees with itself. */
void compare_consistency(struct compare *c);
/* compare_zones.c: ranges, movable starts, early ranges, node spans, unavailable pages, counts of older kernels. */
void compare_zones(struct compare *c);
/* … and what zoneinfo says of spans, which includes memory plugged in meanwhile. */
void compare_zone_sizes(struct compare *c);
/* compare_lists.c: fallback orders, zonelists, "Built", policy zone, page-flags layout. */
void compare_lists(struct compare *c);
/* compare_memory.c: sets managed; the "Memory:" line and deferred initialisation; managed and CMA of zones. */
void compare_managed(struct compare *c);
void compare_memory_line(struct compare *c);
void compare_memory(struct compare *c);
/* compare_marks.c: computes and compares watermarks, min_free_kbytes, protection, per-CPU sets. */
void compute_watermarks(struct compare *c);
void compare_marks(struct compare *c);
/* compare_blocks.c: memory blocks, pageblocks, frames without a descriptor, node lists. */
void compare_blocks(struct compare *c);

/*
 * plugged.c, in this order: find what was plugged in; bring it online in the zones (true if there was any; managed of
 * zones and `late` grow); enter it in the ledger, for what looks at blocks.
 */
void plugged_find(struct compare *c);
bool plugged_bring_online(struct compare *c);
void plugged_enter_ledger(struct compare *c);
/* The range that holds all of [base, base + size), or NULL. */
const struct plugged_range *plugged_at(const struct compare *c, quire_phys_t base, quire_phys_t size);

static inline struct quire_zone *compare_zone(const struct compare *c, int nid, enum quire_zone_type type)
{
	struct quire_node *node = nid >= 0 && nid < QUIRE_MAX_NODES ? c->q->topology.nodes[nid] : NULL;

	return node ? &node->zones[type] : NULL;
}

#endif
