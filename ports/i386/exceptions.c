/*
 * Segments and exceptions. All exceptions end the kernel, with registers on the console; a double fault, whose cause
 * may be the stack, switches to a task of its own and finds the registers in the task it left.
 */
#include "i386.h"

#define VECTORS 32
#define VECTOR_BYTES 16
#define DOUBLE_FAULT 8
#define PAGE_FAULT 14
#define INTERRUPT_GATE 0x8e00u
#define TASK_GATE 0x8500u
#define FRAME_TAIL (5 * sizeof(uint32_t))	/* vector, error code and the three words of the CPU */

extern char i386_vectors[];

/* As vectors.S leaves them: pushal, number and error code, what the CPU pushed. */
struct i386_frame {
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax;
	uint32_t vector, error;
	uint32_t eip, cs, eflags;
};

struct task {
	uint32_t link, stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt, io;
};

void i386_exception(const struct i386_frame *frame) __attribute__((noreturn));

static uint64_t gdt[5];
static struct { uint16_t low, selector, flags, high; } idt[VECTORS];
static struct task main_task, fault_task;
static uint8_t fault_stack[8192] __attribute__((aligned(16)));

static const char *vector_name(uint32_t vector)
{
	static const char *const names[VECTORS] = {
		[0] = "divide error", [1] = "debug", [2] = "NMI", [3] = "breakpoint", [4] = "overflow", [5] = "bound",
		[6] = "invalid opcode", [7] = "no coprocessor", [DOUBLE_FAULT] = "double fault",
		[10] = "invalid task segment", [11] = "no segment", [12] = "stack fault",
		[13] = "general protection", [PAGE_FAULT] = "page fault",
		[17] = "alignment", [18] = "machine check",
	};

	return vector < VECTORS && names[vector] ? names[vector] : "exception";
}

static uint32_t fault_address(void)
{
	uint32_t cr2;

	__asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
	return cr2;
}

static void print_control_registers(void)
{
	uint32_t cr0, cr2, cr3, cr4;

	__asm__ volatile("movl %%cr0, %0; movl %%cr2, %1; movl %%cr3, %2; movl %%cr4, %3"
			 : "=r"(cr0), "=r"(cr2), "=r"(cr3), "=r"(cr4));
	metal_print("  cr0 %08x cr2 %08x cr3 %08x cr4 %08x\n", cr0, cr2, cr3, cr4);
}

void i386_exception(const struct i386_frame *f)
{
	metal_print("%s (%u), error %#x at %08x\n", vector_name(f->vector), f->vector, f->error, f->eip);
	metal_print("  eax %08x ebx %08x ecx %08x edx %08x\n", f->eax, f->ebx, f->ecx, f->edx);
	/* pushal saved the stack pointer as it was after vector and error code and the CPU's three words. */
	metal_print("  esi %08x edi %08x ebp %08x esp %08x\n", f->esi, f->edi, f->ebp,
		    f->esp + FRAME_TAIL);
	metal_print("  flags %08x cs %x\n", f->eflags, f->cs);
	print_control_registers();
	if (f->vector == PAGE_FAULT || f->vector == DOUBLE_FAULT)
		metal_explain_fault(fault_address());
	metal_panic(false, "%s", vector_name(f->vector));
}

static void double_fault(void) __attribute__((noreturn));
static void double_fault(void)
{
	const struct task *t = &main_task;
	const struct i386_frame f = {
		.edi = t->edi, .esi = t->esi, .ebp = t->ebp, .esp = t->esp - FRAME_TAIL, .ebx = t->ebx, .edx = t->edx,
		.ecx = t->ecx, .eax = t->eax, .vector = DOUBLE_FAULT, .eip = t->eip, .cs = t->cs, .eflags = t->eflags,
	};

	i386_exception(&f);
}

void arch_dump_registers(void)
{
	uint32_t esp, flags;

	__asm__ volatile("movl %%esp, %0; pushfl; popl %1" : "=r"(esp), "=r"(flags));
	metal_print("  esp %08x flags %08x return %08x\n", esp, flags, (uint32_t)__builtin_return_address(0));
	print_control_registers();
}

static uint64_t task_segment(const struct task *task)
{
	uint32_t base = (uint32_t)task;

	return (sizeof(*task) - 1) | (uint64_t)(base & 0xffffff) << 16 | 0x89ull << 40 | (uint64_t)(base >> 24) << 56;
}

static void load_segments(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = { sizeof(gdt) - 1, (uint32_t)gdt };

	gdt[KERNEL_CODE / 8] = 0x00cf9b000000ffffull;
	gdt[KERNEL_DATA / 8] = 0x00cf93000000ffffull;
	gdt[MAIN_TASK / 8] = task_segment(&main_task);
	gdt[FAULT_TASK / 8] = task_segment(&fault_task);
	__asm__ volatile("lgdt %0; ljmpl %1, $1f; 1: movl %2, %%ds; movl %2, %%es; movl %2, %%ss; movl %2, %%fs; "
			 "movl %2, %%gs; ltr %w3"
			 :: "m"(pointer), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(MAIN_TASK) : "memory");
}

void i386_exceptions_setup(void)
{
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (uint32_t)idt };

	fault_task = (struct task){
		.eip = (uint32_t)double_fault, .eflags = 2, .esp = (uint32_t)(fault_stack + sizeof(fault_stack)),
		.cs = KERNEL_CODE, .ss = KERNEL_DATA, .ds = KERNEL_DATA, .es = KERNEL_DATA,
		.fs = KERNEL_DATA, .gs = KERNEL_DATA,
		.io = sizeof(struct task) << 16,
	};
	load_segments();
	for (unsigned i = 0; i < VECTORS; i++) {
		uint32_t entry = (uint32_t)i386_vectors + i * VECTOR_BYTES;

		idt[i].low = (uint16_t)entry;
		idt[i].selector = KERNEL_CODE;
		idt[i].flags = INTERRUPT_GATE;
		idt[i].high = (uint16_t)(entry >> 16);
	}
	idt[DOUBLE_FAULT].selector = FAULT_TASK;
	idt[DOUBLE_FAULT].flags = TASK_GATE;
	__asm__ volatile("lidt %0" :: "m"(pointer));
}

/* A task switch takes its page tables from the task. */
void i386_fault_tables(uint32_t cr3)
{
	fault_task.cr3 = cr3;
}
