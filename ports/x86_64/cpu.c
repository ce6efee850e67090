/* A CPU's own tables: segments, the task segment with the stack for double faults, and GS, which says who we are. */
#include "pin_cpu.h"
#include "x86.h"

#define MSR_GS_BASE 0xc0000101
#define CODE 0x08
#define TSS 0x18
#define IST1_OFFSET 36

static struct x86_cpu cpus[METAL_CPUS];

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

void x86_cpu_setup(unsigned number)
{
	struct x86_cpu *cpu = &cpus[number];
	uint64_t tss = (uint64_t)cpu->tss, stack = (uint64_t)(cpu->fault_stack + sizeof(cpu->fault_stack));
	struct table_pointer gdt = { sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt };

	cpu->number = number;
	cpu->gdt[1] = 0x00af9b000000ffff;
	cpu->gdt[2] = 0x00cf93000000ffff;
	cpu->gdt[3] = (sizeof(cpu->tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
	cpu->gdt[4] = tss >> 32;
	memcpy(cpu->tss + IST1_OFFSET, &stack, sizeof(stack));
	__asm__ volatile("lgdt %0" :: "m"(gdt));
	__asm__ volatile("ltr %w0" :: "r"(TSS));
	/* The code segment's cached contents are the same; a far return makes the register name our table's, too. */
	__asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" :: "i"(CODE) : "rax", "memory");
	x86_write_msr(MSR_GS_BASE, (uint64_t)cpu);
	x86_load_vectors();
}

/* As arch_switch() leaves a stack: six registers and where to go on; there the stack is as after a call. */
void *arch_stack_frame(void *top, void (*entry)(void))
{
	uint64_t *frame = (uint64_t *)top - 8;

	memset(frame, 0, 8 * sizeof(*frame));
	frame[6] = (uint64_t)entry;
	return frame;
}

unsigned arch_cpu(void) { return x86_cpu_number(); }

unsigned long arch_irq_save(void) { return x86_irq_save(); }
void arch_irq_on(void) { x86_irq_on(); }
void arch_irq_restore(unsigned long flags) { x86_irq_restore(flags); }
