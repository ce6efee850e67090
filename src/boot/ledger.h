/* From firmware's report to the ledger. Internal. */
#ifndef QI_LEDGER_H
#define QI_LEDGER_H

#include <quire/quire.h>

/* Enter machine->map and machine->reservations into an empty memblock, as the architecture of `config` does it. */
enum quire_status qi_ledger_fill(struct quire_memblock *mb, const struct quire_machine *machine, const struct quire_config *config,
				 const struct quire_platform *platform);

/* Place what the command line asks for: CMA areas and the crash kernel; needs nodes. */
enum quire_status qi_ledger_place(struct quire *q);

/* Take gigantic pages at boot; needs nodes. They stay reserved and are counted in q->gigantic. */
enum quire_status qi_ledger_gigantic(struct quire *q);

#endif
