/*
 * What an architecture provides to the common kernel, and what it gets in return.
 *
 * The kernel under ports/metal/ is the same on every architecture. ports/<architecture>/ holds the entry code, the
 * page tables, the interrupt vectors, the console and the way to power off, all behind this header, and an arch.mk
 * that tells ports/metal/Makefile how it is built.
 *
 * The road of a boot:
 *
 *	entry code	stack, page tables that map the image and the first memory at its place in the direct map, .bss zeroed
 *	arch entry (C)	console, vectors; then metal_main(boot), on CPU 0, interrupts off; it never returns
 *	metal_main	arch_read_machine(), firmware tables, arch_map_direct() for all RAM, secondary CPUs, engine, tests
 *			arch_exit()
 *
 * Nothing here may allocate from the engine. Functions without a comment on CPUs may be called on any CPU.
 */
#ifndef METAL_ARCH_H
#define METAL_ARCH_H

#include <quire/firmware.h>
#include <quire/machine.h>
#include <quire/types.h>

/* --- what the architecture is ----------------------------------------------------------------------------------------- */

/* Most CPUs a kernel runs on, CPU 0 included; further ones stay stopped, with a message. */
#define METAL_CPUS 16

/* Facts the common part goes by. Constant once the entry code has run. */
struct arch_info {
	/* For messages: "x86_64". */
	const char *name;
	enum quire_arch arch;
	/*
	 * Exclusive end of the physical addresses that the direct map can hold; RAM beyond has no permanent mapping
	 * (i386 highmem) and phys_to_virt answers NULL for it.
	 */
	quire_phys_t direct_end;
	/*
	 * The window of page descriptors: first byte and length. Length 0: there is no window, hence no
	 * SPARSEMEM_VMEMMAP.
	 */
	void *vmemmap_base;
	quire_phys_t vmemmap_size;
	/* Where stacks are mapped, with nothing between them: METAL_STACKS times METAL_STACK_STRIDE bytes (kernel.h). */
	void *stacks_base;
	/* Mappings of 2 MiB exist (false: i386 without PAE, granules other than 4 KiB). */
	bool huge;
};

const struct arch_info *arch_info(void);

/* --- hand-over -------------------------------------------------------------------------------------------------------- */

/* What the entry code found out. All physical addresses. */
struct metal_boot {
	/* NUL-terminated, already mapped, stays for ever; NULL: none. */
	const char *command_line;
	/* The kernel's image with .bss, stacks and boot page tables: [image_start, image_end), page-aligned. */
	quire_phys_t image_start, image_end;
	/* ACPI root pointer or device tree, 0: none. */
	quire_phys_t rsdp, fdt;
	/* The architecture's own: start info, multiboot info. */
	quire_phys_t info;
};

/* The common kernel. Called once, on CPU 0, by the architecture's C entry. */
void metal_main(const struct metal_boot *boot) __attribute__((noreturn));

/*
 * Fill the machine: memory map, reservations that only the loader knows (modules, device tree) and, where there is a
 * device tree, all that it says (quire_read_fdt). The common part reserves the image and reads ACPI tables from
 * boot->rsdp, so those are not done here. What cannot be used is told through `log`; a status other than QUIRE_OK
 * ends the boot with it.
 */
enum quire_status arch_read_machine(const struct metal_boot *boot, struct quire_machine *machine,
				    const struct quire_reader_log *log);

/* --- console, exit ---------------------------------------------------------------------------------------------------- */

/*
 * One byte to the serial console; "\n" becomes "\r\n" here if the console wants it. Works from the first line of C
 * on.
 */
void arch_putc(char c);

/*
 * Power off. `code` reaches whoever runs the virtual machine as well as the machine can (METAL_EXIT_*, 0 is success).
 */
void arch_exit(unsigned code) __attribute__((noreturn));

/*
 * For a panic that the kernel itself raised: print the registers worth printing. Vectors that catch an exception
 * print theirs with metal_print() and then call metal_panic().
 */
void arch_dump_registers(void);

