/*
 * What a Linux kernel takes for itself at boot, for machines whose log does not say: an estimate.
 *
 * Most of it is arithmetic over the machine: descriptors, section table, page tables, hash tables, bounce buffers,
 * per-CPU units. The rest is the image and a few structures whose sizes are those of Debian's 6.1 and 6.12 kernels
 * (build.c). Everything is taken from the ledger by our own allocation calls in the kernel's order, so it lands where
 * a kernel would put it.
 */
#ifndef QUIRE_TOOL_LINUX_FOOTPRINT_H
#define QUIRE_TOOL_LINUX_FOOTPRINT_H

#include "ledger.h"

/* Sizes of one kernel build, in bytes. */
struct linux_build {
	quire_phys_t image_offset;	/* from the start of memory (x86: of address 0) */
	quire_phys_t image_size;
	quire_phys_t image_released;	/* initialisation code and gaps given back at the end of boot */
	quire_phys_t image_early;	/* … given back before watermarks are computed */
	quire_phys_t node_data;
	quire_phys_t percpu_unit;
	quire_phys_t section_roots;	/* table of roots of the section table */
	quire_phys_t bounce_slots;	/* bookkeeping of the bounce buffer */
	quire_phys_t fdt;
	unsigned sections_per_root;
	unsigned section_usage;
	unsigned pointer_size;
};

/* The build whose sizes come closest to a kernel of these rules on this architecture. */
const struct linux_build *linux_build_of(enum quire_arch arch, enum quire_rules rules);

/*
 * q has been booted up to QUIRE_STAGE_MEMBLOCK. Sets up nodes (and what the command line wants placed), then takes
 * what a kernel takes; what it will give back is added to ledger->releases if `release` is set. What finds no room is
 * left out.
 */
enum quire_status linux_footprint(struct linux_ledger *ledger, struct quire *q, bool release);

#endif
