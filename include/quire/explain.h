/*
 * Why a request for frames fails, and what a frame's state is: for people, and as figures for programs.
 *
 * An explanation is made from the zones as they are when it is asked for, not from a record of the request: ask right
 * after the refusal. It applies the rules of quire_alloc_frames() (page_alloc.h) with all the reserves the flags allow,
 * that is, the last thing a request tries. Figures are read without locks: exact while no other CPU allocates, else near.
 *
 * Nothing is changed and nothing is allocated; about 3 KiB of stack are needed. May be called from any CPU at any time
 * from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_EXPLAIN_H
#define QUIRE_EXPLAIN_H

#include <quire/page_alloc.h>
#include <quire/report.h>

/* What stops a request at one zone of its zonelist, the first reason in this order. */
enum quire_zone_verdict {
	QUIRE_VERDICT_SERVES,		/* nothing does */
	QUIRE_VERDICT_TOO_HIGH,		/* the zone is above the highest the flags allow */
	QUIRE_VERDICT_CLOSED,		/* it has no allocator: nothing of it was ever handed over */
	QUIRE_VERDICT_TOO_FEW,		/* free pages would fall below what the zone keeps back */
	QUIRE_VERDICT_NO_BLOCK,		/* enough pages, but no free block of the order that the request may take */
	QUIRE_VERDICTS
};

/* One zone as a request meets it. All amounts are pages. */
struct quire_zone_explanation {
	enum quire_zone_verdict verdict;
	uint64_t free;			/* NR_FREE_PAGES: isolated pageblocks and what CPUs keep are not in it */
	uint64_t min;			/* minimum watermark, boost included */
	uint64_t mark;			/* what is left of it for a request with these flags */
	uint64_t lowmem_reserve;	/* kept for requests that cannot go higher */
	uint64_t highatomic, cma;	/* free, but not for this request; 0 where it may have them */
	uint64_t need;			/* free pages that would be enough: all of the above and the request itself */
	uint64_t kept;			/* in CPUs' fronts: taken from the zone, in nobody's hands */
	/* Largest order with a free block, up to the geometry's max_order, by type; -1: none. */
	int largest[QUIRE_MIGRATE_TYPES];
	int largest_any;		/* of what this request may take, whatever the order */
};

/* Judge one zone. Statuses of quire_alloc_frames for bad arguments; *explanation is written on QUIRE_OK only. */
enum quire_status quire_explain_zone(const struct quire *q, const struct quire_zone *zone, unsigned order,
				     quire_gfp_t gfp, struct quire_zone_explanation *explanation);

/*
 * Would the request be served now? QUIRE_OK and *zone, else the status quire_alloc_frames() would return. `zone`
 * may be NULL.
 */
enum quire_status quire_explain_outcome(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp,
					const struct quire_zone **zone);

/*
 * Print why a request fails, zone by zone in the order in which it tries them: whether it may use the zone at all; free
 * pages, watermark, reserve and what else it must not touch; whether there is a block of the order, and the largest
 * free order per migratetype. The last line is one sentence that says what would have made it succeed. Requests that
 * make no sense are told so in one line. Arguments as quire_alloc_frames().
 */
void quire_explain_failure(const struct quire *q, int nid, unsigned order, quire_gfp_t gfp,
			   const struct quire_report_sink *sink);

/*
 * The last request that failed; the last that was served, but only after reclaim or compaction. False: there was none. The
 * trace hook `slow` (vmstat.h) sees every one of both kinds.
 */
bool quire_last_failed(struct quire *q, struct quire_request_record *record);
bool quire_last_slow(struct quire *q, struct quire_request_record *record);

/* One sentence: what reclaim, compaction and the last resort did for a request, and how long that took. */
void quire_explain_record(const struct quire_request_record *record, const struct quire_report_sink *sink);

/*
 * Print a frame's story in one line: whose it is, free or allocated, as part of which block, of which type. "Allocated"
 * includes frames that a CPU keeps for reuse. Takes locks of zones: not to be called from a trace hook that has one.
 */
void quire_explain_frame(const struct quire *q, quire_pfn_t pfn, const struct quire_report_sink *sink);

/* The names of the flags, joined by '|', as "KERNEL|MOVABLE"; cut to size. Returns `text`. */
const char *quire_gfp_names(quire_gfp_t gfp, char *text, size_t size);

#endif
