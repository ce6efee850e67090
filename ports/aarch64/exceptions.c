/* Exceptions end the kernel, with registers on the console. */
#include "a64.h"

/* As vectors.S leaves them. */
struct a64_frame {
	uint64_t x[31], sp, pc, pstate, kind, unused;
};
_Static_assert(sizeof(struct a64_frame) == FRAME_BYTES, "vectors.S must agree");

void a64_exception(const struct a64_frame *frame) __attribute__((noreturn));

volatile bool a64_leaving;

/* The exception class in the syndrome. */
static const char *class_name(unsigned class)
{
	switch (class) {
	case 0x00: return "undefined instruction";
	case 0x07: return "vector instruction";
	case 0x0e: return "illegal state";
	case 0x15: return "system call";
	case 0x18: return "system register";
	case 0x20: case 0x21: return "instruction abort";
	case 0x22: return "misaligned pc";
	case 0x24: case 0x25: return "data abort";
	case 0x26: return "misaligned sp";
	case 0x2f: return "asynchronous error";
	case 0x3c: return "breakpoint";
	default: return "exception";
	}
}

static void print_system_registers(void)
{
	metal_print("  esr %08lx far %016lx sctlr %08lx tcr %016lx\n", A64_READ(esr_el1),
		    A64_READ(far_el1), A64_READ(sctlr_el1), A64_READ(tcr_el1));
}

void a64_exception(const struct a64_frame *f)
{
	static const char *const kinds[] = { "synchronous", "interrupt", "fast interrupt", "error" };
	const char *name = f->kind % 4 ? kinds[f->kind % 4] : class_name((unsigned)(A64_READ(esr_el1) >> 26 & 63));

	if (a64_leaving)
		a64_power_off();
	metal_print("CPU %u: %s (vector %lu), pc %016lx sp %016lx pstate %08lx\n", arch_cpu(), name, f->kind,
		    f->pc, f->sp, f->pstate);
	for (unsigned i = 0; i < 31; i++)
		metal_print("  x%-2u %016lx%s", i, f->x[i], i % 4 == 3 || i == 30 ? "\n" : "");
	print_system_registers();
	metal_explain_fault(A64_READ(far_el1));
	metal_panic(false, "%s", name);
}

void arch_dump_registers(void)
{
	uint64_t sp;

	__asm__ volatile("mov %0, sp" : "=r"(sp));
	metal_print("  CPU %u sp %016lx daif %03lx return %016lx\n", arch_cpu(), sp,
		    A64_READ(daif), (uint64_t)__builtin_return_address(0));
	print_system_registers();
}
