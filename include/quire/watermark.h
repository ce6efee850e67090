/*
 * Watermarks, lowmem reserves and the sizes of per-CPU page sets: pure arithmetic over a topology whose zones have
 * `managed` set. What differs between the rule sets is what recorded kernels of each were seen to do.
 *
 * The rules in short, in pages:
 *
 *	min_free	sqrt(16 * KiB of low memory beyond the high marks) KiB, 128 .. 262144; a user's value may win
 *	min		min_free, dealt out to the zones of low memory by what they manage
 *			high memory (and, 6.12 rules, Movable): managed / 1024, 32 .. 128
 *	gap		the larger of a quarter of the zone's share and managed * watermark_scale_factor / 10000
 *	low, high, promo	min + gap, min + 2 gap, min + 3 gap
 *	lowmem_reserve	for requests that could use a higher zone: managed of all zones above on the node / ratio
 *	batch		managed / 4096, at most 256 KiB, rounded to one less than a power of two, at least 1
 *	high of a CPU	the low mark (or managed / fraction) / CPUs of the node, at least 4 batches; 6.12 rules: up to
 *			managed / 8 / CPUs
 *
 * All functions write the zones of the topology and nothing else but *state. Nothing here locks or fails: boot calls
 * them in QUIRE_STAGE_WATERMARKS, the allocator when tunables change, one caller at a time. Requests on other CPUs see
 * old or new values meanwhile.
 */
#ifndef QUIRE_WATERMARK_H
#define QUIRE_WATERMARK_H

#include <quire/topology.h>

/* What the last computation came to, for reports. Written by the functions below only. */
struct quire_watermark_state {
	/* In force: what the marks were computed from. KiB. */
	uint64_t min_free_kbytes;
	/* What the square-root rule alone gives, clamped. KiB. */
	uint64_t min_free_kbytes_computed;
	/*
	 * What huge pages raised min_free_kbytes to; 0: huge pages off, or the recommendation was no more than it was.
	 * KiB.
	 */
	uint64_t thp_recommended_kbytes;
	/* Huge pages are on, so that whenever memory comes or goes their recommendation applies. Settled at boot. */
	bool thp;
	/* Managed pages of the zones min_free is dealt out to. */
	uint64_t lowmem_pages;
	/* False: too little memory, everything is unmovable (quire_topology_mobility()). */
	bool mobility_grouping;
	/* Sum over zones of high mark and largest lowmem reserve, at most what the zone manages: not for page cache. */
	uint64_t total_reserve_pages;
};

/*
 * min_free_kbytes from the current `managed` and high watermarks (none at boot), by the square-root rule. A value the
 * user gave (tunables->min_free_kbytes >= 0) wins unless the computed one is greater; if it wins, the log says so. Then
 * lowmem reserves, watermarks and per-CPU sizes of all zones, and all of *state.
 */
void quire_watermarks_init(struct quire_topology *t, const struct quire_tunables *tunables,
			   struct quire_watermark_state *state);

/*
 * Watermarks and per-CPU sizes for a given min_free_kbytes (KiB, taken as it is): what writing the sysctl does. Boosts
 * end. Sets min_free_kbytes, lowmem_pages and total_reserve_pages of *state; lowmem reserves are not computed anew.
 */
void quire_watermarks_update(struct quire_topology *t, const struct quire_tunables *tunables, uint64_t min_free_kbytes,
			     struct quire_watermark_state *state);

/*
 * What starting khugepaged does, once after quire_watermarks_init(): raise min_free_kbytes to its recommendation, if
 * that is more. It is, for each populated zone up to Normal, two pageblocks and one for each pair of mobility types
 * that requests can ask for; at most 5 % of the low memory beyond the high marks.
 *
 * Decides by itself: nothing happens without huge pages in the kernel (config->thp) or on machines that manage less
 * than 512 MiB; transparent_hugepage=never makes the square-root rule apply once more, to what is beyond the high marks
 * by now.
 */
void quire_watermarks_thp(struct quire_topology *t, const struct quire_tunables *tunables,
			  struct quire_watermark_state *state);

/* lowmem_reserve[] of every zone from the current `managed` and lowmem_reserve_ratio; a ratio of 0 reserves nothing. */
void quire_lowmem_reserve_update(struct quire_topology *t, const struct quire_tunables *tunables);

/*
 * pcp_batch, pcp_high_min, pcp_high_max and stat_threshold of every populated zone, from `managed`, the low watermark
 * and the CPUs of the zone's node (all CPUs where it has none). Call it after the marks are set.
 */
void quire_pcp_update(struct quire_topology *t, const struct quire_tunables *tunables);

/* floor(sqrt(x)), for any x. Callable anywhere. */
uint64_t quire_isqrt(uint64_t x);

#endif
