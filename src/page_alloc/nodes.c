/* Which nodes a request may use: masks, and the memory policies made of them. */
#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_NUMA

int qi_nearest_online(const struct quire *q, int nid)
{
	const struct quire_topology *t = &q->topology;
	int nearest = nid;

	for (int other = (int)t->node_count - 1; other >= 0; other--)
		if (t->nodes[other] && t->nodes[other]->online &&
		    (nearest == nid || quire_node_distance(t, nid, other) <= quire_node_distance(t, nid, nearest)))
			nearest = other;
	return nearest;
}

#endif

/* Is there memory at all on a node of the mask? */
static bool has_memory(const struct quire *q, const struct quire_nodemask *mask)
{
	for (unsigned nid = 0; nid < q->topology.node_count; nid++)
		if (quire_nodemask_test(mask, (int)nid) && q->topology.nodes[nid] &&
		    q->topology.nodes[nid]->zonelists[0].count)
			return true;
	return false;
}

enum quire_status quire_alloc_frames_mask(struct quire *q, int nid, const struct quire_nodemask *mask, unsigned order,
					  quire_gfp_t gfp, quire_pfn_t *pfn)
{
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, order, gfp, &walk);

	if (status != QUIRE_OK)
		return status;
	walk.mask = mask;
	if (mask && !qi_walk_preferred(&walk) && !has_memory(q, mask))
		return qi_refuse_request(q, QUIRE_EINVAL, order, gfp, "no node of the mask has memory");
	return qi_walk_run_from(&walk, QI_SITE, pfn);
}

/* The n-th node of the mask that has memory, counted around. QUIRE_NO_NODE: there is none. */
static int node_in_turn(const struct quire *q, const struct quire_nodemask *mask, uint32_t n)
{
	uint32_t nodes = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
			const struct quire_node *node = q->topology.nodes[nid];

			if (!quire_nodemask_test(mask, (int)nid) || !node || !node->present)
				continue;
			if (pass && !n--)
				return (int)nid;
			nodes += !pass;
		}
		if (!nodes)
			break;
		n %= nodes;
	}
	return QUIRE_NO_NODE;
}

static enum quire_status interleave(struct quire *q, struct quire_policy *policy, unsigned order, quire_gfp_t gfp,
				    const void *site, quire_pfn_t *pfn)
{
	int nid = node_in_turn(q, &policy->nodes, __atomic_fetch_add(&policy->next, 1, __ATOMIC_RELAXED));
	struct qi_walk walk;
	enum quire_status status;

	if (nid == QUIRE_NO_NODE)
		return qi_refuse_request(q, QUIRE_EINVAL, order, gfp, "no node of the policy has memory");
	status = qi_walk_begin(q, nid, order, gfp, &walk);
	if (status != QUIRE_OK)
		return status;
	walk.interleave = true;
	return qi_walk_run_from(&walk, site, pfn);
}

enum quire_status quire_alloc_frames_policy(struct quire *q, struct quire_policy *policy, unsigned order, quire_gfp_t gfp,
					    quire_pfn_t *pfn)
{
	switch (policy->mode) {
	case QUIRE_POLICY_LOCAL:
		return quire_alloc_frames(q, QUIRE_NO_NODE, order, gfp, pfn);
	case QUIRE_POLICY_PREFERRED:
		return quire_alloc_frames(q, policy->preferred, order, gfp, pfn);
	case QUIRE_POLICY_BIND:
		return quire_alloc_frames_mask(q, QUIRE_NO_NODE, &policy->nodes, order, gfp, pfn);
	case QUIRE_POLICY_INTERLEAVE:
		return interleave(q, policy, order, gfp, QI_SITE, pfn);
	default:
		return qi_refuse_request(q, QUIRE_EINVAL, order, gfp, "there is no such policy");
	}
}
