/* Comparing memblock tables region by region. */
#include "replay.h"

#include <inttypes.h>

static void describe(char *text, size_t size, uint64_t first, uint64_t last, int nid, uint32_t flags,
		     bool nodes_and_flags)
{
	int length = snprintf(text, size, "[%#" PRIx64 "-%#" PRIx64 "]", first, last);

	if (!nodes_and_flags)
		return;
	if (nid != QUIRE_NO_NODE)
		length += snprintf(text + length, size - (size_t)length, " node %d", nid);
	snprintf(text + length, size - (size_t)length, " flags %#x", flags);
}

static void compare_type(struct findings *f, const struct quire *q, const struct quire_memblock_type *ours,
			 const struct observed_region *theirs, size_t count, struct origin origin, const char *name,
			 const char *table, bool nodes_and_flags)
{
	size_t most = ours->cnt > count ? ours->cnt : count;
	char a[96], b[96];

	findings_number(f, origin, ours->cnt, count, "%s %s.cnt", name, table);
	for (size_t i = 0; i < most; i++) {
		snprintf(a, sizeof(a), "nothing");
		snprintf(b, sizeof(b), "nothing");
		if (i < ours->cnt) {
			const struct quire_memblock_region *r = &ours->regions[i];
			/* A kernel without NUMA does not print nodes. */
			int nid = q->config.geometry.nodes_shift ? r->nid : QUIRE_NO_NODE;

			describe(a, sizeof(a), r->base, r->base + r->size - 1, nid, r->flags, nodes_and_flags);
		}
		if (i < count)
			describe(b, sizeof(b), theirs[i].first, theirs[i].last, theirs[i].nid, theirs[i].flags,
				 nodes_and_flags);
		findings_text(f, origin, a, b, "%s %s[%zu]", name, table, i);
	}
}

void replay_compare_tables(struct findings *f, const struct quire *q, const struct observed_tables *theirs,
			   const char *name, bool nodes_and_flags)
{
	compare_type(f, q, &q->memblock.memory, theirs->memory.items, theirs->memory.count, theirs->origin, name,
		     "memory", nodes_and_flags);
	compare_type(f, q, &q->memblock.reserved, theirs->reserved.items, theirs->reserved.count, theirs->origin, name,
		     "reserved", nodes_and_flags);
}
