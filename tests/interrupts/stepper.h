/*
 * An interrupt that allocates, after every instruction.
 *
 * The trap flag of x86 has the CPU stop after each instruction; the handler of that trap plays a device's interrupt
 * handler: unless the platform's cpu_enter keeps it away, it takes blocks and gives them back, and now and then has the
 * interrupted thread go on on another CPU. So an engine that leaves a lock or half a change open to interrupts is not found
 * by chance but wherever it does.
 *
 * Two things are findings. A lock that a request or a free may want is taken while interrupts may come: the interrupt
 * is left out then, and the place noted. And an interrupt that does not come back: a timer sees it and ends the process.
 * What was corrupted is for the caller to see, by quire_check().
 *
 * One stepper in a process, one thread. Only on x86_64 under Linux, and not under sanitizers.
 */
#ifndef TESTS_INTERRUPTS_STEPPER_H
#define TESTS_INTERRUPTS_STEPPER_H

#include <quire/quire.h>

struct stepper_options {
	unsigned cpus;			/* threads wander between CPUs 0 .. cpus - 1; 0, 1: they stay */
	bool (*may_run)(void *ctx, unsigned cpu);	/* NULL: on all */
	void *ctx;
	bool measure;			/* also step through what cpu_enter protects, to see how long it takes */
	unsigned every;			/* an interrupt after every so many steps; 0: 1 */
	/*
	 * In one call: so many steps, then only short bursts, each begun where the engine lets interrupts in. 0: all of
	 * it.
	 */
	uint64_t most;
	/* One of so many interrupts takes a pageblock and keeps it, up to HANDLER_HOARD; 0: none does. */
	unsigned hoard;
};

struct stepper_result {
	uint64_t steps, interrupts, served;	/* served: of the interrupts' requests */
	uint64_t findings;
	uint64_t longest;			/* instructions between cpu_enter and cpu_leave, with `measure` */
	const void *longest_ended;		/* where the engine left cpu_enter then */
};

/* False, with a reason printed: not here. */
bool stepper_available(void);

/*
 * The machine from now on: its platform, which is the caller's and not const, is wrapped. To be called once it is booted, or
 * between stages.
 */
void stepper_attach(struct quire *q, struct quire_platform *platform, const struct stepper_options *options);
/* What interrupts kept goes back. */
void stepper_detach(void);

/* Around calls of the engine. They nest. */
void stepper_on(void);
void stepper_off(void);

/* What there was since the last call. Findings are printed as they come, each place once. */
struct stepper_result stepper_take(void);

/* "function+offset" of an address in this program. */
const char *stepper_name(const void *address, char *text, size_t size);

#define STEPPED(call) ({ stepper_on(); __auto_type stepped_ = (call); stepper_off(); stepped_; })
#define STEPPED_VOID(call) do { stepper_on(); (call); stepper_off(); } while (0)

#endif
