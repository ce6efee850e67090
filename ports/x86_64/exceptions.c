/*
 * Exceptions: all but the NMI end the kernel, with registers on the console. Interrupts end the sleep of an idle CPU, or are
 * the clock's; one that comes without having been sent was on its way when firmware left the machine to us.
 */
#include "x86.h"

#define VECTOR_BYTES 16
#define NMI 2
#define DOUBLE_FAULT 8
#define PAGE_FAULT 14
#define CODE 0x08
#define GATE 0x8e00

extern char x86_vectors[];

/* As vectors.S leaves them. */
struct x86_frame {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

void x86_exception(struct x86_frame *frame);

static struct {
	uint16_t offset_low, selector, flags, offset_middle;
	uint32_t offset_high, zero;
} idt[X86_VECTORS];

void x86_load_vectors(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint64_t)idt };

	for (unsigned i = 0; i < X86_VECTORS; i++) {
		uint64_t entry = (uint64_t)x86_vectors + i * VECTOR_BYTES;

		idt[i].offset_low = (uint16_t)entry;
		idt[i].selector = CODE;
		idt[i].flags = GATE | (i == DOUBLE_FAULT);	/* its own stack */
		idt[i].offset_middle = (uint16_t)(entry >> 16);
		idt[i].offset_high = (uint32_t)(entry >> 32);
	}
	__asm__ volatile("lidt %0" :: "m"(pointer));
}

static const char *vector_name(uint64_t vector)
{
	static const char *const names[] = {
		[0] = "divide error", [1] = "debug", [3] = "breakpoint", [4] = "overflow", [5] = "bound", [6] = "invalid opcode",
		[7] = "no coprocessor", [DOUBLE_FAULT] = "double fault", [10] = "invalid task segment", [11] = "no segment",
		[12] = "stack fault", [13] = "general protection", [PAGE_FAULT] = "page fault", [17] = "alignment",
		[18] = "machine check",
	};

	return vector < QI_ARRAY_SIZE(names) && names[vector] ? names[vector] : "exception";
}

static uint64_t fault_address(void)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	return cr2;
}

static void print_control_registers(void)
{
	uint64_t cr0, cr2, cr3, cr4;

	__asm__ volatile("mov %%cr0, %0; mov %%cr2, %1; mov %%cr3, %2; mov %%cr4, %3" : "=r"(cr0), "=r"(cr2), "=r"(cr3), "=r"(cr4));
	metal_print("  cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx\n", cr0, cr2, cr3, cr4);
}

void x86_exception(struct x86_frame *f)
{
	if (f->vector == NMI) {
		x86_sync_answer();
		return;
	}
	if (f->vector == X86_VECTOR_TICK) {
		x86_tick_answer();
		return;
	}
	if (f->vector >= X86_VECTOR_WAKE) {
		x86_wake_answer();
		return;
	}
	metal_print("CPU %u: %s (%lu), error %#lx at %016lx\n", arch_cpu(), vector_name(f->vector), f->vector, f->error, f->rip);
	metal_print("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	metal_print("  rsi %016lx rdi %016lx rbp %016lx rsp %016lx\n", f->rsi, f->rdi, f->rbp, f->rsp);
	metal_print("  r8  %016lx r9  %016lx r10 %016lx r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
	metal_print("  r12 %016lx r13 %016lx r14 %016lx r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
	metal_print("  flags %08lx cs %lx ss %lx\n", f->rflags, f->cs, f->ss);
	print_control_registers();
	if (f->vector == PAGE_FAULT || f->vector == DOUBLE_FAULT)
		metal_explain_fault(fault_address());
	metal_panic(false, "%s", vector_name(f->vector));
}

void arch_dump_registers(void)
{
	uint64_t rsp, flags;

	__asm__ volatile("mov %%rsp, %0; pushfq; popq %1" : "=r"(rsp), "=r"(flags));
	metal_print("  CPU %u rsp %016lx flags %08lx return %016lx\n", arch_cpu(), rsp, flags,
		    (uint64_t)__builtin_return_address(0));
	print_control_registers();
}