/* Exit codes. */
#define METAL_EXIT_OK		0u	/* all that was asked for went well */
#define METAL_EXIT_FAILED	1u	/* a test failed */
#define METAL_EXIT_MACHINE	2u	/* this machine cannot be used: no memory, too little, firmware data without sense */
#define METAL_EXIT_ARGUMENT	3u	/* the command line asks for something that does not exist */
#define METAL_EXIT_PANIC	4u	/* an exception or a broken invariant */

/* --- CPUs ------------------------------------------------------------------------------------------------------------- */

/* Number of the calling CPU, 0 .. METAL_CPUS - 1, from the architecture's per-CPU register. A few instructions. */
unsigned arch_cpu(void);

/* The calling CPU's identity in firmware's terms (APIC id, MPIDR), as in quire_cpu.hwid. */
uint64_t arch_cpu_hwid(void);

/*
 * Start the stopped CPU that firmware calls hwid as CPU number `cpu`, on a stack that ends at stack_top (16-aligned).
 * On that CPU the architecture sets up vectors and the per-CPU register and calls metal_cpu_main(cpu). Returns as
 * soon as the CPU was told, false if it cannot be; the common part waits for it to appear. CPU 0 calls this, one CPU
 * at a time.
 */
bool arch_cpu_start(unsigned cpu, uint64_t hwid, void *stack_top);

/* Where a secondary CPU ends up. */
void metal_cpu_main(unsigned cpu) __attribute__((noreturn));

/* Interrupts off, and back to what they were. */
unsigned long arch_irq_save(void);
void arch_irq_restore(unsigned long state);

/*
 * A clock that interrupts: from now on metal_tick() is called so many times a second on each running CPU that lets
 * interrupts in, with interrupts off; 0: no more, though one that is on its way may still come. Interrupts of the calling
 * CPU may be on or off, and stay so. False: there is none here.
 */
bool arch_ticks(unsigned hertz);
/* Let interrupts in on the calling CPU. */
void arch_irq_on(void);
/* From vectors. */
void metal_tick(void);

/* In a loop that waits for another CPU: be kind to it. */
static inline void arch_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield" ::: "memory");
#endif
}

/*
 * An idle CPU. arch_idle() is called with interrupts off, after a look at the queue found nothing: sleep until
 * arch_wake_all() was called since that look (no wake-up may be lost), or for any other reason; interrupts are off
 * again afterwards. arch_wake_all() may be called with interrupts off. A busy wait (arch_relax, nothing) is a valid
 * pair.
 */
void arch_idle(void);
void arch_wake_all(void);

/*
 * Return when every other CPU in `metal_cpus_running` (a mask, kernel.h) has executed a full memory barrier since the
 * call. May be called with interrupts off, by several CPUs at once, and while others wait for a lock with interrupts
 * off: use an interrupt that cannot be held off (x86: NMI), or have waiting CPUs answer by themselves. Nothing to do
 * on one CPU.
 */
void arch_barrier_all(void);

/* --- stacks ----------------------------------------------------------------------------------------------------------- */

/* One page in the region of stacks, at a place where nothing is mapped. False: no table page. */
bool arch_map_stack_page(void *va, quire_phys_t phys);

/*
 * What a new stack that ends at `top` (16-aligned) must hold for arch_switch() to arrive at the beginning of `entry`, which
 * never returns. Returns what arch_switch() wants to be given.
 */
void *arch_stack_frame(void *top, void (*entry)(void));

/*
 * Go on where `to` was left, and remember in *left where we are. Registers that functions may change are lost, as in any
 * call; whether interrupts are off is the CPU's affair and stays as it is.
 */
void arch_switch(void **left, void *to);

/* From vectors, with the address of a page fault: says so if a stack ran over. */
void metal_explain_fault(uintptr_t va);

/* --- page tables ------------------------------------------------------------------------------------------------------ */

/*
 * Address of physical `phys` in the direct map, which must hold it (phys < direct_end): arithmetic only, mapped or
 * not.
 */
void *arch_direct(quire_phys_t phys);

/* Physical address of something in the kernel's image (.bss included). */
quire_phys_t arch_image_phys(const void *address);

