/*
 * The memblock calls a kernel logs when it is booted with memblock=debug, as an ordered list.
 *
 * A call that allocates is logged as a request ("memblock_alloc_try_nid: …") followed by the reservation it ended in,
 * made by memblock_alloc_range_nid. Some requests are not announced: then only the reservation is there, and what
 * surrounds it in the log (NODE_DATA, cma:) says what it was for.
 */
#ifndef QUIRE_TOOL_EVENTS_H
#define QUIRE_TOOL_EVENTS_H

#include "observed.h"

enum event_kind {
	EVENT_ADD,
	EVENT_RESERVE,
	EVENT_REMOVE,
	EVENT_FREE,
	EVENT_FREE_LATE,
	EVENT_REQUEST,
	EVENT_DOUBLED,			/* base: the new table; size: its bytes; request.size: slots */
	EVENT_DUMP,			/* index: into observed.dumps */
};

enum event_request_kind { REQUEST_PHYS_RANGE, REQUEST_TRY_NID, REQUEST_EXACT_NID };

struct event_request {
	enum event_request_kind kind;
	uint64_t size, align, from, max;
	int nid;
};

struct event {
	enum event_kind kind;
	size_t line;
	uint64_t base, size;
	struct event_request request;
	size_t index;
	bool allocated;			/* RESERVE: made by the allocator, not asked for by address */
	bool node_data, cma;		/* RESERVE: what the lines after it say it is */
	bool of_memory;			/* DOUBLED: the memory table */
	int nid;			/* node_data: whose, QUIRE_NO_NODE if the line does not say */
	struct text_slice caller;	/* function name, without offset */
};

struct event_list {
	LIST(struct event) events;
};

/* All events of the log. narrow: physical addresses have 32 bits, sizes wrap there. QUIRE_ENOMEM. */
enum quire_status events_read(struct event_list *list, const struct observed *o, bool narrow);
void events_free(struct event_list *list);

#endif
