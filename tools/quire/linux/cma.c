/* See cma.h. */
#include "cma.h"

#define GIB ((quire_phys_t)1 << 30)
#define HUGETLB_NAME "hugetlb"
#define DEFAULT_NAME "reserved"

/* Highest address every device reaches, exclusive. */
static quire_phys_t dma_limit(const struct quire *q)
{
	quire_phys_t limit = q->machine->dma_limit ? q->machine->dma_limit : 4 * GIB;

	if (limit > 4 * GIB)
		limit = 4 * GIB;
	return quire_memblock_start_of_dram(&q->memblock) >= limit ? 0 : limit;
}

static unsigned memory_nodes(const struct quire *q)
{
	unsigned count = 0;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		count += q->topology.nodes[nid] && q->topology.nodes[nid]->online;
	return count;
}

/* An area's size: equal parts of the total, in whole gigabytes. */
static quire_phys_t hugetlb_share(const struct quire *q)
{
	unsigned nodes = memory_nodes(q);
	quire_phys_t wanted = q->config.options.hugetlb_cma;

	if (wanted < GIB || !nodes)
		return 0;
	return ((wanted + nodes - 1) / nodes + GIB - 1) & ~(GIB - 1);
}

/* Gigantic pages' areas: a share from each node until nothing is left. */
static bool hugetlb_next(const struct quire *q, struct linux_cma *at, struct quire_cma_request *request)
{
	quire_phys_t share = hugetlb_share(q), wanted = q->config.options.hugetlb_cma;

	if (!share || at->hugetlb_taken >= wanted)
		return false;
	for (; at->nid < q->topology.node_count; at->nid++) {
		if (!q->topology.nodes[at->nid] || !q->topology.nodes[at->nid]->online)
			continue;
		*request = (struct quire_cma_request){ .nid = (int)at->nid, .name = HUGETLB_NAME };
		request->size = share < wanted - at->hugetlb_taken ? share : wanted - at->hugetlb_taken;
		request->size = (request->size + GIB - 1) & ~(GIB - 1);
		at->nid++;
		return true;
	}
	return false;
}

static bool default_next(const struct quire *q, struct linux_cma *at, struct quire_cma_request *request)
{
	const struct quire_placement *asked = &q->config.options.cma;

	if (!q->config.cma_enabled || at->default_done)
		return false;
	at->default_done = true;
	for (size_t i = 0; i < q->machine->reservation_count; i++)
		if (q->machine->reservations[i].is_default_cma && !asked->given)
			return false;
	*request = (struct quire_cma_request){
		.size = q->config.cma_default_size, .limit = dma_limit(q), .nid = QUIRE_NO_NODE, .name = DEFAULT_NAME
	};
	if (asked->given) {
		request->size = asked->size;
		request->base = asked->start;
		if (asked->end && (!request->limit || asked->end < request->limit))
			request->limit = asked->end;
		request->fixed = asked->start && (!asked->end || asked->start + asked->size == asked->end);
	}
	return request->size != 0;
}

bool linux_cma_next(const struct quire *q, struct linux_cma *at, bool served, struct quire_cma_request *request)
{
	if (served && at->hugetlb_asked)
		at->hugetlb_taken += hugetlb_share(q);
	at->hugetlb_asked = hugetlb_next(q, at, request);
	return at->hugetlb_asked || default_next(q, at, request);
}
