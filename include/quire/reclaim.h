/*
 * Getting memory back: shrinkers, the background reclaimer, and what else may be asked when memory is short.
 *
 * Quire does not know what the embedder's memory holds, so it cannot reclaim by itself. Whoever keeps frames that he can
 * do without registers a shrinker. Shrinkers run in two ways: in the background, when a zone fell below its low watermark,
 * until all zones of the node are above their high ones (quire_reclaim_tick); and directly, out of a request that may wait
 * and found nothing above the minimum.
 *
 * The platform's part is optional (quire_platform): reclaim_wake starts the embedder's background thread, which calls
 * quire_reclaim_tick(); out_of_memory is the last resort; wait sleeps a moment between attempts; task says on whose behalf
 * a request is made.
 *
 * The road of a request that finds nothing: wake the reclaimer; ask above the minimum, as far into
 * the reserves as the flags go; shrinkers; give atomic reserves and CPUs' frames back; ask again while somebody frees
 * something, 16 rounds at most; the out-of-memory hook. Requests above order 3 give up after one round unless RETRY_MAYFAIL.
 *
 * Locking: any CPU, at the same time. The tick runs shrinkers and belongs where they may run; two ticks for one node share
 * the work. Shrinkers may be registered at any time; memory runs short, and they are asked, from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_RECLAIM_H
#define QUIRE_RECLAIM_H

#include <quire/page_alloc.h>

struct quire;

/* What is wanted of a shrinker. */
struct quire_reclaim {
	int nid;			/* from this node */
	enum quire_zone_type highest;	/* frames of zones above this do not help */
	unsigned order;			/* of the request that is short; 0 in the background */
	unsigned priority;		/* 12 to 1: look at one in 2^priority of what there is; 1 is urgent */
	uint64_t target;		/* frames that would do */
	quire_gfp_t gfp;		/* of the request: without IO or FS the shrinker must not use them */
	bool background;
};

/*
 * Somebody who can give frames back. `scan` frees what it can spare towards the target, with the ordinary calls, and
 * returns how many frames that were; `count` (optional) tells how many frames of the node it could free in the end, and
 * is what "is it worth trying again" is judged by. Both may be called from several CPUs at once, from any context that
 * asks with DIRECT_RECLAIM; they must not themselves ask with it. The structure belongs to the embedder and stays where
 * it is while registered.
 */
struct quire_shrinker {
	const char *name;
	uint64_t (*count)(void *ctx, int nid);
	uint64_t (*scan)(void *ctx, const struct quire_reclaim *reclaim);
	void *ctx;
	struct quire_shrinker *next;	/* the engine's */
};

/* QUIRE_EINVAL: no scan; QUIRE_EEXIST: it is registered. Shrinkers are asked in the order in which they were registered. */
enum quire_status quire_register_shrinker(struct quire *q, struct quire_shrinker *shrinker);
/*
 * Nobody is in it, or will be, once this returns QUIRE_OK. QUIRE_ENOENT: it is not registered; QUIRE_EBUSY: somebody is
 * among the shrinkers just now, ask again; so it always is from inside one.
 */
enum quire_status quire_unregister_shrinker(struct quire *q, struct quire_shrinker *shrinker);

/*
 * The background reclaimer's turn: bring the nodes that were woken (nid QUIRE_NO_NODE) or node nid above their high
 * watermarks, boosts included, and end the boosts. Call it from the thread that reclaim_wake woke, or from a timer. Returns
 * frames freed. A node that yields nothing 16 times is left alone until somebody frees something in direct reclaim.
 */
uint64_t quire_reclaim_tick(struct quire *q, int nid);

/* Has some node asked for the background reclaimer and not had it yet? */
bool quire_reclaim_wanted(const struct quire *q);

#endif
