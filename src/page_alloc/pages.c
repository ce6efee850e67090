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

enum quire_status quire_alloc_pages(struct quire *q, int nid, unsigned order, quire_gfp_t gfp, struct quire_page **page)
{
	quire_pfn_t pfn = qi_take_at_hand(q, nid, order, gfp);
	enum quire_status status = QUIRE_OK;
	struct quire_page *first;
	struct qi_walk walk;

	if (qi_unlikely(pfn == QUIRE_PFN_NONE)) {
		status = qi_walk_begin(q, nid, order, gfp, &walk);
		walk.charged_later = true;
		if (status == QUIRE_OK)
			status = qi_walk_run_from(&walk, QI_SITE, &pfn);
	}
	if (status != QUIRE_OK)
		return status;
	status = quire_memmap_prepare(q, pfn, (quire_pfn_t)1 << order);
	if (status != QUIRE_OK) {
		qi_free_frames(q, pfn, order);
		return qi_refuse_request(q, status, order, gfp, "no memory for page descriptors");
	}
	if (!all_sound(q, pfn, order))
		return QUIRE_ECORRUPT;
	/* What was at hand was asked for without ACCOUNT. */
	if (qi_unlikely(gfp & QUIRE_GFP_ACCOUNT) && !qi_walk_charge(&walk)) {
		qi_free_frames(q, pfn, order);
		return QUIRE_ENOMEM;
	}
	first = page_at(q, pfn);
	quire_page_set_order(first, order);
	if (order && (gfp & QUIRE_GFP_COMP))
		quire_page_set(first, QUIRE_PAGE_HEAD);
	quire_page_set_refs(first, 1);
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
	return qi_give_at_hand(q, pfn, order) ? QUIRE_OK : qi_free_frames_from(q, pfn, order, site);
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

enum quire_status quire_free_pages(struct quire *q, struct quire_page *page, unsigned order)
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
		return release(q, page, pfn, order, QI_SITE);
	return compound || !order ? QUIRE_OK : release_tail(q, page, pfn, order, QI_SITE);
}

enum quire_status quire_put_page(struct quire *q, struct quire_page *page)
{
	struct quire_page *head = quire_page_refs(page) ? page : quire_page_head(q, page);
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, head);
	unsigned order = quire_page_order(head);
	enum quire_status status;

	if (qi_unlikely(is_device(q, page)))
		return qi_device_put(q, page);
	status = judge(q, head, pfn, order);
	if (status == QUIRE_OK && quire_page_put(head))
		status = release(q, head, pfn, order, QI_SITE);
	return status;
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