/*
 * Extend the direct map by [phys, phys + size), rounded outward to base pages, with the largest pages that fit; what
 * is mapped already stays as it is. The range lies below direct_end. QUIRE_ENOMEM: metal_table_page() had no more;
 * what was mapped until then stays mapped. One caller at a time.
 */
enum quire_status arch_map_direct(quire_phys_t phys, quire_phys_t size);

/* The same for registers of a device: not cached. */
enum quire_status arch_map_device(quire_phys_t phys, quire_phys_t size);

/*
 * Take hot-removed memory out of the direct map; afterwards no CPU has a translation for it. Table pages stay where
 * they are.
 */
void arch_unmap_direct(quire_phys_t phys, quire_phys_t size);

/*
 * The two calls of quire_platform for the descriptor window: map frames [phys, phys + size) at va, `size` being the
 * base page or 2 MiB and both aligned to it; unmap any number of mapped pages, after which no CPU has a translation
 * for them. QUIRE_EUNSUPPORTED: no pages of 2 MiB, or base pages are there already. QUIRE_ENOMEM: no table page.
 * QUIRE_ERANGE: not in the window. Called under the engine's locks: they must not wait for a CPU that waits for a
 * lock.
 */
enum quire_status arch_vmemmap_map(void *va, quire_phys_t phys, quire_phys_t size);
void arch_vmemmap_unmap(void *va, quire_phys_t size);

/*
 * From the common part: one zeroed frame for a page table, inside the direct map, or QUIRE_PHYS_MAX. Never given back.
 * Safe under the engine's locks; before RAM is known it comes from a few pages of .bss (METAL_EARLY_TABLES of them).
 */
quire_phys_t metal_table_page(void);
#define METAL_EARLY_TABLES 16u

/* --- highmem (only where direct_end can be below RAM) ----------------------------------------------------------------- */

/*
 * A short-lived mapping of one frame on this CPU: kmap slots. Nested use is last in, first out, at least 8 deep.
 * NULL: too deep. Architectures whose direct map holds everything answer with arch_direct().
 */
void *arch_kmap(quire_phys_t phys);
void arch_kunmap(void *va);

/*
 * Firmware's tables at [phys, phys + size), part of which lies at or beyond direct_end: readable from now on, for good.
 * NULL: no room, or an architecture whose direct map holds everything there can be.
 */
const void *arch_map_far(quire_phys_t phys, quire_phys_t size);

/* --- memory slots, PCI (optional: else the defaults in devices.c hold) ------------------------------------------------ */

/* A slot for a memory module, as the machine's controller shows it. */
struct arch_dimm {
	quire_phys_t base, size;	/* bytes */
	uint32_t domain;		/* proximity domain */
	bool enabled;			/* a module is there */
	bool inserted, removing;	/* what happened and was not acknowledged: it came; somebody wants it gone */
};

/* Number of slots; 0: there is no controller. */
unsigned arch_dimm_slots(void);
/* False: what it says makes no sense, or changed while it was read. CPU 0 only, like the two that follow. */
bool arch_dimm_read(unsigned slot, struct arch_dimm *dimm);
/* The event was seen: insertion, or else the wish for removal. */
void arch_dimm_acknowledge(unsigned slot, bool insertion);
/* The module may go: nobody uses its memory any more. */
void arch_dimm_eject(unsigned slot);

/* A 32-bit register of PCI configuration space; `function` is bus << 8 | device << 3 | function. All ones: nothing there. */
uint32_t arch_pci_read(unsigned function, unsigned at);
void arch_pci_write(unsigned function, unsigned at, uint32_t value);
/* --- time ------------------------------------------------------------------------------------------------------------- */

/* Monotonic nanoseconds since about boot. With QEMU's -icount shift=0 one nanosecond is one instruction. */
uint64_t arch_now_ns(void);

/* --- printing (common part) ------------------------------------------------------------------------------------------- */

/* Formatted text to the console, as qi_snprintf; whole calls of several CPUs do not mix. At most 511 bytes a call. */
void metal_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Print the text, registers (if `dump`), the engine's state, and exit with METAL_EXIT_PANIC. A panic inside a panic
 * only exits.
 */
void metal_panic(bool dump, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
