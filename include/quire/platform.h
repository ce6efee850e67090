/*
 * Quire's porting layer: what the embedder provides. Fill in one struct quire_platform and pass it to quire_init().
 *
 * Every callback gets `ctx`, the embedder's own pointer, first. Callbacks marked "optional" may be NULL. Unless a comment
 * says otherwise a callback may be called from boot and from any context that may allocate pages, must not call back
 * into Quire, and must not block.
 *
 * With several CPUs any of them may be called on several at the same time, and while the engine holds locks others wait for:
 * they should be quick, and must not wait for another CPU that may be inside Quire (barrier_all: see there).
 *
 * Three are enough to boot on one CPU: phys_to_virt, log and panic.
 */
#ifndef QUIRE_PLATFORM_H
#define QUIRE_PLATFORM_H

#include <quire/types.h>

enum quire_log_level {
	QUIRE_LOG_ERROR,	/* something was lost or refused */
	QUIRE_LOG_WARNING,	/* odd input, and what was done about it */
	QUIRE_LOG_INFO,		/* the boot log */
	QUIRE_LOG_DEBUG,	/* every memblock call, layouts; only with quire_config.debug */
};

struct quire_platform {
	void *ctx;

	/*
	 * The virtual address of physical [phys, phys + size), writable and contiguous, or NULL if the platform has no
	 * mapping for all of it (i386 highmem, memory not yet in the direct map). Must give the same answer every time.
	 * Called at boot for each table the engine takes, and at run time for metadata and for zeroing; never per
	 * allocation on a fast path.
	 */
	void *(*phys_to_virt)(void *ctx, quire_phys_t phys, quire_phys_t size);

