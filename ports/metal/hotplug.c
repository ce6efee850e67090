/* Memory that comes and goes, and the test that waits for it while other CPUs allocate. */
#include "hotplug.h"

#include <quire/hotplug.h>

#include "tests/portable/portable.h"

#define POLL_NS 10000000u
#define PROBES 512u		/* blocks of the largest order: 2 GiB of other memory may come first */
/*
 * How long to go on trying to take memory off line. A block on its way from hand to hand is nobody's for a moment, and as
 * long as the host keeps a virtual CPU from running the moment lasts.
 */
#define PATIENCE_NS 10000000000u
#define SEED 7u
#define OPERATIONS 2000u

static struct portable_storm storm;
static uint32_t storm_stop;

/* Nodes are numbered in the order in which firmware named their domains. */
static int node_of(uint32_t domain)
{
	for (size_t i = 0; i < metal.machine.domain_count; i++)
		if (metal.machine.domains[i] == domain)
			return (int)i;
	return 0;
}

static void explain(const char *what, unsigned index, const char *step, enum quire_status status,
		    const struct quire_hotplug_failure *f)
{
	metal_print("%s %u: %s: %s", what, index, step, quire_status_string(status));
	if (f->step)
		metal_print(" (%s: %s%s%s)", f->step, f->why ? f->why : "", f->who ? ", says " : "", f->who ? f->who : "");
	if (f->obstacle.why)
		metal_print("; frame %#llx, in the block of order %u at %#llx, %s", (unsigned long long)f->obstacle.pfn,
			    f->obstacle.order, (unsigned long long)f->obstacle.head, f->obstacle.why);
	metal_print("\n");
}

/* Blocks of the new memory hold what is written into them. Blocks from elsewhere that come first go back at the end. */
static bool probe(quire_pfn_t start, quire_pfn_t end, int nid)
{
	const quire_gfp_t gfp = QUIRE_GFP_HIGHUSER_MOVABLE | QUIRE_GFP_THISNODE | QUIRE_GFP_NOWARN | QUIRE_GFP_NORETRY;
	unsigned shift = quire_page_shift(&metal.q.config), order = quire_max_order(&metal.q.config), count = 0;
	static quire_pfn_t blocks[PROBES];
	bool inside = false, good = true;

	while (count < PROBES && !inside && quire_alloc_frames(&metal.q, nid, order, gfp, &blocks[count]) == QUIRE_OK) {
		uint64_t *at = metal_phys_to_virt(NULL, blocks[count] << shift, (quire_phys_t)1 << shift);

		inside = blocks[count] >= start && blocks[count] < end;
		if (at)
			*at = blocks[count];
		count++;
	}
	while (count--) {
		const uint64_t *at = metal_phys_to_virt(NULL, blocks[count] << shift, (quire_phys_t)1 << shift);

		good = good && (!at || *at == blocks[count]);
		good = quire_free_frames(&metal.q, blocks[count], order) == QUIRE_OK && good;
	}
	return good && inside;
}

/* What there is after each step, for who compares it with another kernel's. */
static void told(const char *step)
{
	if (!(metal.options.report & METAL_REPORT_STEPS))
		return;
	metal_print("hotplug: step %s\n", step);
	metal_report();
}

static bool is_online(quire_pfn_t pfn)
{
	struct quire_block block;

	return quire_block_at(&metal.q, pfn, &block) == QUIRE_OK && block.state == QUIRE_BLOCK_ONLINE;
}

bool metal_memory_arrive(const char *what, unsigned index, quire_phys_t base, quire_phys_t size, uint32_t domain)
{
	const struct quire_memory_add add = { .base = base, .size = size, .nid = node_of(domain) };
	unsigned shift = quire_page_shift(&metal.q.config);
	struct quire_hotplug_failure failure = { 0 };
	enum quire_status status = metal_map(base, size);

	if (status != QUIRE_OK) {
		explain(what, index, "direct map", status, &failure);
		return false;
	}
	status = quire_memory_add(&metal.q, &add, &failure);
	if (status != QUIRE_OK) {
		explain(what, index, "add", status, &failure);
		metal_unmap(base, size);
		return false;
	}
	told("added");
	if (!is_online(base >> shift))		/* the command line may have it come on line by itself */
		status = quire_memory_online(&metal.q, base >> shift, size >> shift, QUIRE_ONLINE_MOVABLE, &failure);
	if (status != QUIRE_OK) {
		explain(what, index, "online", status, &failure);
		metal_memory_leave(what, index, base, size);
		return false;
	}
	told("online");
	metal_print("%s %u: %#llx-%#llx on line, node %d%s\n", what, index, (unsigned long long)base,
		    (unsigned long long)(base + size - 1), add.nid,
		    probe(base >> shift, (base + size) >> shift, add.nid) ? ", in use" : ", NOT USED");
	return true;
}

