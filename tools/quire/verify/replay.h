/*
 * Replaying a boot's logged memblock calls through our own ledger.
 *
 * State before the first logged call: memory from firmware's map as our engine makes it; reserved, which no log shows
 * before the command line was parsed, from the first table the kernel dumped less what was logged before it. From
 * there on every request is run by our allocator and its answer compared with the kernel's; where they differ the
 * kernel's is taken, to stay in step. Nodes are given to regions by our topology room, at the place in the log where
 * the kernel did it.
 */
#ifndef QUIRE_TOOL_REPLAY_H
#define QUIRE_TOOL_REPLAY_H

#include <quire/quire.h>

#include "../linux/cma.h"
#include "events.h"

struct replay_gigantic {
	quire_phys_t base, size;
	size_t line;
};

struct replay {
	struct quire *q;		/* q->memblock is the ledger */
	const struct observed *o;
	struct findings *f;		/* NULL: replay only, no checks */
	struct event_list events;
	size_t next;			/* first event not replayed */
	uint64_t trimmed;		/* bytes trimming took off without the kernel's sum noticing */
	LIST(struct replay_gigantic) gigantic;	/* pages of the huge page pool */
	unsigned node_datas;
	struct linux_cma cma;		/* areas asked for so far */
	bool cma_served;		/* the last of them was given */
	bool numa_done, first_dump_done;
};

/* Whether the log has what a replay needs: calls, and a table to start from. */
bool replay_possible(const struct observed *o);

/*
 * q has been booted up to QUIRE_STAGE_MEMBLOCK. Replay to the point where the kernel handed memory over; q->memblock
 * is then its ledger, nodes are set up and q->stage is QUIRE_STAGE_NODES.
 */
enum quire_status replay_start(struct replay *r, struct quire *q, const struct observed *o, struct findings *f);

/* Go on to the end of the log: what was freed after the hand-over leaves the tables too. */
void replay_rest(struct replay *r);

void replay_free(struct replay *r);

/* Compare a dumped pair of tables with the ledger, one item per region. */
void replay_compare_tables(struct findings *f, const struct quire *q, const struct observed_tables *theirs, const char *name,
			   bool nodes_and_flags);

#endif
