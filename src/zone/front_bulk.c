/* Many blocks at once; see front_bulk.h. */
#include "zone/front_bulk.h"

/* What is at hand of the type, as far as its word goes. */
static size_t take_word(struct qi_zone *za, unsigned cpu, const struct qi_request *request, size_t count, quire_pfn_t *pfns)
{
	struct qi_word_entry *serve;
	struct qi_front *front;
	uint64_t mask;
	size_t n = 0;

	if (cpu >= qi_front_count(za) || request->type >= QUIRE_MIGRATE_PCPTYPES)
		return 0;
	front = qi_front_of(za, cpu);
	if (!qi_front_enter(front))
		return 0;
	serve = &qi_front_cache(front, request->order)->serve[request->type];
	for (mask = serve->mask; mask && n < count; mask &= mask - 1)
		pfns[n++] = (serve->word * 64 + qi_ctz(mask)) << request->order;
	serve->mask = mask;
	qi_front_leave(front);
	return n;
}

size_t qi_front_alloc_many(struct qi_zone *za, unsigned cpu, const struct qi_request *request, size_t count,
			   quire_pfn_t *pfns)
{
	bool words = qi_word_order(request->order);
	size_t n = 0;

	for (;;) {
		if (words)
			n += take_word(za, cpu, request, count - n, pfns + n);
		if (n == count || qi_front_alloc(za, cpu, request, &pfns[n]) != QUIRE_OK)
			return n;
		n++;
	}
}

/* How many from the beginning of pfns went to words that are here and known to have them. */
static size_t give_known(struct qi_zone *za, unsigned cpu, unsigned order, size_t count, const quire_pfn_t *pfns)
{
	struct qi_word_cache *cache;
	struct qi_front *front;
	size_t n;

	if (cpu >= qi_front_count(za))
		return 0;
	front = qi_front_of(za, cpu);
	if (!qi_front_enter(front))
		return 0;
	cache = qi_front_cache(front, order);
	for (n = 0; n < count; n++) {
		quire_pfn_t pfn = pfns[n];

		if ((pfn & ((1ull << order) - 1)) ||
		    qi_word_put(cache, pfn >> order >> 6, 1ull << (pfn >> order & 63)) != QUIRE_OK)
			break;
	}
	qi_front_leave(front);
	return n;
}

enum quire_status qi_front_free_many(struct qi_zone *za, unsigned cpu, unsigned order, size_t count, const quire_pfn_t *pfns,
				     size_t *done)
{
	enum quire_status status = QUIRE_OK;
	bool words = qi_word_order(order);

	for (*done = 0; *done < count; ++*done) {
		if (words)
			*done += give_known(za, cpu, order, count - *done, pfns + *done);
		if (*done == count)
			break;
		status = qi_front_free(za, cpu, pfns[*done], order);
		if (status != QUIRE_OK)
			break;
	}
	return status;
}
