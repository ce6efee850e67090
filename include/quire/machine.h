/*
 * What firmware said about a machine: the one structure every reader fills and boot consumes.
 *
 * A struct quire_machine is data only. It keeps what was reported in the order in which it was reported, including
 * overlaps and nonsense that a later stage has to judge; readers refuse only what they cannot parse. It owns nothing:
 * its arrays are the caller's storage, given with their capacity to quire_machine_init(), so that a boot loader can
 * fill one before any allocator exists. A full array is QUIRE_ENOSPC, never a silent loss.
 *
 *	static struct quire_memory_range map[256];
 *	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &(struct quire_machine_storage){ .map = map, .map_max = 256 });
 *	quire_read_e820(&machine, table, size, NULL);				(firmware.h)
 *
 * Or fill it by hand with the functions at the end. quire_init() keeps a pointer to the machine: it must stay,
 * unchanged, as long as the engine lives. Nothing here locks; nothing here may run at the same time on one machine.
 */
#ifndef QUIRE_MACHINE_H
#define QUIRE_MACHINE_H

#include <quire/types.h>

/* --- the memory map ----------------------------------------------------------------------------------------------- */

/*
 * Kinds of entries of a memory map, common to e820, EFI, device tree and multiboot. Values are Quire's own. Only RAM
 * enters the ledger; everything else is not memory to the engine.
 */
enum quire_memory_type {
	/* Usable. */
	QUIRE_MEMORY_RAM,
	/* Firmware's, or nobody's business. */
	QUIRE_MEMORY_RESERVED,
	/* ACPI tables: usable after they were read; kept reserved. */
	QUIRE_MEMORY_ACPI,
	/* ACPI non-volatile storage. */
	QUIRE_MEMORY_NVS,
	/* Bad memory. */
	QUIRE_MEMORY_UNUSABLE,
	/* Persistent memory. */
	QUIRE_MEMORY_PMEM,
	/* Legacy persistent memory, also what memmap=nn!ss makes. */
	QUIRE_MEMORY_PRAM,
	/* EFI specific-purpose memory: left to a driver. */
	QUIRE_MEMORY_SOFT_RESERVED,
	/* Number of types, not one of them. */
	QUIRE_MEMORY_TYPES
};

/* Attribute bits of a memory-map entry. Boot writes the first three into the ledger's regions. */

/* EFI MORE_RELIABLE: mirrored memory, preferred under kernelcore=mirror. */
#define QUIRE_MEMORY_MIRROR	0x1u
/* Device tree "hotpluggable", SRAT flag: may be unplugged. */
#define QUIRE_MEMORY_HOTPLUG	0x2u
/* Must not be mapped: EFI memory without write-back, device tree no-map. */
#define QUIRE_MEMORY_NOMAP	0x4u
/*
 * EFI boot services. To the engine this is RAM like any other; who still needs those services reserves it and gives it
 * back with quire_free_late() afterwards.
 */
#define QUIRE_MEMORY_BOOT	0x8u

/* One entry of the firmware's memory map. */
struct quire_memory_range {
	/* First byte. Need not be page-aligned: boot rounds RAM inward. */
	quire_phys_t base;
	/* Bytes. May be 0 or wrap around; boot drops or cuts such entries with a warning. */
	quire_phys_t size;
	enum quire_memory_type type;
	/* QUIRE_MEMORY_* bits. */
	uint32_t attributes;
	/* From a device tree's numa-node-id, else QUIRE_NO_NODE. */
	int nid;
};

/* --- reservations ------------------------------------------------------------------------------------------------- */

/* What is taken before boot: initrd, device-tree blob, kernel image, /memreserve/, reserved-memory nodes. */
enum quire_reservation_kind {
	/* Kept for ever. */
	QUIRE_RESERVE_FIRMWARE,
	/* The kernel's image. */
	QUIRE_RESERVE_KERNEL,
	/* The initial ramdisk; its owner gives it back after boot with quire_free_late(). */
	QUIRE_RESERVE_INITRD,
	/* The device tree itself. */
	QUIRE_RESERVE_FDT,
	/* A reserved-memory node with no-map: its memory is marked NOMAP instead of reserved. */
	QUIRE_RESERVE_NOMAP,
	/* A reusable shared-dma-pool: reserved, and adopted as a CMA area. */
	QUIRE_RESERVE_CMA,
};

