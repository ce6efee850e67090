/* From firmware's report to the ledger. Internal. */
#ifndef QI_LEDGER_H
#define QI_LEDGER_H

#include <quire/quire.h>

/*
 * Enter the machine's map and reservations into q's empty memblock, as its architecture does it. Reserved memory for CMA
 * whose place is found here becomes areas of q.
 */
enum quire_status qi_ledger_fill(struct quire *q);

/* Place what the command line asks for: CMA areas and the crash kernel; needs nodes. */
enum quire_status qi_ledger_place(struct quire *q);

/* Take gigantic pages at boot; needs nodes. They stay reserved and are counted in q->gigantic. */
enum quire_status qi_ledger_gigantic(struct quire *q);

#endif
