/*
 * Descriptors of device memory. They are written at once, all of them, because they carry what does not follow from the
 * ledger: whose they are, and a reference where the device holds one.
 */
#include "device/device.h"

#include "base/base.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

enum quire_status qi_device_describe(struct quire *q, const struct quire_device *device,
				     const struct quire_device_range *range)
{
	const struct quire_zone *zone = &quire_topology_node(&q->topology, device->nid)->zones[QUIRE_ZONE_DEVICE];
	quire_pfn_t own = range->pfn + qi_device_own_frames(device);
	enum quire_status status = quire_memmap_init_range(q, zone, range->pfn, range->count);

	if (status == QUIRE_OK)
		status = quire_memmap_prepare(q, range->pfn, range->count);
	if (status != QUIRE_OK)
		return status;
	if (own > range->pfn)
		status = quire_memmap_set_reserved(q, range->pfn, own - range->pfn, true);
	for (quire_pfn_t pfn = own; pfn < range->pfn + range->count; pfn++) {
		struct quire_page *page = quire_pfn_to_page(&q->memmap, pfn);

		quire_page_set_refs(page, qi_device_idle(device));
		page->owner = (uint64_t)(uintptr_t)device;
	}
	return status;
}

#endif
