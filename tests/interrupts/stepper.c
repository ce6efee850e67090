/* See stepper.h. */
#define _GNU_SOURCE
#include "stepper.h"

#include <stdio.h>

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define CAN_STEP 1
#else
#define CAN_STEP 0
#endif
#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef CAN_STEP
#define CAN_STEP 0
#endif
#endif

#if CAN_STEP

#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "debug/debug.h"
#include "handler.h"
#include "hosted.h"
#include "zone/stock.h"
#include "zone/zone.h"

#define TRAP_FLAG 0x100ul
#define PLACES 256u
#define TICK_US 500000

static struct {
	struct quire *q;
	struct quire_platform *platform, real;
	struct stepper_options options;
	unsigned nested;		/* stepper_on() */
	unsigned entered;		/* cpu_enter: 0 or 1 */
	volatile bool interrupted;	/* the interrupt runs */
	volatile uint64_t alive;	/* interrupts that came back */
	uint64_t in_call, burst_ends, leaves, length;
	const void *place;		/* where the interrupt came */
	const void *places[PLACES];	/* of findings */
	unsigned place_count;
	struct handler handler;
	struct stepper_result result;
} s;

static unsigned long trap_flag_set(unsigned long flag)
{
	unsigned long flags = __builtin_ia32_readeflags_u64();

	__builtin_ia32_writeeflags_u64((flags & ~TRAP_FLAG) | flag);
	return flags & TRAP_FLAG;
}

const char *stepper_name(const void *address, char *text, size_t size)
{
	Dl_info info;

	if (dladdr(address, &info) && info.dli_sname)
		snprintf(text, size, "%s+%#lx", info.dli_sname, (unsigned long)((const char *)address -
				(const char *)info.dli_saddr));
	else if (dladdr(address, &info) && info.dli_fname)
		snprintf(text, size, "%s(+%#lx)", info.dli_fname, (unsigned long)((const char *)address -
				(const char *)info.dli_fbase));
	else
		snprintf(text, size, "%p", address);
	return text;
}

static void say(const char *what)
{
	char name[256];
	Dl_info info;
	bool known = dladdr(s.place, &info) && info.dli_fname;
	unsigned long offset = known ? (unsigned long)((const char *)s.place - (const char *)info.dli_fbase) : 0;

	printf("interrupted at %s (addr2line -ifpe %s %#lx): %s\n", stepper_name(s.place, name, sizeof(name)),
	       known ? info.dli_fname : "?", offset, what);
	fflush(stdout);
}

static void found(const char *what)
{
	for (unsigned i = 0; i < s.place_count; i++)
		if (s.places[i] == s.place)
			return;
	if (s.place_count < PLACES)
		s.places[s.place_count++] = s.place;
	s.result.findings++;
	say(what);
}

/* --- locks ------------------------------------------------------------------------------------------------------------- */

/* A lock the interrupt could wait for that somebody has; there is only the interrupted thread. */
static const char *lock_taken(const struct quire *q)
{
	const struct qi_debug *debug = q->page_alloc.debug;

	for (unsigned nid = 0; nid < q->topology.node_count; nid++) {
		const struct quire_node *node = q->topology.nodes[nid];

		for (unsigned type = 0; node && type < QUIRE_ZONE_TYPES; type++) {
			const struct qi_zone *za = qi_zone_of(&node->zones[type]);

			if (za && za->lock.taken)
				return "the zone's lock is taken";
		}
		if (q->stocks && q->stocks[nid].lock.taken)
			return "the stock's lock is taken";
	}
	if (debug && debug->lock.taken)
		return "the lock of debugging is taken";
	if (q->page_alloc.lock)
		return "the allocator's lock is taken";
	if (q->memmap.lock)
		return "the memmap's lock is taken";
	if (q->meta_lock)
		return "the lock of metadata is taken";
	return q->poison.lock ? "the lock of failing frames is taken" : NULL;
}

/* --- the trap --------------------------------------------------------------------------------------------------------- */

static void interrupt(void)
{
	s.interrupted = true;
	s.result.interrupts++;
	if (!handler_run(&s.handler))
		found("what the interrupt took it cannot give back");
	s.alive++;
	s.interrupted = false;
}

/* The scheduler takes its chance. */
static void wander(void)
{
	unsigned cpu;

	if (s.options.cpus < 2 || handler_draw(&s.handler, 4))
		return;
	cpu = (unsigned)handler_draw(&s.handler, s.options.cpus);
	if (!s.options.may_run || s.options.may_run(s.options.ctx, cpu))
		quire_hosted_bind_cpu(cpu);
}

