/*
 * What firmware said about a machine: the one structure every reader fills and boot consumes.
 *
 * A struct quire_machine is data only. It keeps what was reported in the order in which it was reported, including overlaps and
 * nonsense that a later stage has to judge; readers refuse only what they cannot parse. It owns nothing: its arrays are
 * the caller's storage, given with their capacity to quire_machine_init(), so that a boot loader can fill one before any
 * allocator exists. A full array is QUIRE_ENOSPC, never a silent loss.
 */
#ifndef QUIRE_MACHINE_H
#define QUIRE_MACHINE_H

#include <quire/types.h>

/* Kinds of entries of a memory map, common to e820, EFI, device tree and multiboot. Values are Quire's own. */
enum quire_memory_type {
	QUIRE_MEMORY_RAM,		/* usable */
	QUIRE_MEMORY_RESERVED,
	QUIRE_MEMORY_ACPI,		/* ACPI tables: usable after they were read; kept reserved */
	QUIRE_MEMORY_NVS,		/* ACPI non-volatile storage */
	QUIRE_MEMORY_UNUSABLE,		/* bad memory */
	QUIRE_MEMORY_PMEM,		/* persistent memory */
	QUIRE_MEMORY_PRAM,		/* legacy persistent memory, also memmap=nn!ss */
	QUIRE_MEMORY_SOFT_RESERVED,	/* EFI specific-purpose memory */
	QUIRE_MEMORY_TYPES
};

/* Attribute bits of a memory-map entry. */
#define QUIRE_MEMORY_MIRROR	0x1u	/* EFI MORE_RELIABLE: mirrored */
#define QUIRE_MEMORY_HOTPLUG	0x2u	/* device tree "hotpluggable", SRAT flag */
#define QUIRE_MEMORY_NOMAP	0x4u	/* must not be mapped (EFI without write-back, device tree no-map) */
#define QUIRE_MEMORY_BOOT	0x8u	/* EFI boot services: reserved during boot, given back afterwards */

/* One entry of the firmware's memory map. size may be 0 or wrap; boot drops such entries with a warning. */
struct quire_memory_range {
	quire_phys_t base;
	quire_phys_t size;
	enum quire_memory_type type;
	uint32_t attributes;		/* QUIRE_MEMORY_* bits */
	int nid;			/* from a device tree's numa-node-id, else QUIRE_NO_NODE */
};

/* What is taken before boot: initrd, device-tree blob, kernel image, /memreserve/, reserved-memory nodes. */
enum quire_reservation_kind {
	QUIRE_RESERVE_FIRMWARE,		/* kept for ever */
	QUIRE_RESERVE_KERNEL,		/* the kernel's image */
	QUIRE_RESERVE_INITRD,		/* given back after boot */
	QUIRE_RESERVE_FDT,		/* the device tree itself */
	QUIRE_RESERVE_NOMAP,		/* reserved-memory with no-map: marked NOMAP instead of reserved */
	QUIRE_RESERVE_CMA,		/* reusable shared-dma-pool */
};

#define QUIRE_RESERVE_NAME_MAX 32

struct quire_reservation {
	quire_phys_t base;		/* QUIRE_PHYS_MAX: anywhere inside [min, max) with this alignment */
	quire_phys_t size;
	quire_phys_t align;		/* bytes, power of two, 0: page */
	quire_phys_t min, max;		/* for dynamic placement; max 0: no limit */
	enum quire_reservation_kind kind;
	bool is_default_cma;		/* linux,cma-default */
	char name[QUIRE_RESERVE_NAME_MAX];
};

/*
 * One memory affinity record: SRAT type 1, or one range of a device tree's memory node that has a numa-node-id (such a range
 * carries the id in quire_memory_range.nid as well; a device tree's ids are node numbers as they stand, not to be compacted).
 */
#define QUIRE_AFFINITY_ENABLED		0x1u
#define QUIRE_AFFINITY_HOTPLUG		0x2u
#define QUIRE_AFFINITY_NONVOLATILE	0x4u

struct quire_memory_affinity {
	quire_phys_t base;
	quire_phys_t size;
	uint32_t domain;		/* proximity domain (PXM) or numa-node-id; sparse numbers are fine */
	uint32_t flags;			/* QUIRE_AFFINITY_* */
};