bool metal_memory_leave(const char *what, unsigned index, quire_phys_t base, quire_phys_t size)
{
	unsigned shift = quire_page_shift(&metal.q.config);
	struct quire_hotplug_failure failure = { 0 };
	uint64_t end = arch_now_ns() + PATIENCE_NS;
	enum quire_status status;

	metal.provoked = true;
	do
		status = quire_memory_offline(&metal.q, base >> shift, size >> shift, &failure);
	while (status == QUIRE_EBUSY && arch_now_ns() < end);
	metal.provoked = false;
	if (status != QUIRE_OK) {
		explain(what, index, "offline", status, &failure);
		return false;
	}
	told("offline");
	status = quire_memory_remove(&metal.q, base, size, &failure);
	if (status != QUIRE_OK) {
		explain(what, index, "remove", status, &failure);
		return false;
	}
	metal_unmap(base, size);
	told("removed");
	return true;
}

/* --- the test --------------------------------------------------------------------------------------------------------- */

static void say(void *ctx, const char *text)
{
	(void)ctx;
	metal_print("  storm: %s\n", text);
}

static void rage(void *arg, unsigned worker)
{
	(void)arg;
	while (!__atomic_load_n(&storm_stop, __ATOMIC_ACQUIRE)) {
		portable_storm_work(&storm, worker);
		metal_yield();
	}
}

/* Without a number of cycles: until the time is over and what came has left. */
static bool goes_on(uint64_t end, unsigned cycles, unsigned left)
{
	if (cycles)
		return left < cycles && arch_now_ns() < end;
	return arch_now_ns() < end || metal_dimms_present() || metal_virtio_mem_present();
}

static unsigned poll_until(uint64_t end, unsigned cycles)
{
	unsigned left = 0;

	while (goes_on(end, cycles, left)) {
		uint64_t next = arch_now_ns() + POLL_NS;

		left += metal_dimm_poll();
		left += metal_virtio_mem_poll();
		while (arch_now_ns() < next)
			arch_relax();
	}
	return left;
}

/* We put memory on line ourselves, as movable, unless the command line says what is to become of it. */
static bool set_policy(void)
{
	struct quire_hotplug_policy policy = *quire_hotplug_policy(&metal.q);

	if (metal.config.options.memhp_online_given)
		return true;
	policy.auto_online = QUIRE_ONLINE_NONE;
	return quire_hotplug_set_policy(&metal.q, &policy) == QUIRE_OK;
}

/* The storm on all CPUs but this one until so many pieces have left, then everybody still and nothing held. */
static unsigned cycle(uint64_t end, unsigned cycles, bool *good)
{
	static struct metal_task tasks[PORTABLE_STORM_WORKERS];
	unsigned left;

	__atomic_store_n(&storm_stop, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < storm.workers; i++) {
		tasks[i] = (struct metal_task){ .fn = rage, .worker = i };
		metal_queue(&tasks[i]);
	}
	*good = metal_ticks_begin() && *good;
	left = poll_until(end, cycles);
	__atomic_store_n(&storm_stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < storm.workers; i++)
		metal_wait_for(&tasks[i]);
	*good = metal_ticks_end() && *good;
	return left;
}

/*
 * The first half of the cycles brings the engine's tables for zones and CPUs into being, which stay; in the second half
 * not one frame may be lost.
 */
unsigned metal_test_hotplug(unsigned seconds, unsigned cycles)
{
	static struct portable p = { .q = &metal.q, .say = say };
	bool dimms = metal_dimm_find(), virtio = metal_virtio_mem_find(), good = portable_warm_up(&p);
	uint64_t end = arch_now_ns() + seconds * 1000000000ull, moved = 0, requests = 0;
	unsigned left;

	if (!dimms && !virtio) {
		metal_print("hotplug: this machine has no memory slots and no virtio-mem device\n");
		return METAL_EXIT_MACHINE;
	}
	storm.p = &p;
	storm.operations = OPERATIONS;
	storm.workers = (unsigned)qi_min(metal.q.config.cpus - 1, PORTABLE_STORM_WORKERS);
	good = portable_storm_begin(&storm, SEED) && set_policy() && good;
	metal_print("hotplug: ready\n");
	left = cycle(cycles ? end : end - seconds * 500000000ull, (cycles + 1) / 2, &good);
	good = portable_storm_settle(&storm) && good;
	if (!cycles || left < cycles)
		left += cycle(end, cycles ? cycles - left : 0, &good);
	good = portable_storm_end(&storm) && good;
	good = metal_ticks_told() && good;
	for (unsigned i = 0; i < storm.workers; i++) {
		moved += storm.worker[i].moved;
		requests += storm.worker[i].requests;
	}
	good = good && left && (!cycles || left == cycles);
	metal_print("hotplug: %u of %u pieces came and went, storm of %u CPUs beside it, %llu requests, %llu blocks moved: %s\n",
		    left, cycles ? cycles : left, storm.workers, (unsigned long long)requests, (unsigned long long)moved,
		    good ? "ok" : "FAILED");
	return good ? METAL_EXIT_OK : METAL_EXIT_FAILED;
}
