/*
 * What of nodes and zones changes when memory goes on or off line: spans, sums, zonelists. For hotplug, one caller at a
 * time; all but the *_room functions are infallible, so that an operation can make sure of everything first.
 */
#ifndef QI_TOPOLOGY_GROWTH_H
#define QI_TOPOLOGY_GROWTH_H

#include <quire/topology.h>
#include <quire/watermark.h>

/*
 * Around changes of spans, map and lists: who looks a frame's zone up, or a request that found nothing, waits for the
 * end. No lookup and no allocation inside.
 */
void qi_topology_begin(struct quire_topology *t);
void qi_topology_end(struct quire_topology *t);

/* The zone's span, and its node's, come to include frames [pfn, pfn + pages). */
void qi_zone_span_grow(struct quire_zone *zone, quire_pfn_t pfn, uint64_t pages);

/*
 * The map knows already that [pfn, pfn + pages) has left the zone: where the zone began or ended with it, the span
 * shrinks to the next memory that is the zone's, in steps of 2 MiB. A gap in the middle shrinks nothing. The node's span
 * follows. ZONE_DEVICE is never shrunk.
 */
void qi_zone_span_shrink(const struct quire_topology *t, const struct quire_memblock *mb, struct quire_zone *zone,
			 quire_pfn_t pfn, uint64_t pages);

/* Frames that came (or, negative, went): zone and node present; early: from boot. */
void qi_zone_count_present(struct quire_zone *zone, int64_t pages, bool early);

/*
 * Room for the lists of all online nodes and of `newcomer` (or NULL), should one more zone become populated.
 * QUIRE_ENOMEM.
 */
enum quire_status qi_zonelists_room(struct quire_topology *t, const struct quire_node *newcomer);
/* Lists and fallback orders of all online nodes, in place. cpu_penalty: nodes with CPUs are a little farther, as when
 * lists are rebuilt once CPUs are known. */
void qi_zonelists_fill(struct quire_topology *t, bool cpu_penalty);

/* Watermarks, reserves and per-CPU sizes after managed has changed; zones that became empty have none. */
void qi_watermarks_follow(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state);

#endif
