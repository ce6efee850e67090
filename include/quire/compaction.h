/*
 * Compaction: making large free blocks out of scattered free frames, by moving what is in the way.
 *
 * The field has two scanners per zone, which go towards each other and move what one finds in use to what the other finds
 * free. Here the free tree knows how full each pageblock is: those with least in use are cleared into the
 * fullest ones, and only if all that is in them has an owner (mobility.h) who can move it. src/mobility/compact.c says
 * where that differs from the field, and why it ends. Without owners nothing is tried.
 *
 * It runs directly, for a request of order > 0 that reclaim alone cannot serve; in the background
 * (quire_compaction_tick), woken by such requests and, proactively, where a node's fragmentation score is high; and
 * when asked (quire_compact_node). A request's run gives the block it made to that request, not to whoever comes first.
 *
 * Locking: any CPU, no lock of the engine held, contexts that may wait. One run per zone at a time: another one finds it
 * CONTENDED. Indices, scores and counters are read without locks and may be asked for anywhere. Available from
 * QUIRE_STAGE_WATERMARKS on; before that, and for zones that are not open, nothing is done and everything is 0.
 */
#ifndef QUIRE_COMPACTION_H
#define QUIRE_COMPACTION_H

#include <quire/mobility.h>

struct quire;
struct quire_zone;

/* In rising order of what was achieved; over several zones the highest counts. */
enum quire_compact_result {
	QUIRE_COMPACT_SKIPPED,		/* too little free memory to move things to, or it would not help */
	QUIRE_COMPACT_DEFERRED,		/* failed here lately */
	QUIRE_COMPACT_NO_SUITABLE,	/* no pageblock worth it */
	QUIRE_COMPACT_COMPLETE,		/* the whole zone was gone through, in vain */
	QUIRE_COMPACT_PARTIAL,		/* a part of it */
	QUIRE_COMPACT_CONTENDED,	/* stopped: somebody else, or the caller's wish */
	QUIRE_COMPACT_SUCCESS,		/* there is a block of the order now */
	QUIRE_COMPACT_RESULTS
};
/* The field's word, a static string: "skipped", "partial_skipped", "success" ...; "?" for values out of range. */
const char *quire_compact_result_name(enum quire_compact_result result);

/* Since boot, per zone. Names of the field's vmstat items without "compact_". */
struct quire_compact_stats {
	uint64_t migrate_scanned, free_scanned;	/* frames of pageblocks asked about; frames taken as targets */
	uint64_t isolated;			/* frames that moved, and their targets */
	uint64_t moved;				/* frames */
	uint64_t failed;			/* pageblocks (or larger ranges) that could not be cleared */
	uint64_t stall, success, fail;		/* direct runs; of them with and without a block in the end */
	uint64_t daemon_wake;			/* background runs */
};

/*
 * Would it help a request of `order`, and if not, why: -1000 a block is free; 0 .. 1000 the fragmentation
 * index, towards 0 lack of memory, towards 1000 fragmentation.
 */
int quire_fragmentation_index(const struct quire_zone *zone, unsigned order);
/* Per mille of free memory that is useless for blocks of `order`. */
unsigned quire_unusable_index(const struct quire_zone *zone, unsigned order);
/* 0 .. 100, weighted over the node's zones: what proactive compaction goes by. */
unsigned quire_fragmentation_score(const struct quire *q, int nid);

/* Go through the whole of all zones of the node (QUIRE_NO_NODE: all nodes): /proc/sys/vm/compact_memory. */
enum quire_compact_result quire_compact_node(struct quire *q, int nid);

/*
 * The background compactor's turn, from the embedder's thread or timer: nodes that were woken, and, by the proactiveness
 * tunable, nodes whose score is high. now_ns of the platform paces proactive runs (every 500 ms at most; without it,
 * every call). nid: that node only, QUIRE_NO_NODE: all. Returns frames moved.
 */
uint64_t quire_compaction_tick(struct quire *q, int nid);
/* Has a request asked for the background compactor, and not had it yet? */
bool quire_compaction_wanted(const struct quire *q);
/* Of the moment; each figure by itself is right, together they may be of slightly different moments. */

void quire_zone_compact_stats(const struct quire_zone *zone, struct quire_compact_stats *stats);

#endif
