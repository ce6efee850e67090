/* What the files of the x86_64 port share. Internal. */
#ifndef X86_H
#define X86_H

#include "arch.h"
#include "base/base.h"
#include "layout.h"
#include "pc/pc.h"

/* --- instructions ----------------------------------------------------------------------------------------------------- */

static inline uint64_t x86_read_msr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

static inline void x86_write_msr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" :: "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* Forget all translations of this CPU; also a full memory barrier. */
static inline void x86_reload_cr3(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) :: "memory");
}

/* --- CPUs (cpu.c) ----------------------------------------------------------------------------------------------------- */

/* GS base points here. */
struct x86_cpu {
	uint32_t number;
	uint64_t gdt[5];
	uint8_t tss[104] __attribute__((aligned(16)));
	uint8_t fault_stack[8192] __attribute__((aligned(16)));		/* for double faults: the stack may be what broke */
};

/* Segments, vectors and GS of the calling CPU. */
void x86_cpu_setup(unsigned cpu);
/* Load the vector table (exceptions.c). */
void x86_load_vectors(void);
/* Answer to the NMI that apic.c sends. */
void x86_sync_answer(void);

/* The vector with which arch_wake_all() ends the sleep of idle CPUs, and its end. */
#define X86_VECTOR_WAKE 32
void x86_wake_answer(void);
/* ... and of the clock (apic.c). */
#define X86_VECTOR_TICK 33
void x86_tick_answer(void);

/* Find and map the local APIC; this CPU accepts interrupts through it. */
void x86_apic_setup(void);
/* Firmware keeps the page from which secondary CPUs start: there will be none. */
extern bool x86_trampoline_taken;

/*
 * The C entry, from entry.S: `info` is the physical address of what the loader says, `offset` how much higher the image lies
 * than it was linked.
 */
void x86_start(uint32_t info, uint32_t offset) __attribute__((noreturn));
/* By loader: what metal_main() wants, and arch_read_machine(). False: this is not PVH's data. */
bool x86_pvh_boot(struct metal_boot *boot);
enum quire_status x86_pvh_read(const struct metal_boot *boot, struct quire_machine *machine,
			       const struct quire_reader_log *log);
enum quire_status x86_efi_read(const struct metal_boot *boot, struct quire_machine *machine,
			       const struct quire_reader_log *log);
/* The C entry for secondary CPUs, from the trampoline. */
void x86_secondary_start(unsigned cpu) __attribute__((noreturn));

/* --- paging ----------------------------------------------------------------------------------------------------------- */

/* Map or unmap the first GiB at its physical addresses, for secondary CPUs on their way into the kernel. */
void x86_identity(bool on);
/* Looks at what the CPU can do (1 GiB pages). */
void x86_paging_setup(void);
extern unsigned x86_largest_level;
/* As in x86_start(). */
extern quire_phys_t x86_image_offset;

#endif
