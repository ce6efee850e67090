/*
 * Devices come and go: judged first, then range by range descriptors, then the list and the zone's span; what fails undoes
 * what was before it.
 */
#include "device/device.h"

#include "base/base.h"
#include "base/lock.h"

#ifndef QUIRE_WITHOUT_HOTPLUG

static struct qi_lock *lock_of(struct quire *q) { return (struct qi_lock *)&q->devices.lock; }

const char *quire_device_type_name(enum quire_device_type type)
{
	static const char *const names[] = { "?", "private", "coherent", "fs_dax", "generic", "pci_p2pdma" };

	return (unsigned)type < QI_ARRAY_SIZE(names) ? names[type] : "?";
}

static enum quire_status refuse(const struct quire *q, const struct quire_device *device, enum quire_status status,
				const char *why)
{
	qi_log(q->platform, QUIRE_LOG_ERROR, "device memory '%s' refused: %s", device->name ? device->name : "", why);
	return status;
}

/* --- judging ---------------------------------------------------------------------------------------------------------- */

/* Frames of a sub-section; 1 where a page is larger. */
static uint64_t granule(const struct quire *q)
{
	return 1ull << (QUIRE_SUBSECTION_SHIFT - qi_min(quire_page_shift(&q->config), QUIRE_SUBSECTION_SHIFT));
}

static bool overlap(const struct quire_device_range *a, const struct quire_device_range *b)
{
	return a->pfn < b->pfn + b->count && b->pfn < a->pfn + a->count;
}

static const char *judge_range(const struct quire *q, const struct quire_device *device, size_t i)
{
	const struct quire_device_range *range = &device->ranges[i];

	if (!range->count || (range->pfn | range->count) & (granule(q) - 1))
		return "a range is not whole sub-sections of 2 MiB";
	if (range->count > QUIRE_PFN_NONE - range->pfn)
		return "a range wraps around";
	for (size_t k = 0; k < i; k++)
		if (overlap(range, &device->ranges[k]))
			return "its own ranges overlap";
	return NULL;
}

static const char *judge_altmap(const struct quire_device *device)
{
	const struct quire_altmap *altmap = device->altmap;
	uint64_t frames;

	if (!altmap)
		return NULL;
	if (device->range_count != 1)
		return "descriptors inside the range go with one range only";
	if (altmap->base != device->ranges[0].pfn || !qi_add(altmap->reserve, altmap->free, &frames) ||
	    frames > device->ranges[0].count || altmap->alloc || altmap->align)
		return "its altmap is not of its range";
	return NULL;
}

static const char *judge(const struct quire *q, const struct quire_device *device)
{
	const char *why = NULL;

	if (!device->name || !device->ranges || !device->range_count)
		return "it has no name or no range";
	if (device->type < QUIRE_DEVICE_PRIVATE || device->type > QUIRE_DEVICE_PCI_P2PDMA)
		return "there is no such type";
	if (!qi_device_idle(device) && !device->page_free)
		return "its type needs page_free";
	for (size_t i = 0; i < device->range_count && !why; i++)
		why = judge_range(q, device, i);
	return why ? why : judge_altmap(device);
}

static bool touches_ram(const struct quire *q, const struct quire_device_range *range)
{
	unsigned shift = quire_page_shift(&q->config);
	const struct quire_memblock_type *memory = &q->memblock.memory;

	for (size_t i = 0; i < memory->cnt; i++) {
		const struct quire_memblock_region *r = &memory->regions[i];

		if (qi_pfn_down(r->base, shift) < range->pfn + range->count &&
		    qi_pfn_up(r->base + r->size, shift) > range->pfn)
			return true;
	}
	return false;
}

static const char *conflict(const struct quire *q, const struct quire_device *device)
{
	for (const struct quire_device *d = q->devices.first; d; d = d->next) {
		if (d == device)
			return "it is registered already";
		for (size_t i = 0; i < d->range_count; i++)
			for (size_t k = 0; k < device->range_count; k++)
				if (overlap(&d->ranges[i], &device->ranges[k]))
					return "it touches another device's";
	}
	for (size_t i = 0; i < device->range_count; i++)
		if (touches_ram(q, &device->ranges[i]))
			return "it touches RAM";
	return NULL;
}