	/* Optional. One complete line, `len` bytes at `text` and a NUL, no newline at the end. */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t len);

	/* A broken invariant or a request that cannot be undone. Must not return. `text` says what was found. */
	void (*panic)(void *ctx, const char *text);

	/*
	 * Optional: space for the engine's own metadata outside the memory it manages (a VMM that keeps the metadata of
	 * its guest on its own heap; a simulation whose books must not show the engine). NULL: metadata comes from
	 * memblock during boot and from the zones afterwards. Returns zeroed memory at `align` (a power of two), near
	 * node nid if that matters (QUIRE_NO_NODE: anywhere), or NULL. meta_free takes back what meta_alloc gave, with
	 * the same size.
	 */
	void *(*meta_alloc)(void *ctx, size_t size, size_t align, int nid);
	void (*meta_free)(void *ctx, void *address, size_t size);

	/*
	 * Optional, needed for SPARSEMEM_VMEMMAP: the window of virtual address space in which page descriptors live.
	 * vmemmap_base is its first byte, vmemmap_size its length (at least max_pfn * stride bytes). vmemmap_map puts
	 * frames [phys, phys + size) at va; both aligned to size, which is the base page size or huge_size (2 MiB).
	 * QUIRE_EUNSUPPORTED for huge_size makes the engine fall back to base pages. Page-table pages it needs the
	 * platform takes from a stock of its own, which it may fill with quire_memblock_phys_alloc() between boot stages.
	 * vmemmap_unmap undoes it, translation caches included. Where
	 * meta_alloc is given, descriptors are metadata too: phys is then QUIRE_PHYS_MAX, and the platform puts zeroed
	 * memory of its own there.
	 */
	void *vmemmap_base;
	quire_phys_t vmemmap_size;
	enum quire_status (*vmemmap_map)(void *ctx, void *va, quire_phys_t phys, quire_phys_t size);
	void (*vmemmap_unmap)(void *ctx, void *va, quire_phys_t size);

	/*
	 * Optional: the CPU the caller runs on, 0 .. cpus - 1, and a guard that keeps the caller on that CPU and keeps
	 * interrupts that allocate away until cpu_leave: interrupts off; preemption off will do only where no interrupt
	 * handler allocates, and nothing is needed where a thread is a CPU. cpu_enter returns the CPU; `state` is the
	 * platform's to save what it must. They nest: each cpu_leave is given what its cpu_enter saved, the innermost
	 * first, so saving the interrupt flag and putting it back is all there is to do. NULL: one CPU, never interrupted.
	 *
	 * Every lock that a request or a free may want is held inside only, so interrupt handlers may call what
	 * page_alloc.h lists, wherever they interrupted the engine. Outside, a thread may be moved to another CPU at any
	 * time. A stay takes some work on a few pageblocks at most; docs/embedding.md has the longest of each
	 * operation.
	 *
	 * A build may have them inline, which saves two calls through pointers a request and a free: with
	 * -DQUIRE_PIN_CPU='"my_cpu.h"' for all files of the engine, that header defines
	 *	static inline unsigned quire_pinned_cpu_enter(unsigned long *state);
	 *	static inline void quire_pinned_cpu_leave(unsigned long state);
	 * and these two are not looked at.
	 */
	unsigned (*cpu_enter)(void *ctx, unsigned long *state);
	void (*cpu_leave)(void *ctx, unsigned long state);

	/*
	 * Optional, with several CPUs: return when every other CPU has executed a full memory barrier since the call (an
	 * inter-processor interrupt; membarrier(2)). It lets one CPU empty another's page caches; without it pages that
	 * other CPUs keep are out of reach until those CPUs free some. May take microseconds; called when memory runs
	 * short, from requests and with locks held: other CPUs may spin for one with interrupts off, and must pass the
	 * barrier all the same.
	 */
	void (*barrier_all)(void *ctx);

	/* Optional: monotonic time in nanoseconds, for the cost sheet and the boot log. NULL: times read as 0. */
	uint64_t (*now_ns)(void *ctx);

	/*
	 * Optional: run fn(arg, 0) … fn(arg, workers - 1), possibly at the same time on several CPUs, and return when all
	 * have returned. NULL: the engine calls them one after the other. May block; called from boot and hotplug only.
	 */
	void (*run_parallel)(void *ctx, void (*fn)(void *arg, unsigned worker), void *arg, unsigned workers);

	/*
	 * Optional, all four for memory that runs short (reclaim.h). reclaim_wake: node nid wants quire_reclaim_tick();
	 * may be called from any context, often. out_of_memory: nothing else helped a request of this order and flags;
	 * true if memory was or will soon be freed. wait: sleep a moment, in requests that may block. task: QUIRE_TASK_*
	 * of who is asking.
	 */
	void (*reclaim_wake)(void *ctx, int nid);
	bool (*out_of_memory)(void *ctx, int nid, unsigned order, uint32_t gfp);
	void (*wait)(void *ctx);
	uint32_t (*task)(void *ctx);

	/*
	 * Optional, for requests with QUIRE_GFP_ACCOUNT: charge 2^order frames to whoever asks; false: over his limit, the
	 * request fails. The last thing of a request: one that was charged does not fail. Any number of frames side by side
	 * (quire_alloc_frames_exact) is charged as the block they are cut from, the next power of two. Giving the charge
	 * back is the embedder's, when he gives back the frames.
	 */
	bool (*account)(void *ctx, unsigned order);

	/*
	 * Optional, both for debugging (debug.h). caller: a number that stands for who is asking (a process, a
	 * subsystem), kept with every block under page_owner. set_mapped: take [phys, phys + size), free frames, out of
	 * the direct map, or put them back, translation caches included; phys_to_virt is asked for them only while they
	 * are in.
	 */
	uint64_t (*caller)(void *ctx);
	void (*set_mapped)(void *ctx, quire_phys_t phys, quire_phys_t size, bool mapped);
};

#define QUIRE_TASK_MEMALLOC	0x1u	/* frees memory itself: all reserves, no reclaim */
#define QUIRE_TASK_VICTIM	0x2u	/* was chosen to die: half of the reserve */
#define QUIRE_TASK_REALTIME	0x4u	/* as if HIGH was given */

#endif
