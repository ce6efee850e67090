/*
 * Descriptors around frames: references, order and head mark, and what is wrong with them when they are not as they should
 * be. The reference count is what tells a double free at once, whatever the CPUs' fronts keep.
 *
 * A block's order is in its first descriptor from the moment it is handed out, compound or not; it is cleared with HEAD
 * before the block goes back, while nobody else can have a reference.
 */
#include <quire/pages.h>

#include "device/device.h"
#include "page_alloc/at_hand.h"
#include "page_alloc/page_alloc.h"

/* State of a single frame, no block of more, that one has a reference to. */
#define ONE_HOLDER 1u
#define BAD_FLAGS (QUIRE_PAGE_RESERVED | QUIRE_PAGE_OFFLINE | QUIRE_PAGE_POISON | QUIRE_PAGE_HEAD)

static struct quire_page *page_at(const struct quire *q, quire_pfn_t pfn) { return quire_pfn_to_page(&q->memmap, pfn); }

/* Fit to be handed out? Every frame of the block: a bad one must not get into anybody's hands. */
static bool all_sound(const struct quire *q, quire_pfn_t pfn, unsigned order)
{
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		const struct quire_page *page = page_at(q, at);

		if (quire_page_test(page, BAD_FLAGS) || quire_page_refs(page)) {
			qi_log(q->platform, QUIRE_LOG_ERROR,
			       "bad page state of free frame %#llx: flags %#x, %u references; its block of "
			       "order %u is lost",
			       (unsigned long long)at, page->flags & BAD_FLAGS, quire_page_refs(page), order);
			return false;
		}
	}
	return true;
}

/* A block that was taken: it has descriptors, and they are in order; or it is gone. */
static enum quire_status inspect(struct quire *q, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp)
{
	enum quire_status status = quire_memmap_prepare(q, pfn, (quire_pfn_t)1 << order);

	if (status != QUIRE_OK) {
		qi_free_frames(q, pfn, order);
		return qi_refuse_request(q, status, order, gfp, "no memory for page descriptors");
	}
	return all_sound(q, pfn, order) ? QUIRE_OK : QUIRE_ECORRUPT;
}

/* It is the caller's from now on. */
static struct quire_page *hand_out(struct quire *q, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp)
{
	struct quire_page *first = page_at(q, pfn);

	quire_page_set_order(first, order);
	if (order && (gfp & QUIRE_GFP_COMP))
		quire_page_set(first, QUIRE_PAGE_HEAD);
	quire_page_set_refs(first, 1);
	return first;
}

static QI_APART enum quire_status whole_road(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, const void *site,
					     struct quire_page **page)
{
	struct qi_walk walk;
	enum quire_status status = qi_walk_begin(q, nid, order, gfp, &walk);
	quire_pfn_t pfn;

	walk.charged_later = true;
	if (status == QUIRE_OK)
		status = qi_walk_run_from(&walk, site, &pfn);
	if (status == QUIRE_OK)
		status = inspect(q, pfn, order, gfp);
	if (status != QUIRE_OK)
		return status;
	if (qi_unlikely(gfp & QUIRE_GFP_ACCOUNT) && !qi_walk_charge(&walk)) {
		qi_free_frames(q, pfn, order);
		return QUIRE_ENOMEM;
	}
	*page = hand_out(q, pfn, order, gfp);
	return QUIRE_OK;
}

/* What was at hand, and asked for without ACCOUNT, is more than a frame or not in order. */
static QI_APART enum quire_status look_closer(struct quire *q, quire_pfn_t pfn, unsigned order, quire_gfp_t gfp,
					      struct quire_page **page)
{
	enum quire_status status = inspect(q, pfn, order, gfp);

	if (status == QUIRE_OK)
		*page = hand_out(q, pfn, order, gfp);
	return status;
}

/*
 * The usual case: one frame, at hand, with a descriptor like any free one's. It has one, because its pageblock got them when
 * it was first taken from.
 */
enum quire_status quire_alloc_pages(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct quire_page **page)
{
	quire_pfn_t pfn = qi_take_at_hand(q, nid, order, gfp);
	struct quire_page *first;

	if (qi_unlikely(pfn == QUIRE_PFN_NONE))
		return whole_road(q, nid, order, gfp, QI_SITE, page);
	if (qi_unlikely(order || !qi_peek(&q->memmap.complete)))
		return look_closer(q, pfn, order, gfp, page);
	first = page_at(q, pfn);
	if (qi_unlikely(quire_page_test(first, BAD_FLAGS) || quire_page_refs(first)))
		return look_closer(q, pfn, order, gfp, page);
	qi_poke(&first->state, ONE_HOLDER);
	*page = first;
	return QUIRE_OK;
}

struct quire_page *quire_page_head(const struct quire *q, struct quire_page *page)
{
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, page);

	for (unsigned order = 0; order < QI_TREE_ORDERS; order++) {
		quire_pfn_t start = qi_align_down(pfn, 1ull << order);
		struct quire_page *head = quire_pfn_to_online_page(&q->memmap, start);

		if (head && quire_page_test(head, QUIRE_PAGE_HEAD) && start + (1ull << quire_page_order(head)) > pfn)
			return head;
	}
	return page;
}

/* The last reference is gone: nobody else has the block. */
static enum quire_status release(struct quire *q, struct quire_page *page, quire_pfn_t pfn, unsigned order, const void *site)
{
	quire_page_clear(page, QUIRE_PAGE_HEAD);
	quire_page_set_order(page, 0);
	return !order && qi_give_at_hand(q, pfn) ? QUIRE_OK : qi_free_frames_from(q, pfn, order, site);
}