/* Steps enough for this call: go on without, until the engine lets interrupts in again. */
static bool enough(void)
{
	if (!s.options.most || s.in_call < s.options.most)
		return false;
	return s.in_call >= s.burst_ends;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	const char *taken;

	(void)signal;
	(void)info;
	s.result.steps++;
	if (s.entered) {
		s.length++;
		return;
	}
	s.in_call++;
	if (enough()) {
		at->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
		return;
	}
	if (s.options.every > 1 && s.result.steps % s.options.every)
		return;
	s.place = (const void *)at->uc_mcontext.gregs[REG_RIP];
	taken = lock_taken(s.q);
	if (taken) {
		found(taken);
		return;
	}
	interrupt();
	wander();
}

/* Half a second is for ever. */
static void on_tick(int signal)
{
	static uint64_t seen;

	(void)signal;
	if (s.interrupted && seen == s.alive + 1) {
		say("the interrupt does not come back");
		_exit(1);
	}
	seen = s.interrupted ? s.alive + 1 : 0;
}

/* --- the platform, wrapped: nobody steps through it -------------------------------------------------------------------- */

static unsigned cpu_enter(void *ctx, unsigned long *state)
{
	unsigned long flag = trap_flag_set(0);
	unsigned long inner = 0;
	unsigned cpu = s.real.cpu_enter(ctx, &inner);

	*state = s.entered;
	if (!s.entered)
		s.length = 0;
	if (!s.interrupted)
		s.entered = 1;
	if (s.options.measure)
		trap_flag_set(flag);
	return cpu;
}

static void cpu_leave(void *ctx, unsigned long state)
{
	unsigned long flag = trap_flag_set(0);

	s.real.cpu_leave(ctx, 0);
	if (s.interrupted)
		return;
	if (!state && s.entered && s.length > s.result.longest) {
		s.result.longest = s.length;
		s.result.longest_ended = __builtin_return_address(0);
	}
	s.entered = (unsigned)state;
	if (s.entered || !s.nested) {
		trap_flag_set(flag);
		return;
	}
	/* Bursts become rarer. */
	s.leaves++;
	if (!enough() || !handler_draw(&s.handler, 1 + s.leaves / 16)) {
		s.burst_ends = enough() ? s.in_call + s.options.most / 4 : s.burst_ends;
		trap_flag_set(TRAP_FLAG);
	}
}

#define WRAP(call) do { unsigned long flag_ = trap_flag_set(0); call; trap_flag_set(flag_); } while (0)

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	void *address;

	WRAP(address = s.real.phys_to_virt(ctx, phys, size));
	return address;
}

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t len)
{
	WRAP(s.real.log(ctx, level, text, len));
}

static void *meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	void *memory;

	WRAP(memory = s.real.meta_alloc(ctx, size, align, nid));
	return memory;
}

static void meta_free(void *ctx, void *address, size_t size)
{
	WRAP(s.real.meta_free(ctx, address, size));
}

static enum quire_status vmemmap_map(void *ctx, void *va, quire_phys_t phys, quire_phys_t size)
{
	enum quire_status status;

	WRAP(status = s.real.vmemmap_map(ctx, va, phys, size));
	return status;
}

static void vmemmap_unmap(void *ctx, void *va, quire_phys_t size)
{
	WRAP(s.real.vmemmap_unmap(ctx, va, size));
}

static void barrier_all(void *ctx)
{
	WRAP(s.real.barrier_all(ctx));
}

static uint64_t now_ns(void *ctx)
{
	uint64_t now;

	WRAP(now = s.real.now_ns(ctx));
	return now;
}

/* Workers one after the other: one thread is stepped. */
static void run_parallel(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers)
{
	(void)ctx;
	for (unsigned i = 0; i < workers; i++)
		fn(arg, i);
}

static void wrap_platform(struct quire_platform *p)
{
	p->cpu_enter = cpu_enter;
	p->cpu_leave = cpu_leave;
	p->phys_to_virt = phys_to_virt;
	p->log = p->log ? log_line : NULL;
	p->meta_alloc = p->meta_alloc ? meta_alloc : NULL;
	p->meta_free = p->meta_free ? meta_free : NULL;
	p->vmemmap_map = p->vmemmap_map ? vmemmap_map : NULL;
	p->vmemmap_unmap = p->vmemmap_unmap ? vmemmap_unmap : NULL;
	p->barrier_all = p->barrier_all ? barrier_all : NULL;
	p->now_ns = p->now_ns ? now_ns : NULL;
	p->run_parallel = run_parallel;
}

