/* See cma.h. */
#include "cma.h"

#include <string.h>

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

/* Gigantic pages' areas: the total in equal parts, whole gigabytes, until nothing is left. */
static bool hugetlb_next(const struct quire *q, struct quire_cma_request *request)
{
	quire_phys_t wanted = q->config.options.hugetlb_cma, taken = 0, share;
	unsigned nodes = memory_nodes(q);
	int after = -1;

	if (wanted < GIB || !nodes)
		return false;
	share = (wanted + nodes - 1) / nodes;
	for (size_t i = 0; i < q->cma_count; i++) {
		if (strncmp(q->cma[i].name, HUGETLB_NAME, strlen(HUGETLB_NAME)) != 0)
			continue;
		taken += q->cma[i].count << quire_page_shift(&q->config);
		after = q->cma[i].nid;
	}
	if (taken >= wanted)
		return false;
	for (unsigned nid = (unsigned)(after + 1); nid < q->topology.node_count; nid++) {
		if (!q->topology.nodes[nid] || !q->topology.nodes[nid]->online)
			continue;
		*request = (struct quire_cma_request){ .nid = (int)nid, .name = HUGETLB_NAME };
		request->size = share < wanted - taken ? share : wanted - taken;
		request->size = (request->size + GIB - 1) & ~(GIB - 1);
		return true;
	}
	return false;
}

static bool default_next(const struct quire *q, struct quire_cma_request *request)
{
	const struct quire_placement *asked = &q->config.options.cma;

	if (!q->config.cma_enabled)
		return false;
	for (size_t i = 0; i < q->cma_count; i++)
		if (strcmp(q->cma[i].name, DEFAULT_NAME) == 0)
			return false;
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

bool linux_cma_next(const struct quire *q, struct quire_cma_request *request)
{
	return hugetlb_next(q, request) || default_next(q, request);
}
