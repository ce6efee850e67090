/*
 * Frames with descriptors: requests that return struct quire_page, reference counts, compound blocks.
 *
 * The first descriptor of a block has its order and one reference; the block goes back when the last reference is dropped.
 * With QUIRE_GFP_COMP a block of several frames is one object: the first descriptor is marked HEAD and quire_page_head()
 * finds it from any of the block's. Without, the other descriptors have no references and mean nothing until the block is
 * split.
 *
 * Who drops a reference that is not there, or names another order than the block has, is told so (status and log, with the
 * frame's story), and nothing happens.
 *
 * Locking: reference counts may be changed from any CPU. Splitting and freeing are for who holds the block.
 * Available from QUIRE_STAGE_WATERMARKS on.
 */
#ifndef QUIRE_PAGES_H
#define QUIRE_PAGES_H

#include <quire/memmap.h>
#include <quire/page_alloc.h>

/*
 * As quire_alloc_frames. Descriptors that did not exist yet are initialised (QUIRE_ENOMEM: no memory for them). A
 * frame whose descriptor is not as a free one's should be (reserved, poisoned, references) is reported and lost, never
 * handed out: QUIRE_ECORRUPT.
 */
enum quire_status quire_alloc_pages(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct quire_page **page);

/*
 * Drop one reference of a block of 2^order frames; the last one gives it back. If others remain on a block that is not
 * compound, all but its first frame go back now, and the first with the last reference, as in the field. QUIRE_EINVAL: order
 * differs; QUIRE_EEXIST: no reference left, it is free already.
 */
enum quire_status quire_free_pages(struct quire *q, struct quire_page *page, unsigned order);

/* The same without naming the order; any page of a compound block stands for the block. */
enum quire_status quire_put_page(struct quire *q, struct quire_page *page);

/* Each of the 2^order frames becomes a block of its own with one reference. Not shared, or QUIRE_EBUSY. */
enum quire_status quire_split_page(struct quire *q, struct quire_page *page, unsigned order);

/* The head of the compound block that the page is part of, else the page itself. */
struct quire_page *quire_page_head(const struct quire *q, struct quire_page *page);

#endif
