/* Finding one's way in the ledger's tables, for rooms that walk a part of them. */
#ifndef QI_MEMBLOCK_TABLE_H
#define QI_MEMBLOCK_TABLE_H

#include <quire/memblock.h>

/* Index of the first region that ends above / starts at or above address; cnt if there is none. O(log regions). */
size_t qi_table_ending_above(const struct quire_memblock_type *type, quire_phys_t address);
size_t qi_table_starting_from(const struct quire_memblock_type *type, quire_phys_t address);

#endif
