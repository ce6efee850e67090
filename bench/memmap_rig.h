/* Machines for the benchmarks of the memmap. */
#ifndef BENCH_MEMMAP_RIG_H
#define BENCH_MEMMAP_RIG_H

#include <quire/page_alloc.h>
#include <quire/quire.h>

#include "hosted.h"

/* Where the window of descriptors comes from. */
enum rig_window {
	/* Frames of the machine, mapped by the hosted port: system calls and page faults included. */
	RIG_HOSTED,
	/* Memory that is there already: mapping costs nothing, as where page tables are made beforehand. */
	RIG_FLAT,
};

struct rig {
	struct quire q;
	struct quire_config config;
	struct quire_machine machine;
	struct quire_memory_range map[3];
	struct quire_memory_affinity affinities[64];
	uint32_t domains[64];
	struct quire_platform platform;		/* RIG_FLAT */
	struct quire_hosted *host;
	void *window;
	size_t window_size;
};

/* x86_64 with RAM in `nodes` equal parts from 1 MiB up, a PCI hole below 4 GiB. Not booted yet. */
void rig_make(struct rig *rig, uint64_t bytes, unsigned nodes, enum quire_model model, enum quire_init_policy init,
	      enum rig_window window);
void rig_drop(struct rig *rig);

/* Boot up to and including a stage, or leave the program with a message. */
void rig_boot(struct rig *rig, enum quire_boot_stage stage);

/* Write a byte into every page of the descriptors that have room, so that no first touch is measured. */
void rig_touch(struct rig *rig);

/* Wall clock, and CPU time of this thread, which other programs on the host disturb less. Nanoseconds. */
uint64_t rig_now(void);
uint64_t rig_cpu(void);
uint64_t rig_median(uint64_t *values, size_t count);
void rig_check(bool good, const char *what);

/* A line of the table: what, its goal, what it came to. */
void rig_row(const char *what, const char *goal, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fill [at, at + bytes) by non-temporal stores; nanoseconds of CPU time. */
uint64_t rig_stream(void *at, uint64_t bytes);

#endif
