/* Filling the pool of huge pages; see huge_pages.h. */
#include "huge_pages.h"

#include <quire/page_alloc.h>

bool linux_is_gigantic(const struct quire *q, const struct quire_hugepage_request *request)
{
	return request->page_size > (quire_phys_t)1 << (quire_page_shift(&q->config) + quire_max_order(&q->config));
}

/* One block, of the node or of the first in turn that has one. *nid: whose it was. */
static bool take_one(struct quire *q, bool this_node, unsigned order, int *nid)
{
	const quire_gfp_t gfp = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_COMP | QUIRE_GFP_RETRY_MAYFAIL | QUIRE_GFP_NOWARN |
				QUIRE_GFP_THISNODE;
	unsigned nodes = q->topology.node_count;
	quire_pfn_t pfn;

	for (unsigned step = 1; step <= nodes; step++) {
		int next = this_node ? *nid : (int)((unsigned)(*nid + (int)step) % nodes);
		const struct quire_node *node = quire_topology_node(&q->topology, next);

		if (node && node->has_memory && quire_alloc_frames(q, next, order, gfp, &pfn) == QUIRE_OK) {
			*nid = next;
			return true;
		}
		if (this_node)
			break;
	}
	return false;
}

uint64_t linux_take_huge_pages(struct quire *q, const struct quire_hugepage_request *request)
{
	bool this_node = request->nid != QUIRE_NO_NODE;
	int nid = this_node ? request->nid : -1;
	unsigned order = 0;
	uint64_t taken = 0;

	if (linux_is_gigantic(q, request))
		return 0;
	while (((quire_phys_t)1 << (quire_page_shift(&q->config) + order)) < request->page_size)
		order++;
	while (taken < request->count && take_one(q, this_node, order, &nid))
		taken++;
	/* What came along to the CPU's front is nobody's. */
	quire_drain_frames(q);
	return taken;
}
