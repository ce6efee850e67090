/* Frames of devices in use: found, handed out, given back. And the checker. */
#include "device/device.h"

#include "base/base.h"
#include "page_alloc/page_alloc.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

struct quire_device *quire_device_of(const struct quire *q, quire_pfn_t pfn)
{
	for (struct quire_device *d = __atomic_load_n(&q->devices.first, __ATOMIC_ACQUIRE); d; d = d->next)
		for (size_t i = 0; i < d->range_count; i++)
			if (pfn - d->ranges[i].pfn < d->ranges[i].count)
				return d;
	return NULL;
}

enum quire_status quire_device_take(struct quire *q, struct quire_device *device, quire_pfn_t pfn, struct quire_page **page)
{
	uint32_t idle = 0;
	struct quire_page *at;

	if (quire_device_of(q, pfn) != device || !device)
		return QUIRE_ENOENT;
	if (qi_device_idle(device))
		return QUIRE_EINVAL;
	at = quire_pfn_to_page(&q->memmap, pfn);
	if (!__atomic_compare_exchange_n(&at->state, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return QUIRE_EBUSY;
	*page = at;
	return QUIRE_OK;
}

enum quire_status qi_device_put(struct quire *q, struct quire_page *page)
{
	quire_pfn_t pfn = quire_page_to_pfn(&q->memmap, page);
	struct quire_device *device = quire_device_of(q, pfn);
	uint32_t state = __atomic_load_n(&page->state, __ATOMIC_RELAXED), idle;

	if (!device)
		return qi_refuse_frame(q, QUIRE_ENOENT, pfn, 0, "its device is gone");
	idle = qi_device_idle(device);
	do {
		if (state <= idle)
			return qi_refuse_frame(q, QUIRE_EEXIST, pfn, 0, "nobody has a reference to it");
		if (state == QUIRE_PAGE_REF_MAX)
			return QUIRE_OK;
	} while (!__atomic_compare_exchange_n(&page->state, &state, state - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	if (state - 1 > idle)
		return QUIRE_OK;
	page->owner = (uint64_t)(uintptr_t)device;
	if (device->page_free)
		device->page_free(device->ctx, pfn, page);
	return QUIRE_OK;
}

static bool sound_frame(const struct quire *q, const struct quire_device *device, quire_pfn_t pfn)
{
	const struct quire_memmap *m = &q->memmap;
	const struct quire_page *page = quire_pfn_to_page(m, pfn);

	return quire_pfn_valid(m, pfn) && quire_pfn_initialised(m, pfn) && quire_page_to_pfn(m, page) == pfn &&
	       quire_page_zone(m, page) == QUIRE_ZONE_DEVICE && quire_page_nid(m, page) == device->nid;
}

/* Every range: the frames at its ends are as they should be, and its zone spans it. */
enum quire_status qi_check_devices(const struct quire *q)
{
	for (const struct quire_device *d = q->devices.first; d; d = d->next)
		for (size_t i = 0; i < d->range_count; i++) {
			const struct quire_device_range *r = &d->ranges[i];
			const struct quire_zone *zone = &q->topology.nodes[d->nid]->zones[QUIRE_ZONE_DEVICE];

			if (sound_frame(q, d, r->pfn) && sound_frame(q, d, r->pfn + r->count - 1) &&
			    r->pfn >= zone->start_pfn && r->pfn + r->count <= zone->start_pfn + zone->spanned &&
			    !zone->present && !zone->managed)
				continue;
			qi_log(q->platform, QUIRE_LOG_ERROR, "device memory '%s': frames %#llx-%#llx are not described so",
			       d->name, (unsigned long long)r->pfn, (unsigned long long)(r->pfn + r->count - 1));
			return QUIRE_ECORRUPT;
		}
	return QUIRE_OK;
}

#endif