/*
 * Others still hold the first frame of a block that is not compound: the rest goes now, the upper half, then the upper
 * half of what is left, and so on.
 */
static enum quire_status release_tail(struct quire *q, struct quire_page *page, quire_pfn_t pfn, unsigned order,
				      const void *site)
{
	enum quire_status status = QUIRE_OK;

	while (order-- && status == QUIRE_OK) {
		status = quire_split_frames(q, pfn, order + 1, order);
		if (status == QUIRE_OK)
			status = qi_free_frames_from(q, pfn + (1ull << order), order, site);
	}
	if (status == QUIRE_OK)
		quire_page_set_order(page, 0);
	return status;
}

/* The descriptor of a frame that somebody could hold; NULL, with a line in the log, if it is none. */
static enum quire_status judge(struct quire *q, const struct quire_page *page, quire_pfn_t pfn, unsigned order)
{
	if (quire_page_test(page, QUIRE_PAGE_RESERVED | QUIRE_PAGE_OFFLINE))
		return qi_refuse_frame(q, QUIRE_ENOENT, pfn, order, "it is reserved or offline");
	if (!quire_page_refs(page))
		return qi_refuse_frame(q, QUIRE_EEXIST, pfn, order,
				       "nobody has a reference to it: it was given back already, or is "
				       "not the first of its block");
	if (quire_page_order(page) != order)
		return qi_refuse_frame(q, QUIRE_EINVAL, pfn, order, "its block has another order");
	return QUIRE_OK;
}

/* Never the allocator's, whatever its references. */
static inline bool is_device(const struct quire *q, const struct quire_page *page)
{
	return quire_page_zone(&q->memmap, page) == QUIRE_ZONE_DEVICE;
}

/*
 * The usual case: a single frame whose only reference is the caller's. Who has none cannot take one, so nobody else changes
 * the count, and it need not be dropped atomically; what former holders wrote is seen by the acquire. The frame then goes
 * to the front, which refuses what it has already.
 */
static inline bool drop_only_holder(const struct quire *q, struct quire_page *page)
{
	if (qi_unlikely(__atomic_load_n(&page->state, __ATOMIC_ACQUIRE) != ONE_HOLDER ||
			quire_page_test(page, BAD_FLAGS & ~QUIRE_PAGE_POISON) || is_device(q, page)))
		return false;
	qi_poke(&page->state, 0);
	return true;
}

static QI_APART enum quire_status free_any(struct quire *q, struct quire_page *page, unsigned order, const void *site)
{
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, page);
	bool compound = quire_page_test(page, QUIRE_PAGE_HEAD);
	enum quire_status status;

	if (qi_unlikely(is_device(q, page)))
		return qi_device_put(q, page);
	status = judge(q, page, pfn, order);
	if (status != QUIRE_OK)
		return status;
	if (quire_page_put(page))
		return release(q, page, pfn, order, site);
	return compound || !order ? QUIRE_OK : release_tail(q, page, pfn, order, site);
}

enum quire_status quire_free_pages(struct quire *q, struct quire_page *page, unsigned order)
{
	quire_pfn_t pfn;

	if (qi_unlikely(order || !drop_only_holder(q, page)))
		return free_any(q, page, order, QI_SITE);
	pfn = quire_page_to_pfn(&q->memmap, page);
	return qi_likely(qi_give_at_hand(q, pfn)) ? QUIRE_OK : qi_free_frames_from(q, pfn, 0, QI_SITE);
}

static QI_APART enum quire_status put_any(struct quire *q, struct quire_page *page, const void *site)
{
	struct quire_page *head = quire_page_refs(page) ? page : quire_page_head(q, page);
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, head);
	unsigned order = quire_page_order(head);
	enum quire_status status;

	if (qi_unlikely(is_device(q, page)))
		return qi_device_put(q, page);
	status = judge(q, head, pfn, order);
	if (status == QUIRE_OK && quire_page_put(head))
		status = release(q, head, pfn, order, site);
	return status;
}

enum quire_status quire_put_page(struct quire *q, struct quire_page *page)
{
	quire_pfn_t pfn;

	if (qi_unlikely(!drop_only_holder(q, page)))
		return put_any(q, page, QI_SITE);
	pfn = quire_page_to_pfn(&q->memmap, page);
	return qi_likely(qi_give_at_hand(q, pfn)) ? QUIRE_OK : qi_free_frames_from(q, pfn, 0, QI_SITE);
}

enum quire_status quire_split_page(struct quire *q, struct quire_page *page, unsigned order)
{
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, page);
	enum quire_status status = judge(q, page, pfn, order);

	if (status != QUIRE_OK)
		return status;
	if (quire_page_refs(page) != 1)
		return qi_refuse_frame(q, QUIRE_EBUSY, pfn, order, "others hold it too, it cannot be split");
	status = quire_split_frames(q, pfn, order, 0);
	if (status != QUIRE_OK)
		return status;
	quire_page_clear(page, QUIRE_PAGE_HEAD);
	for (quire_pfn_t at = pfn; at < pfn + (1ull << order); at++) {
		quire_page_set_order(page_at(q, at), 0);
		quire_page_set_refs(page_at(q, at), 1);
	}
	return QUIRE_OK;
}
