/*
 * What the files of the common kernel share. Internal to ports/metal/.
 *
 * One instance of everything: a kernel has one machine. The engine keeps to its rule and has no state of its own; all
 * of it hangs off `metal.q`.
 */
#ifndef METAL_KERNEL_H
#define METAL_KERNEL_H

#include <quire/quire.h>
#include <quire/report.h>

#include "arch.h"
#include "base/base.h"

/* --- print.c: the console --------------------------------------------------------------------------------------------- */

void metal_write(const char *text, size_t length);
/* Where reports go. */
extern const struct quire_report_sink metal_sink;

/* --- options.c: the command line -------------------------------------------------------------------------------------- */

enum metal_test {
	METAL_TEST_NONE,	/* boot, print, power off */
	METAL_TEST_QUICK,	/* portable tests and a short storm; what runs when nothing is said */
	METAL_TEST_MATRIX,	/* every memory model with every init policy in turn */
	METAL_TEST_STORM,	/* allocation on all CPUs for `seconds` */
	METAL_TEST_HOTPLUG,	/* memory comes and goes `cycles` times, within `seconds`, while other CPUs allocate */
	METAL_TEST_BENCH,	/* instructions per operation and per boot stage */
	METAL_TEST_PANIC,	/* raise an exception, to see that it is told */
	METAL_TEST_OVERFLOW,	/* run over the stack's end, to see that it is told */
	METAL_TESTS
};

struct metal_options {
	enum metal_test test;
	unsigned seconds;	/* for storm and hotplug; default 5 */
	unsigned cycles;	/* for hotplug; default 1; 0: as many as come until the time is over and all memory has left */
	unsigned report;	/* bits: what to print after boot */
	bool verbose;		/* the engine's debugging messages, too */
	unsigned hertz;		/* intr=: interrupts a second on each CPU that allocate during storm and hotplug; 0: none */
	quire_phys_t rsdp;	/* acpi_rsdp=: instead of the one the loader names; 0: not given */
};

#define METAL_REPORT_COSTS	0x1u
#define METAL_REPORT_ZONEINFO	0x2u
#define METAL_REPORT_BUDDYINFO	0x4u
#define METAL_REPORT_ZONELISTS	0x8u
#define METAL_REPORT_BLOCKS	0x10u
#define METAL_REPORT_LOG	0x20u
#define METAL_REPORT_STEPS	0x40u	/* all of it again after each step of plugging and unplugging */

/*
 * Words of ours (model= init= rules= workers= test= seconds= cycles= report= acpi_rsdp= intr= verbose) into options and
 * config, the rest through quire_cmdline_parse(). `config` has its defaults. False, with a message: a word of ours has
 * a value that does not exist.
 */
bool metal_parse_options(const char *command_line, struct metal_options *options, struct quire_config *config);

/* --- machine.c: what firmware says ------------------------------------------------------------------------------------ */

/* An empty machine over this kernel's tables, and a copy of the command line. */
void metal_machine_begin(const struct metal_boot *boot);
const char *metal_command_line(void);

/*
 * Fill metal.machine: the memory map, the image, ACPI's tables; then sanitize the map as the command line wants.
 * Tables that are broken are told and left out; a status means that there is no memory map.
 */
enum quire_status metal_read_machine(const struct metal_boot *boot, const struct quire_config *config);

/* --- direct.c: the direct map ----------------------------------------------------------------------------------------- */

/* Where page tables come from: a piece of RAM set aside before the engine sees it (and told as a reservation). */
enum quire_status metal_reserve_tables(void);

/* Map [phys, phys + size) and remember that phys_to_virt may answer for it. */
enum quire_status metal_map(quire_phys_t phys, quire_phys_t size);
/* Undo it for a piece that was mapped by one call. */
void metal_unmap(quire_phys_t phys, quire_phys_t size);

/* All RAM of the machine as far as the direct map reaches. */
enum quire_status metal_map_ram(void);

void *metal_phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size);

/* A frame of the kernel's own, as metal_table_page() but not zeroed. */
quire_phys_t metal_own_frame(void);

/* Bytes of page tables and stacks taken so far. */
quire_phys_t metal_tables_used(void);

/* --- stacks.c --------------------------------------------------------------------------------------------------------- */

#define METAL_STACKS 32u
#define METAL_STACK_BYTES 0x8000u
/* From one stack to the next; nothing is mapped in between. */
#define METAL_STACK_STRIDE 0x10000u
#define METAL_NO_CPU 0xffu

/* A new stack, for a CPU or METAL_NO_CPU: its end, where it begins to grow down from. NULL: no frames, or no more stacks. */
void *metal_stack_make(unsigned cpu);
/* Frames that so many stacks need. */
uint64_t metal_stack_pages(unsigned stacks);

