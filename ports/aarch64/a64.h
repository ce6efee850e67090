/* What the files of the aarch64 port share. Internal. */
#ifndef A64_H
#define A64_H

#include "arch.h"
#include "base/base.h"
#include "layout.h"

_Static_assert(METAL_CPUS == A64_CPUS, "layout.h must say the same as arch.h");

/* --- instructions ----------------------------------------------------------------------------------------------------- */

/* Read and write a system register by its assembler name. */
#define A64_READ(name) ({ uint64_t value_; __asm__ volatile("mrs %0, " #name : "=r"(value_)); value_; })
#define A64_WRITE(name, value) __asm__ volatile("msr " #name ", %0" :: "r"((uint64_t)(value)) : "memory")
/* Registers written before have their effect. */
#define A64_SYNC() __asm__ volatile("isb" ::: "memory")

/* Registers of devices, in the direct map. */
static inline uint32_t a64_in(quire_phys_t phys)
{
	return *(volatile uint32_t *)arch_direct(phys);
}

static inline void a64_out(quire_phys_t phys, uint32_t value)
{
	*(volatile uint32_t *)arch_direct(phys) = value;
}

/* --- the device tree (tree.c): what this port asks itself ------------------------------------------------------------- */

/*
 * Map the device tree at `phys` and judge it. False if there is nothing that begins like one; a tree that begins well
 * but is broken counts as there, and answers no question. What is wrong with it is told when the machine is read.
 */
bool a64_tree_open(quire_phys_t phys);
/* The tree as it is mapped and its length by its own account; NULL: none was opened. */
const void *a64_tree(size_t *size);
/* The first node that is compatible with `what`, or named so and directly below the root; negative if there is none. */
int a64_tree_compatible(const char *what);
int a64_tree_named(const char *name);
/* A property that is a text; NULL if it is not there. */
const char *a64_tree_text(int node, const char *property);
/* Entry `index` of the reg of a node directly below the root. */
bool a64_tree_reg(int node, unsigned index, quire_phys_t *base, quire_phys_t *size);

/* --- CPUs ------------------------------------------------------------------------------------------------------------- */

/*
 * The C entries, from entry.S: what the loader gave (a device tree, EFI's hand-over, 0: nothing); a CPU that
 * arch_cpu_start() started.
 */
void a64_start(quire_phys_t given) __attribute__((noreturn));
void a64_secondary_start(unsigned cpu) __attribute__((noreturn));

/* psci.c: how firmware is called, from the device tree; power off. */
void a64_psci_setup(void);
void a64_power_off(void);

/* gic.c: find the interrupt controller, on CPU 0; let this CPU take fast interrupts; answer one. */
void a64_gic_setup(void);
bool a64_gic_ready(void);
void a64_gic_cpu_setup(void);
void a64_fast_interrupt(void);
/* gic.c: the clock's. */
void a64_interrupt(void);

/* exceptions.c: true while the console's and firmware's way out is tried, where an exception only means: not that one. */
extern volatile bool a64_leaving;

#endif