static unsigned long begin_bytes(size_t size)
{
	s.length += size / 8;
	return trap_flag_set(0);
}

static void end_bytes(unsigned long flag)
{
	trap_flag_set(flag);
}

/* --- outside ----------------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t trapped;
static void note_trap(int signal)
{
	(void)signal;
	trapped = 1;
}

bool stepper_available(void)
{
	struct sigaction action = { .sa_handler = note_trap }, before;

	sigaction(SIGTRAP, &action, &before);
	trap_flag_set(TRAP_FLAG);
	trap_flag_set(0);
	sigaction(SIGTRAP, &before, NULL);
	if (!trapped)
		printf("the trap flag does nothing here: skipped\n");
	return trapped;
}

static void catch_signals(void)
{
	struct sigaction trap = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO }, tick = { .sa_handler = on_tick };
	struct itimerval timer = { .it_interval.tv_usec = TICK_US, .it_value.tv_usec = TICK_US };

	tick.sa_flags = SA_RESTART;
	sigaction(SIGTRAP, &trap, NULL);
	sigaction(SIGALRM, &tick, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void stepper_attach(struct quire *q, struct quire_platform *platform, const struct stepper_options *options)
{
	memset(&s, 0, sizeof(s));
	s.q = q;
	s.platform = platform;
	s.real = *platform;
	s.options = *options;
	s.handler = (struct handler){ .q = q, .random = 88172645463325252ull, .hoard = options->hoard };
	wrap_platform(platform);
	catch_signals();
}

void stepper_detach(void)
{
	struct itimerval never = { .it_value.tv_usec = 0 };

	setitimer(ITIMER_REAL, &never, NULL);
	*s.platform = s.real;
	handler_give_back(&s.handler);
}

void stepper_on(void)
{
	if (s.nested++ || !s.q)
		return;
	s.in_call = 0;
	s.burst_ends = 0;
	s.leaves = 0;
	trap_flag_set(TRAP_FLAG);
}

void stepper_off(void)
{
	if (!--s.nested)
		trap_flag_set(0);
}

struct stepper_result stepper_take(void)
{
	struct stepper_result result = s.result;

	result.served = s.handler.served;
	s.handler.served = 0;
	memset(&s.result, 0, sizeof(s.result));
	return result;
}

#else

bool stepper_available(void)
{
	printf("stepping is for x86_64 under Linux, without sanitizers: skipped\n");
	return false;
}

void stepper_attach(struct quire *q, struct quire_platform *platform, const struct stepper_options *options)
{
	(void)q;
	(void)platform;
	(void)options;
}

void stepper_detach(void) { }
static unsigned long begin_bytes(size_t size) { (void)size; return 0; }
static void end_bytes(unsigned long flag) { (void)flag; }
void stepper_on(void) { }
void stepper_off(void) { }
struct stepper_result stepper_take(void) { return (struct stepper_result){ 0 }; }

const char *stepper_name(const void *address, char *text, size_t size)
{
	snprintf(text, size, "%p", address);
	return text;
}

#endif

/*
 * What the linker puts in the place of the host's library. Steps through that would stop once a byte in rep instructions;
 * here a word counts as one instruction.
 */
void *__real_memset(void *to, int byte, size_t size);
void *__real_memcpy(void *to, const void *from, size_t size);
void *__real_memmove(void *to, const void *from, size_t size);
void *__wrap_memset(void *to, int byte, size_t size);
void *__wrap_memcpy(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size);

void *__wrap_memset(void *to, int byte, size_t size)
{
	unsigned long flag = begin_bytes(size);

	__real_memset(to, byte, size);
	end_bytes(flag);
	return to;
}

void *__wrap_memcpy(void *to, const void *from, size_t size)
{
	unsigned long flag = begin_bytes(size);

	__real_memcpy(to, from, size);
	end_bytes(flag);
	return to;
}

void *__wrap_memmove(void *to, const void *from, size_t size)
{
	unsigned long flag = begin_bytes(size);

	__real_memmove(to, from, size);
	end_bytes(flag);
	return to;
}
