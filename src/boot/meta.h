/*
 * Space for the engine's own structures: from the platform if it keeps metadata outside the machine, else from memblock
 * during boot, and from the zones' frames afterwards. Chunks are chained so that a stage that fails, or the end of a
 * machine, gives all of them back; singly they are not, so what grows at run time doubles.
 *
 * After hand-over the two allocating calls may come from any CPU, with no lock of a zone held.
 */
#ifndef QI_META_H
#define QI_META_H

#include <quire/quire.h>

/*
 * Zeroed memory, or NULL. `align` is a power of two up to a page. nid may be QUIRE_NO_NODE. Charged to *charge if not
 * NULL.
 */
void *qi_meta_alloc(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge);

/*
 * The same, but what it holds is not defined where it comes from memblock: for space most of which may never be used, so
 * that nobody touches it for nothing.
 */
void *qi_meta_alloc_raw(struct quire *q, size_t size, size_t align, int nid, uint64_t *charge);

/* Count bytes that were had, or given back, otherwise. Any CPU; zones' locks may be held. */
void qi_meta_charge(struct quire *q, uint64_t *charge, int64_t bytes);

/* Where what qi_meta_alloc gave during boot lies in the machine; QUIRE_PHYS_MAX: not in it, or not ours. O(chunks). */
quire_phys_t qi_meta_phys(const struct quire *q, const void *address);

/* Where the chain stands now, and back to it: every chunk allocated since is returned. */
struct qi_meta_chunk *qi_meta_mark(const struct quire *q);
void qi_meta_release(struct quire *q, struct qi_meta_chunk *mark);

#endif