/* --- threads.c: tasks that wait --------------------------------------------------------------------------------------- */

/*
 * A piece of work on a stack of its own. The owner keeps the structure, fills in the first three, and may queue it again
 * once `done` is set. CPUs are not taken from tasks: one that waits for something has to yield or to sleep.
 */
struct metal_task {
	void (*fn)(void *arg, unsigned worker);
	void *arg;
	unsigned worker;
	uint32_t done;
	/* Of threads.c: */
	struct metal_task *next;
	void *stack, *at;		/* its end; where the task stands while it does not run. NULL: not begun */
	uint8_t state;			/* why it left its CPU */
	bool asleep, woken;		/* woken: while it was not asleep */
};
void metal_queue(struct metal_task *task);
/* Return when the task has ended; the caller runs others meanwhile, or lets them run. */
void metal_wait_for(const struct metal_task *task);

/* Let others run, and come back: from a task or from a CPU's own road. */
void metal_yield(void);
/* From a task: until metal_wake(), or at once if that was called since the last sleep. Any CPU, any context may wake. */
void metal_sleep(void);
void metal_wake(struct metal_task *task);

/* From a CPU's own road: run a task until it leaves. False: there is none that could run. */
bool metal_run_one(void);
bool metal_work_waits(void);
/* Most tasks begun and not ended; further ones wait. */
unsigned metal_task_stacks(void);

/* --- reclaimer.c: the background reclaimer, a task -------------------------------------------------------------------- */

void metal_reclaimer_start(void);
/* Returns when it has ended: the engine may be unmade. */
void metal_reclaimer_end(void);
void metal_reclaimer_wake(void);

/* --- cpus.c: secondary CPUs ------------------------------------------------------------------------- */

/* Bit n: CPU n runs. */
extern volatile uint32_t metal_cpus_running;

/* Start the machine's enabled CPUs, as many as the configuration and METAL_CPUS allow. Returns how many run. */
unsigned metal_start_cpus(unsigned most);

/* fn(arg, 0 … workers - 1) on all CPUs; returns when all have returned. */
void metal_run_parallel(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers);

/* --- ticks.c: interrupts that allocate -------------------------------------------------------------------------------- */

/* From here on as options.hertz says; nothing if that is 0. False: this machine has no clock for it. */
bool metal_ticks_begin(void);
/* No more, and all is given back. False: the engine would not have a block back. */
bool metal_ticks_end(void);
/* How many there were. False: not one, or something went wrong. */
bool metal_ticks_told(void);

/* --- platform.c ------------------------------------------------------------------------------------------------------- */

/* What quire_init() is given. */
const struct quire_platform *metal_platform(void);

/* --- boot.c: one machine's engine ------------------------------------------------------------------------------------- */

/* quire_init(), quire_boot() with this configuration, and the reclaimer; on failure everything is given back. */
enum quire_status metal_boot_engine(const struct quire_config *config);
void metal_end_engine(void);

/* Frames free in all zones, those that CPUs keep included (they are drained first). */
uint64_t metal_free_frames(void);

/* Print what report= asks for. */
void metal_report(void);

/* --- tests: each returns METAL_EXIT_* --------------------------------------------------------------------------------- */

unsigned metal_test_portable(void);
unsigned metal_test_kmap(void);
unsigned metal_test_storm(unsigned seconds);
unsigned metal_test_matrix(const struct quire_config *config);
unsigned metal_test_hotplug(unsigned seconds, unsigned cycles);
unsigned metal_test_bench(void);
unsigned metal_test_panic(void);
unsigned metal_test_overflow(void);

/* --- the one machine -------------------------------------------------------------------------------------------------- */

enum metal_step {
	METAL_STEP_BEGIN,	/* metal_main() */
	METAL_STEP_OPTIONS,	/* command line */
	METAL_STEP_FIRMWARE,	/* memory map, ACPI or device tree */
	METAL_STEP_MAPPED,	/* direct map */
	METAL_STEP_CPUS,	/* secondary CPUs */
	METAL_STEP_ENGINE,	/* quire_boot() */
	METAL_STEP_FIRST,	/* somebody has memory */
	METAL_STEPS
};

struct metal {
	struct metal_boot boot;
	struct metal_options options;
	struct quire_config config;
	struct quire_machine machine;
	struct quire q;
	/* Complaints of the engine are wanted just now, and not printed. */
	bool provoked;
	/* Clock at the end of each step of the boot. */
	uint64_t step_ns[METAL_STEPS];
};
extern struct metal metal;

#endif
