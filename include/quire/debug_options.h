/*
 * What can be switched on to find mistakes in the use of memory; part of quire_boot_options, so that the kernel command
 * line or the embedder sets it before quire_init(). All zero: nothing is on, and nothing of it costs anything. What each
 * does, costs and reports is in quire/debug.h.
 */
#ifndef QUIRE_DEBUG_OPTIONS_H
#define QUIRE_DEBUG_OPTIONS_H

#include <quire/types.h>

/*
 * fail_page_alloc=interval,probability,space,times: requests that fail although there is memory. Taken in this order: a
 * request of fewer pages than what is left of `space` only uses it up; of the others every interval-th is a candidate,
 * which fails with `probability`, until that happened `times` times.
 */
struct quire_fault_options {
	/* Percent of the candidates, 0 .. 100; 0: no request fails. */
	unsigned probability;
	/* 0 and 1: every request is a candidate. */
	uint64_t interval;
	/* Pages that may be had first. */
	uint64_t space;
	/* -1: no end. */
	int64_t times;
	/* Requests of smaller orders are left alone. The field's default is 1; zeroed options have 0. */
	unsigned min_order;
	/* So are requests with HIGHMEM, and those that may reclaim; both true in the field's default. NOFAIL always is. */
	bool ignore_highmem, ignore_reclaim;
	/* Of the random generator: equal seeds and requests, equal failures. 0 is a seed too. */
	uint64_t seed;
};

struct quire_debug_options {
	/* page_poison=: free frames are filled, and looked at before they are handed out again. */
	bool page_poison;
	/* page_owner=on: for each block who took it, and for each frame who gave it back last. */
	bool page_owner;
	/*
	 * debug_pagealloc=on: free frames are out of the direct map where the platform can do that (set_mapped), else as
	 * page_poison.
	 */
	bool debug_pagealloc;
	/*
	 * debug_guardpage_minorder=, with debug_pagealloc only: a block smaller than this order gets a neighbourhood of
	 * that order to itself, in which nothing else is used. 0: none; at most QUIRE_GUARD_ORDER_MAX.
	 */
	unsigned guardpage_minorder;
	/* init_on_alloc=, init_on_free=: zeroed when handed out, when given back. Poisoning takes the place of both. */
	bool init_on_alloc, init_on_free;
	/* Of page_alloc.shuffle's random order. */
	uint64_t shuffle_seed;
	struct quire_fault_options faults;
};

/* The field's limit: half of the largest order. */
#define QUIRE_GUARD_ORDER_MAX 5u

#endif