/* Longest name kept, with its NUL; longer ones are cut. */
#define QUIRE_RESERVE_NAME_MAX 32

/* One reservation. */
struct quire_reservation {
	/* First byte; QUIRE_PHYS_MAX: boot finds a place inside [min, max) with this alignment. */
	quire_phys_t base;
	/* Bytes; 0: nothing is reserved. */
	quire_phys_t size;
	/* Dynamic placement: bytes, a power of two; 0: a page. */
	quire_phys_t align;
	/* Dynamic placement: bounds. max 0: as high as boot may allocate. */
	quire_phys_t min, max;
	enum quire_reservation_kind kind;
	/* RESERVE_CMA with linux,cma-default: takes the place of the default area, unless cma= is given. */
	bool is_default_cma;
	/* For messages; the name of the CMA area. NUL-terminated. */
	char name[QUIRE_RESERVE_NAME_MAX];
};

/* --- affinity: which memory and CPUs belong together -------------------------------------------------------------- */

/* Flags of a memory affinity record: it counts; may be unplugged; is non-volatile. */
#define QUIRE_AFFINITY_ENABLED		0x1u
#define QUIRE_AFFINITY_HOTPLUG		0x2u
#define QUIRE_AFFINITY_NONVOLATILE	0x4u

/*
 * One memory affinity record: SRAT type 1, or one range of a device tree's memory node that has a numa-node-id (such a
 * range carries the id in quire_memory_range.nid as well; a device tree's ids are node numbers as they stand, not to be
 * compacted).
 */
struct quire_memory_affinity {
	quire_phys_t base;
	/* Bytes. May cover holes and memory that is not there (yet). */
	quire_phys_t size;
	/* Proximity domain (PXM) or numa-node-id; sparse numbers are fine. */
	uint32_t domain;
	/* QUIRE_AFFINITY_* bits. */
	uint32_t flags;
};

/* One CPU affinity record: SRAT types 0, 2, 3, 5 (5: generic initiator, no CPU) or a device tree's cpu node. */
struct quire_cpu {
	/* APIC id, MPIDR, ACPI processor UID, hart id: identifies it within the machine. */
	uint64_t hwid;
	/* Proximity domain; QUIRE_DOMAIN_NONE if firmware did not say. */
	uint32_t domain;
	/* Only enabled CPUs are counted and get a node. */
	bool enabled;
	/* A generic initiator: makes its node known, is no CPU. */
	bool initiator;
};

/* The domain of a CPU firmware said nothing about. */
#define QUIRE_DOMAIN_NONE UINT32_MAX

/* --- the machine -------------------------------------------------------------------------------------------------- */

/*
 * Each array is the caller's storage, with the number of elements in use (`…_count`) and its capacity (`…_max`).
 *
 * Order of appearance: domains become nodes in the order in which firmware's records name them, CPUs and memory alike,
 * so both kinds of record carry their place in that order through `domains`.
 */
struct quire_machine {
	/* Whose rules apply; the configuration must name the same. */
	enum quire_arch arch;

	/* The memory map, any order, overlaps possible. */
	struct quire_memory_range *map;
	size_t map_count, map_max;

	/* What is taken already. All of it enters the ledger before anything is allocated. */
	struct quire_reservation *reservations;
	size_t reservation_count, reservation_max;

	/*
	 * Which memory is in which domain. Not asked where the map has nids (device trees); neither: one node has it
	 * all.
	 */
	struct quire_memory_affinity *affinities;
	size_t affinity_count, affinity_max;

