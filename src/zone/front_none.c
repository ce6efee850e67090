/* Requests and frees in a build without fronts: the tree, under the zone's lock. */
#include "zone/front_internal.h"

#ifdef QUIRE_WITHOUT_FRONTS

enum quire_status qi_front_alloc_slow(struct qi_zone *za, unsigned cpu, const struct qi_request *request, quire_pfn_t *pfn)
{
	(void)cpu;
	return qi_alloc_from_tree(za, request, pfn);
}

enum quire_status qi_front_free_tree(struct qi_zone *za, quire_pfn_t pfn, unsigned order)
{
	return qi_free_to_tree(za, pfn, order);
}

#endif
