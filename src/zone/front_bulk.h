/*
 * Many blocks of one order at once, on one CPU. Orders that are kept in words (0 and pageblocks) come and go by the word:
 * the front is entered once for all that is at hand, and once for all that goes to words it knows. What is not at hand
 * takes the road of a single block, which fills the next word.
 */
#ifndef QI_ZONE_FRONT_BULK_H
#define QI_ZONE_FRONT_BULK_H

#include "zone/front.h"

/* Up to `count` blocks; how many there were. */
size_t qi_front_alloc_many(struct qi_zone *za, unsigned cpu, const struct qi_request *request, size_t count,
			   quire_pfn_t *pfns);

/*
 * Give back pfns[0], pfns[1], … until one is refused or none is left. *done: how many went; the status is that of
 * pfns[*done].
 */
enum quire_status qi_front_free_many(struct qi_zone *za, unsigned cpu, unsigned order, size_t count, const quire_pfn_t *pfns,
				     size_t *done);

#endif
