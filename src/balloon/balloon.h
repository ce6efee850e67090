/* Inside the balloon's room. */
#ifndef QI_BALLOON_H
#define QI_BALLOON_H

#include <quire/balloon.h>
#include <quire/quire.h>

#include "books/frame_set.h"
#include "page_alloc/page_alloc.h"

/* Of a key's byte: the order of the piece; it is on its way out or elsewhere, hands off. */
#define QI_BALLOON_ORDER	0x1fu
#define QI_BALLOON_BUSY		0x80u
static inline unsigned qi_balloon_order(uint64_t key) { return qi_frame_info(key) & QI_BALLOON_ORDER; }
static inline bool qi_balloon_busy(uint64_t key) { return qi_frame_info(key) & QI_BALLOON_BUSY; }
static inline struct qi_lock *qi_balloon_lock(struct quire_balloon *b) { return (struct qi_lock *)&b->lock; }

/* --- balloon.c -------------------------------------------------------------------------------------------------------- */

/* Have the hypervisor give a piece again. */
enum quire_status qi_balloon_populate(struct quire_balloon *b, quire_pfn_t pfn, unsigned order);
/* The piece that is marked busy is no longer the balloon's; or (not gone) as it was. */
void qi_balloon_settle(struct quire_balloon *b, quire_pfn_t pfn, unsigned order, bool gone);
/* As quire_balloon_deflate; with `reclaim` only what would help it. */
uint64_t qi_balloon_deflate(struct quire_balloon *b, uint64_t frames, const struct quire_reclaim *reclaim);

/* --- move.c: the balloon as an owner ---------------------------------------------------------------------------------- */

bool qi_balloon_holds(void *ctx, quire_pfn_t pfn, struct quire_held *held);
void qi_balloon_migrate(void *ctx, struct quire_move *moves, unsigned n, enum quire_migrate_mode mode);
enum quire_status qi_balloon_failing(void *ctx, quire_pfn_t pfn, unsigned order, quire_pfn_t bad);

#endif
