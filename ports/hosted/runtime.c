/* CPUs, workers, time and messages. A thread is a CPU: nothing can interrupt it in a way that allocates. */
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* The only state outside a machine: which CPU a thread plays, and for whom, are facts about the thread. */
static _Thread_local unsigned current_cpu;

static _Thread_local uint64_t current_caller;

void quire_hosted_act_as(uint64_t who)
{
	current_caller = who;
}

static uint64_t caller(void *ctx)
{
	(void)ctx;
	return current_caller;
}

void quire_hosted_bind_cpu(unsigned cpu)
{
	current_cpu = cpu;
}

static unsigned cpu_enter(void *ctx, unsigned long *state)
{
	(void)ctx;
	*state = 0;
	return current_cpu;
}

static void cpu_leave(void *ctx, unsigned long state)
{
	(void)ctx;
	(void)state;
}

/* Every thread of the process passes a full barrier, whether it runs or not. */
static void barrier_all(void *ctx)
{
	(void)ctx;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static uint64_t now_ns(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	const struct quire_hosted *h = ctx;

	if (h->log)
		h->log(h->ctx, level, text, length);
}

static void panic(void *ctx, const char *text)
{
	const struct quire_hosted *h = ctx;

	if (h->panic)
		h->panic(h->ctx, text);
	fprintf(stderr, "quire: panic: %s\n", text);
	abort();
}

struct job {
	void (*fn)(void *arg, unsigned worker);
	void *arg;
	unsigned worker;
	pthread_t thread;
	bool started;
};

static void *run_job(void *arg)
{
	const struct job *job = arg;

	current_cpu = job->worker;
	job->fn(job->arg, job->worker);
	return NULL;
}

/* Worker 0 is the caller; a worker whose thread cannot be made is run by the caller afterwards. */
static void run_parallel(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers)
{
	struct job *jobs = calloc(workers ? workers : 1, sizeof(*jobs));

	(void)ctx;
	for (unsigned i = 1; jobs && i < workers; i++) {
		jobs[i] = (struct job){ .fn = fn, .arg = arg, .worker = i };
		jobs[i].started = !pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]);
	}
	if (workers)
		fn(arg, 0);
	for (unsigned i = 1; i < workers; i++) {
		if (jobs && jobs[i].started)
			pthread_join(jobs[i].thread, NULL);
		else
			fn(arg, i);
	}
	free(jobs);
}

void qi_hosted_runtime(struct quire_hosted *h, const struct quire_hosted_options *options)
{
	h->log = options->log;
	h->panic = options->panic;
	h->ctx = options->ctx;
	h->platform.log = log_line;
	h->platform.panic = panic;
	h->platform.caller = caller;
	h->platform.cpu_enter = cpu_enter;
	h->platform.cpu_leave = cpu_leave;
	/* Kernels without the expedited form leave the callback out: remote caches are then out of reach, no more. */
	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		h->platform.barrier_all = barrier_all;
	h->platform.now_ns = now_ns;
	h->platform.run_parallel = run_parallel;
}

const struct quire_platform *quire_hosted_platform(const struct quire_hosted *h)
{
	return &h->platform;
}