	/* CPUs and initiators. quire_config.cpus, unless 0, overrides how many CPUs there are; at least one. */
	struct quire_cpu *cpus;
	size_t cpu_count, cpu_max;

	/* Proximity domains, each once, in order of first appearance in the firmware's tables. */
	uint32_t *domains;
	size_t domain_count, domain_max;

	/*
	 * Distances between localities, row-major, distance_count squared; index is the proximity domain (SLIT) or the
	 * numa-node-id (device tree). distance_count 0: none given, 10 and 20 apply. distance_max: rows (and columns)
	 * the storage has room for, so it has distance_max squared bytes.
	 */
	uint8_t *distances;
	size_t distance_count, distance_max;

	/* The kernel command line firmware or loader passed, NUL-terminated, or NULL. Not owned. */
	const char *command_line;

	/* arm64: end (exclusive) of what every DMA master reaches (dma-ranges, IORT); 0: no limit known. */
	quire_phys_t dma_limit;

	/* Device tree: linux,usable-memory-range (crash kernels); size 0: none. */
	quire_phys_t usable_base, usable_size;

	/* Physical address of the ACPI RSDP or the device tree, 0 if not known. */
	quire_phys_t rsdp, fdt;

	/* A device tree's numa ids were missing or invalid, or tables broke: NUMA is off, one node has everything. */
	bool numa_broken;

	/* It runs under a hypervisor that says so; x86 then sizes memory blocks by where memory ends (report.h). */
	bool guest;
};

/* --- filling a machine -------------------------------------------------------------------------------------------- */

/*
 * Storage for quire_machine_init(): arrays and their capacities in elements (distances: rows of a square matrix, see
 * above). Any may be NULL with capacity 0.
 */
struct quire_machine_storage {
	struct quire_memory_range *map;			size_t map_max;
	struct quire_reservation *reservations;		size_t reservation_max;
	struct quire_memory_affinity *affinities;	size_t affinity_max;
	struct quire_cpu *cpus;				size_t cpu_max;
	uint32_t *domains;				size_t domain_max;
	uint8_t *distances;				size_t distance_max;
};

/*
 * Make `machine` empty over `storage`, whatever was in it. The arrays stay the caller's and must live as long as the
 * machine; the storage struct itself is not kept. Cannot fail.
 */
void quire_machine_init(struct quire_machine *machine, enum quire_arch arch,
			const struct quire_machine_storage *storage);

/*
 * Append one record; what is passed by pointer is copied. Nothing is merged, sorted or judged here.
 *
 * add_range: a map entry of `size` bytes; `attributes` are QUIRE_MEMORY_* bits, `nid` a node or QUIRE_NO_NODE.
 *
 * QUIRE_ENOSPC: the array is full, and nothing was stored.
 */
enum quire_status quire_machine_add_range(struct quire_machine *machine, quire_phys_t base, quire_phys_t size,
					  enum quire_memory_type type, uint32_t attributes, int nid);
enum quire_status quire_machine_add_reservation(struct quire_machine *machine,
						const struct quire_reservation *reservation);

/*
 * Append one affinity or CPU record; the domain of an enabled record is also appended to `domains` if it is new (a
 * disabled record names nothing, nor does a CPU of QUIRE_DOMAIN_NONE).
 *
 * QUIRE_ENOSPC: the records' array or `domains` is full, and all is as it was.
 */
enum quire_status quire_machine_add_affinity(struct quire_machine *machine,
					     const struct quire_memory_affinity *affinity);
enum quire_status quire_machine_add_cpu(struct quire_machine *machine, const struct quire_cpu *cpu);

/*
 * Set one distance, 0 .. 255, in one direction. The matrix grows to hold both indices, new cells being 10 on the
 * diagonal and 20 elsewhere. Whether distances make sense is judged when nodes are made.
 *
 * QUIRE_ENOSPC: an index is >= distance_max, and nothing has changed.
 */
enum quire_status quire_machine_set_distance(struct quire_machine *machine, uint32_t from, uint32_t to,
					     uint8_t distance);

#endif
