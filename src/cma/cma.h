/* Inside the CMA room, and what boot asks of it. */
#ifndef QI_CMA_H
#define QI_CMA_H

#include <quire/quire.h>

/* --- pieces.c --------------------------------------------------------------------------------------------------------- */

/*
 * Reserve `size` bytes between the request's base and `limit` in as few pieces as most_ranges allows, each a multiple of
 * the alignment; ranges in rising order. Returns how many; 0, and nothing reserved: it cannot be done.
 */
unsigned qi_cma_find_pieces(struct quire *q, const struct quire_cma_request *request, quire_phys_t size,
			    quire_phys_t alignment, quire_phys_t limit, struct quire_cma_range *ranges);

#ifdef QUIRE_WITHOUT_CMA

static inline void qi_cma_adopt_placed(struct quire *q, const struct quire_reservation *r, quire_phys_t base)
{
	(void)q;
	(void)r;
	(void)base;
}

static inline void qi_cma_place(struct quire *q) { (void)q; }

static inline enum quire_status qi_cma_prepare(struct quire *q)
{
	(void)q;
	return QUIRE_OK;
}

static inline enum quire_status qi_cma_activate(struct quire *q)
{
	(void)q;
	return QUIRE_OK;
}

static inline void qi_cma_deactivate(struct quire *q) { (void)q; }

#else

/* --- place.c ---------------------------------------------------------------------------------------------------------- */

/*
 * A reservation whose place the ledger found becomes an area if it is for one. One that cannot be stays reserved; the log
 * says why.
 */
void qi_cma_adopt_placed(struct quire *q, const struct quire_reservation *r, quire_phys_t base);
/* The areas of reservations that came with a place, and the default one; needs nodes. */
void qi_cma_place(struct quire *q);

/* --- activate.c ------------------------------------------------------------------------------------------------------- */

/* Bitmaps for all areas, while metadata can still be had from memblock. QUIRE_ENOMEM. */
enum quire_status qi_cma_prepare(struct quire *q);
/* Give the areas to their zones, as pageblocks of type CMA; or, where that cannot be, as ordinary memory. */
enum quire_status qi_cma_activate(struct quire *q);
/* Their zones are closed again. */
void qi_cma_deactivate(struct quire *q);

#endif

/* --- bitmap.c --------------------------------------------------------------------------------------------------------- */

/* The first run of n clear bits from `from` on at which (index + offset) & mask is 0. QI_CMA_NO_BIT: none. */
#define QI_CMA_NO_BIT UINT64_MAX
uint64_t qi_cma_find_bits(const uint64_t *map, uint64_t bits, uint64_t from, uint64_t n, uint64_t mask, uint64_t offset);
void qi_cma_set_bits(uint64_t *map, uint64_t first, uint64_t n, bool value);
/* Are all of them set? */
bool qi_cma_all_set(const uint64_t *map, uint64_t first, uint64_t n);
/* The next bit from `from` on that is set (or clear); `bits` if there is none. */
uint64_t qi_cma_next_bit(const uint64_t *map, uint64_t bits, uint64_t from, bool value);

/* Bits of a range. */
static inline uint64_t qi_cma_bits(const struct quire_cma_area *area, const struct quire_cma_range *range)
{
	return range->count >> area->order_per_bit;
}

#endif
