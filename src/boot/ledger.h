/* From firmware's report to the ledger. Internal. */
#ifndef QI_LEDGER_H
#define QI_LEDGER_H

#include <quire/quire.h>

/*
 * Enter the machine's map and reservations into q's empty memblock, as its architecture does it. Reserved memory for CMA
 * whose place is found here becomes areas of q.
 */
enum quire_status qi_ledger_fill(struct quire *q);

/* Highest address devices of this architecture are sure to reach, exclusive. */
quire_phys_t qi_dma_limit(const struct quire *q);

/* --- reserve.c: what the command line asks for ------------------------------------------------------------------------ */

#ifdef QUIRE_WITHOUT_BOOT_OPTIONS

static inline void qi_ledger_crashkernel(struct quire *q) { (void)q; }
static inline void qi_ledger_gigantic(struct quire *q) { (void)q; }
static inline enum quire_status qi_ledger_confine(struct quire *q)
{
	return q->machine->usable_size ? QUIRE_EUNSUPPORTED : QUIRE_OK;
}

#else

/* Place the crash kernel; needs nodes. */
void qi_ledger_crashkernel(struct quire *q);
/* Take gigantic pages at boot; needs nodes. They stay reserved and are counted in q->gigantic_bytes. */
void qi_ledger_gigantic(struct quire *q);
/* A crash kernel may be confined to a part of memory, and mem= may end it. QUIRE_ENOMEM. */
enum quire_status qi_ledger_confine(struct quire *q);

#endif

#endif