/* --- coming and going ------------------------------------------------------------------------------------------------- */

/* Take the first n ranges away again. They have no users, and were all there. */
static enum quire_status remove_ranges(struct quire *q, const struct quire_device *device, size_t n)
{
	enum quire_status status = QUIRE_OK;

	while (n-- && status == QUIRE_OK)
		status = quire_memmap_remove(q, device->ranges[n].pfn, device->ranges[n].count, device->altmap);
	return status;
}

static enum quire_status add_ranges(struct quire *q, struct quire_device *device)
{
	for (size_t i = 0; i < device->range_count; i++) {
		const struct quire_device_range *range = &device->ranges[i];
		enum quire_status status = quire_memmap_add(q, device->nid, range->pfn, range->count, device->altmap);
		size_t there = i + (status == QUIRE_OK);

		if (status == QUIRE_OK)
			status = qi_device_describe(q, device, range);
		if (status == QUIRE_OK)
			continue;
		remove_ranges(q, device, there);
		return refuse(q, device, status, status == QUIRE_EINVAL ?
			      "descriptors are made for whole pageblocks here, and its ranges are smaller" :
			      "there is no room for its descriptors");
	}
	return QUIRE_OK;
}

enum quire_status quire_device_add(struct quire *q, struct quire_device *device)
{
	const struct quire_node *node = device ? quire_topology_node(&q->topology, device->nid) : NULL;
	enum quire_status status;
	const char *why;

	if (!device || q->stage < QUIRE_STAGE_WATERMARKS)
		return QUIRE_EINVAL;
	if (!(q->config.zone_mask >> QUIRE_ZONE_DEVICE & 1))
		return refuse(q, device, QUIRE_EUNSUPPORTED, "this configuration has no zone Device");
	why = judge(q, device);
	if (why)
		return refuse(q, device, QUIRE_EINVAL, why);
	if (!node)
		return refuse(q, device, QUIRE_ENOENT, "there is no such node");
	why = conflict(q, device);
	if (why)
		return refuse(q, device, QUIRE_EEXIST, why);
	status = add_ranges(q, device);
	if (status != QUIRE_OK)
		return status;
	qi_lock(lock_of(q));
	device->next = q->devices.first;
	__atomic_store_n(&q->devices.first, device, __ATOMIC_RELEASE);
	qi_unlock(lock_of(q));
	qi_device_span(q, device->nid);
	qi_log(q->platform, QUIRE_LOG_INFO, "device memory '%s' (%s): %llu ranges on node %d", device->name,
	       quire_device_type_name(device->type), (unsigned long long)device->range_count, device->nid);
	return QUIRE_OK;
}

/* A frame that somebody uses; QUIRE_PFN_NONE: nobody does. */
static quire_pfn_t find_user(const struct quire *q, const struct quire_device *device)
{
	for (size_t i = 0; i < device->range_count; i++) {
		const struct quire_device_range *range = &device->ranges[i];

		for (uint64_t k = qi_device_own_frames(device); k < range->count; k++)
			if (quire_page_refs(quire_pfn_to_page(&q->memmap, range->pfn + k)) != qi_device_idle(device))
				return range->pfn + k;
	}
	return QUIRE_PFN_NONE;
}

enum quire_status quire_device_remove(struct quire *q, struct quire_device *device, quire_pfn_t *busy)
{
	struct quire_device **at = &q->devices.first;
	enum quire_status status;
	quire_pfn_t user;

	while (*at && *at != device)
		at = &(*at)->next;
	if (!*at)
		return QUIRE_ENOENT;
	user = find_user(q, device);
	if (user != QUIRE_PFN_NONE) {
		if (busy)
			*busy = user;
		return QUIRE_EBUSY;
	}
	status = remove_ranges(q, device, device->range_count);
	if (status != QUIRE_OK)
		return status;
	qi_lock(lock_of(q));
	__atomic_store_n(at, device->next, __ATOMIC_RELEASE);
	qi_unlock(lock_of(q));
	qi_device_span(q, device->nid);
	return QUIRE_OK;
}

#endif
