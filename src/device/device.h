/* Inside the room of device memory, and what others ask of it. */
#ifndef QI_DEVICE_H
#define QI_DEVICE_H

#include <quire/device.h>
#include <quire/quire.h>

#ifdef QUIRE_WITHOUT_HOTPLUG

static inline struct quire_device *qi_device_at(const struct quire *q, quire_pfn_t pfn)
{
	(void)q;
	(void)pfn;
	return NULL;
}

static inline enum quire_status qi_device_put(struct quire *q, struct quire_page *page)
{
	(void)q;
	(void)page;
	return QUIRE_ENOENT;
}

static inline enum quire_status qi_check_devices(const struct quire *q)
{
	(void)q;
	return QUIRE_OK;
}

#else

/* The device a frame is of; NULL: none. */
static inline struct quire_device *qi_device_at(const struct quire *q, quire_pfn_t pfn) { return quire_device_of(q, pfn); }

/*
 * Drop a reference to a frame of zone Device (pages.c). With the last user's the driver has it back. QUIRE_EEXIST: nobody
 * has one; QUIRE_ENOENT: its device is gone.
 */
enum quire_status qi_device_put(struct quire *q, struct quire_page *page);

/* Devices and the zones and descriptors they have. QUIRE_ECORRUPT with a logged sentence. */
enum quire_status qi_check_devices(const struct quire *q);

#endif

/* --- describe.c ------------------------------------------------------------------------------------------------------- */

/* References of a frame without users. */
static inline uint32_t qi_device_idle(const struct quire_device *device)
{
	return device->type != QUIRE_DEVICE_PRIVATE && device->type != QUIRE_DEVICE_COHERENT;
}

/* Frames of a range that hold its own descriptors, at its start: they are nobody's. */
static inline uint64_t qi_device_own_frames(const struct quire_device *device)
{
	return device->altmap ? device->altmap->reserve + device->altmap->free : 0;
}

/* Write the descriptors of a range that has room for them. Statuses of quire_memmap_init_range. */
enum quire_status qi_device_describe(struct quire *q, const struct quire_device *device,
				     const struct quire_device_range *range);

/* --- span.c ----------------------------------------------------------------------------------------------------------- */

/* Zone Device of a node, and the node, span what devices have there now. */
void qi_device_span(struct quire *q, int nid);

#endif
