/* The console: lines from several CPUs do not mix, and a panic gets through whoever holds the lock. */
#include "kernel.h"

#define LINE_BYTES 512
#define LOCK_TRIES 2000000u

static uint32_t console_lock;
static uint32_t panicking;

/* False: somebody holds it for ever, or the caller itself was interrupted while it did. Print all the same. */
static bool lock_console(void)
{
	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		if (!__atomic_exchange_n(&console_lock, 1, __ATOMIC_ACQUIRE))
			return true;
		arch_relax();
	}
	return false;
}

void metal_write(const char *text, size_t length)
{
	unsigned long state = arch_irq_save();
	bool locked = lock_console();

	for (size_t i = 0; i < length; i++)
		arch_putc(text[i]);
	if (locked)
		__atomic_store_n(&console_lock, 0, __ATOMIC_RELEASE);
	arch_irq_restore(state);
}

static void print_list(const char *format, va_list arguments)
{
	char line[LINE_BYTES];
	int length = qi_vsnprintf(line, sizeof(line), format, arguments);

	metal_write(line, qi_min((uint64_t)length, sizeof(line) - 1));
}

void metal_print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
}

static void sink_write(void *ctx, const char *text, size_t length)
{
	(void)ctx;
	metal_write(text, length);
}

const struct quire_report_sink metal_sink = { .write = sink_write };

void metal_panic(bool dump, const char *format, ...)
{
	va_list arguments;

	if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
		arch_exit(METAL_EXIT_PANIC);
	metal_print("panic: ");
	va_start(arguments, format);
	print_list(format, arguments);
	va_end(arguments);
	metal_print("\n");
	if (dump)
		arch_dump_registers();
	metal_print("engine: boot stage %d, %u nodes\n", (int)metal.q.stage, metal.q.topology.node_count);
	if (metal.q.stage >= QUIRE_STAGE_ZONES)
		quire_report_zones(&metal.q, &metal_sink);
	metal_print("metal: exit %u\n", METAL_EXIT_PANIC);
	arch_exit(METAL_EXIT_PANIC);
}
