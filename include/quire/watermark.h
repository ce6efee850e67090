/*
 * Watermarks, lowmem reserves and the sizes of per-CPU page sets (spec 02 §9–11; differences of the rule sets as captures'
 * derived facts say). Pure arithmetic over a topology whose zones have `managed` set.
 */
#ifndef QUIRE_WATERMARK_H
#define QUIRE_WATERMARK_H

#include <quire/topology.h>

/* What the last computation came to, for reports. */
struct quire_watermark_state {
	uint64_t min_free_kbytes;		/* in force */
	uint64_t min_free_kbytes_computed;	/* by the square-root rule alone */
	uint64_t thp_recommended_kbytes;	/* 0: huge pages off or no recommendation in force */
	uint64_t lowmem_pages;
	bool mobility_grouping;			/* false: too little memory, everything is unmovable */
	uint64_t total_reserve_pages;
};

/*
 * min_free_kbytes from the current `managed` and high watermarks, clamped to 128 .. 262144; a user's value wins unless the
 * computed one is greater. Then watermarks, lowmem_reserve, pcp sizes of all zones.
 */
void quire_watermarks_init(struct quire_topology *t, const struct quire_tunables *tunables,
			   struct quire_watermark_state *state);

/* Watermarks and pcp sizes for a given min_free_kbytes: what writing the sysctl does. */
void quire_watermarks_update(struct quire_topology *t, const struct quire_tunables *tunables, uint64_t min_free_kbytes,
			     struct quire_watermark_state *state);

/*
 * What starting khugepaged does, once after quire_watermarks_init: raise min_free_kbytes to its recommendation, at most 5 %
 * of lowmem, if that is more. Decides by itself: nothing happens without huge pages in the kernel (config->thp) or on
 * machines below 512 MiB; transparent_hugepage=never makes the square-root rule apply once more, to what is beyond the high
 * marks by now.
 */
void quire_watermarks_thp(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state);

/* lowmem_reserve[] of every zone from the current `managed`. */
void quire_lowmem_reserve_update(struct quire_topology *t, const struct quire_tunables *tunables);

/* batch, high_min and high_max of every zone from `managed`, the low watermark and CPUs. */
void quire_pcp_update(struct quire_topology *t, const struct quire_tunables *tunables);

/* floor(sqrt(x)). */
uint64_t quire_isqrt(uint64_t x);

#endif