/* One CPU affinity record: SRAT types 0, 2, 3, 5 (5: generic initiator, no CPU) or a device tree's cpu node. */
struct quire_cpu {
	uint64_t hwid;			/* APIC id, MPIDR, ACPI processor UID, hart id */
	uint32_t domain;		/* proximity domain; QUIRE_DOMAIN_NONE if firmware did not say */
	bool enabled;
	bool initiator;			/* a generic initiator: makes its node known, is no CPU */
};

#define QUIRE_DOMAIN_NONE UINT32_MAX

/*
 * Order of appearance: domains become nodes in the order in which firmware's records name them, CPUs and memory alike
 * (spec 02 §5, captures fact 14), so both kinds of record carry their place in that order through `domains`.
 */
struct quire_machine {
	enum quire_arch arch;

	struct quire_memory_range *map;
	size_t map_count, map_max;

	struct quire_reservation *reservations;
	size_t reservation_count, reservation_max;

	struct quire_memory_affinity *affinities;
	size_t affinity_count, affinity_max;

	struct quire_cpu *cpus;
	size_t cpu_count, cpu_max;

	/* Proximity domains in order of first appearance in the firmware's tables. */
	uint32_t *domains;
	size_t domain_count, domain_max;

	/*
	 * Distances between localities, row-major, distance_count squared; index is the proximity domain (SLIT) or the
	 * numa-node-id (device tree). distance_count 0: none given, 10 and 20 apply.
	 */
	uint8_t *distances;
	size_t distance_count, distance_max;	/* distance_max: rows the storage has room for */

	/* The kernel command line firmware or loader passed, NUL-terminated, or NULL. Not owned. */
	const char *command_line;

	/* arm64: highest address every DMA master reaches, exclusive (device tree dma-ranges, IORT); 0: no limit known. */
	quire_phys_t dma_limit;

	/* Device tree: linux,usable-memory-range (crash kernels); size 0: none. */
	quire_phys_t usable_base, usable_size;

	/* Physical address of the ACPI RSDP or the device tree, 0 if not known. */
	quire_phys_t rsdp, fdt;

	/* A device tree's numa ids were missing or invalid, or firmware's tables broke: NUMA is off, one node has it all. */
	bool numa_broken;

	/* It runs under a hypervisor that says so; x86 then sizes memory blocks by where memory ends (report.h). */
	bool guest;
};

/* Storage for quire_machine_init(): arrays and their capacities in elements. Any may be NULL with capacity 0. */
struct quire_machine_storage {
	struct quire_memory_range *map;			size_t map_max;
	struct quire_reservation *reservations;		size_t reservation_max;
	struct quire_memory_affinity *affinities;	size_t affinity_max;
	struct quire_cpu *cpus;				size_t cpu_max;
	uint32_t *domains;				size_t domain_max;
	uint8_t *distances;				size_t distance_max;
};

/* Make `machine` empty over `storage`. The storage must live as long as the machine. Cannot fail. */
void quire_machine_init(struct quire_machine *machine, enum quire_arch arch, const struct quire_machine_storage *storage);

/* Append one record. QUIRE_ENOSPC if the array is full; nothing is merged, sorted or judged here. */
enum quire_status quire_machine_add_range(struct quire_machine *machine, quire_phys_t base, quire_phys_t size,
					  enum quire_memory_type type, uint32_t attributes, int nid);
enum quire_status quire_machine_add_reservation(struct quire_machine *machine, const struct quire_reservation *reservation);

/*
 * Append one affinity or CPU record; the domain of an enabled record is also appended to `domains` if it is new (a disabled
 * record names nothing). QUIRE_ENOSPC leaves all as it was.
 */
enum quire_status quire_machine_add_affinity(struct quire_machine *machine, const struct quire_memory_affinity *affinity);
enum quire_status quire_machine_add_cpu(struct quire_machine *machine, const struct quire_cpu *cpu);

/*
 * Set one distance, 0 .. 255. The matrix grows to hold both indices, new cells being 10 on the diagonal and 20 elsewhere.
 * QUIRE_ENOSPC if an index is >= distance_max.
 */
enum quire_status quire_machine_set_distance(struct quire_machine *machine, uint32_t from, uint32_t to, uint8_t distance);

#endif
