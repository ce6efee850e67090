/*
 * Device memory: frames with descriptors that belong to a driver and never to the allocator (ZONE_DEVICE).
 *
 * Persistent memory, an accelerator's memory, a PCI window: a driver registers ranges, the engine gives them
 * descriptors, and whoever has a descriptor of them takes and drops references as with any other frame. When the last
 * reference goes the driver is called, not the allocator.
 *
 * Ranges are whole 2 MiB sub-sections (whole pageblocks where those are larger), need not be memory the firmware knows,
 * and must not touch RAM. They are in the
 * span of zone Device of their node, which has no present and no managed pages and is on no zonelist; they never go on
 * line (quire_pfn_to_online_page() does not find them).
 *
 * References: of PRIVATE and COHERENT frames 0 while nobody uses them, the driver hands them out with
 * quire_device_take(); of the others 1, held by the device, also after the last user's reference went.
 *
 * Locking: add and remove exclude each other and memory hotplug (one caller at a time). Lookups and references from any
 * CPU. Available from QUIRE_STAGE_WATERMARKS on; sparse models only, an altmap with SPARSEMEM_VMEMMAP only.
 */
#ifndef QUIRE_DEVICE_H
#define QUIRE_DEVICE_H

#include <quire/memmap.h>
#include <quire/types.h>

struct quire;
struct quire_node;

/* With the field's numbers. */
enum quire_device_type {
	/* CPUs cannot reach it; a descriptor stands for data that lies there. */
	QUIRE_DEVICE_PRIVATE = 1,
	/* CPUs reach it coherently; not for ordinary use. */
	QUIRE_DEVICE_COHERENT,
	/* Persistent memory behind a file system. */
	QUIRE_DEVICE_FS_DAX,
	/* Persistent or special memory mapped as a whole. */
	QUIRE_DEVICE_GENERIC,
	/* A window of one PCI device that others reach. */
	QUIRE_DEVICE_PCI_P2PDMA,
};
/* "private", "coherent", "fs_dax", "generic", "pci_p2pdma"; "?" for others. */
const char *quire_device_type_name(enum quire_device_type type);

/* Frames [pfn, pfn + count), both multiples of 2 MiB. */
struct quire_device_range {
	quire_pfn_t pfn;
	uint64_t count;
};

/*
 * A device. The driver's, zeroed but for what he fills in; it and the arrays stay where they are while registered. The
 * owner word of each descriptor is the address of this structure, until who holds a reference writes his own.
 */
struct quire_device {
	/* For messages. Required. */
	const char *name;
	enum quire_device_type type;
	/* Whose zone Device it is in. */
	int nid;
	const struct quire_device_range *ranges;
	size_t range_count;
	/* Descriptors inside the range itself; only with one range. NULL: from ordinary memory. */
	struct quire_altmap *altmap;
	/*
	 * The last user's reference to frame pfn went. Required for PRIVATE and COHERENT: the frame is the driver's again.
	 * Called without locks, from whatever context dropped it.
	 */
	void (*page_free)(void *ctx, quire_pfn_t pfn, struct quire_page *page);
	/* Frame pfn fails (poison.h). Optional; without: nobody could be asked. */
	enum quire_status (*failing)(void *ctx, quire_pfn_t pfn);
	void *ctx;
	/* The engine's. */
	struct quire_device *next;
};

/*
 * Register a device: its ranges get descriptors, zone Device of the node grows over them. A part that fails undoes what
 * was done before it.
 *
 * QUIRE_EINVAL, with a logged sentence: no name, type or range; not whole sub-sections; ranges of the device that
 * overlap each other; an altmap with several ranges, or that is not of the range; page_free missing. QUIRE_ENOENT: no
 * such node. QUIRE_ERANGE: beyond the geometry. QUIRE_EEXIST, with a sentence: registered already, or touches RAM or
 * another device. QUIRE_EUNSUPPORTED: the memory model. QUIRE_ENOMEM: no room for descriptors.
 */
enum quire_status quire_device_add(struct quire *q, struct quire_device *device);

/*
 * The opposite, when no frame has a user. The zone's span shrinks to what other devices have. QUIRE_ENOENT: not
 * registered; QUIRE_EBUSY: a frame is in use, *busy (unless NULL) says which; QUIRE_ENOMEM as quire_memmap_remove().
 * Nothing has changed then.
 */
enum quire_status quire_device_remove(struct quire *q, struct quire_device *device, quire_pfn_t *busy);

/* The device that has this frame, or NULL. Any CPU. */
struct quire_device *quire_device_of(const struct quire *q, quire_pfn_t pfn);

/*
 * PRIVATE, COHERENT: hand a frame out, with one reference. QUIRE_ENOENT: not this device's; QUIRE_EBUSY: it is in use;
 * QUIRE_EINVAL: another type.
 */
enum quire_status quire_device_take(struct quire *q, struct quire_device *device, quire_pfn_t pfn,
				    struct quire_page **page);

/* All devices. Part of struct quire; the engine's, all zero to begin with. */
struct quire_devices {
	struct quire_device *first;
	uint32_t lock;
};

#endif
