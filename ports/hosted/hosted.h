/*
 * The hosted port: a machine's memory inside a Linux process.
 *
 * RAM is one sparse memfd, so a machine of 64 TiB costs what is touched of it; each RAM range is mapped when it is first
 * asked for. The window of page descriptors is reserved address space onto which frames of the same file are mapped: what
 * descriptors cost is taken from the simulated machine itself. CPUs are threads.
 *
 *	struct quire_hosted_options options = { .config = &config };
 *	struct quire_hosted *h;
 *	if (quire_hosted_create_machine(&machine, &options, &h) == QUIRE_OK)
 *		quire_init(&q, &config, &machine, quire_hosted_platform(h));
 *
 * One port serves one struct quire. Everything but create, destroy and the fault switch may be called from any thread.
 */
#ifndef QUIRE_HOSTED_H
#define QUIRE_HOSTED_H

#include <quire/config.h>
#include <quire/machine.h>
#include <quire/platform.h>

struct quire_hosted;

/* Options, in `flags`. */
#define QUIRE_HOSTED_OUTSIDE_METADATA	0x1u	/* the engine's metadata on the host's heap, not in the machine's books */
#define QUIRE_HOSTED_NO_VMEMMAP		0x2u	/* a platform without a descriptor window */
#define QUIRE_HOSTED_NO_HUGE		0x4u	/* … or without huge mappings in it */

struct quire_hosted_range {
	quire_phys_t base, size;
};

/* Zeroed is usable but for `config`. */
struct quire_hosted_options {
	const struct quire_config *config;	/* page shift and descriptor stride; read at creation only */
	uint32_t flags;
	quire_phys_t highest_address;		/* exclusive; the window reaches at least there (hotplug). 0: end of RAM */
	quire_phys_t direct_map_end;		/* phys_to_virt refuses addresses from here on (highmem). 0: none */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t length);	/* NULL: silence */
	void (*panic)(void *ctx, const char *text);	/* must not return; NULL: prints to stderr and aborts */
	void *ctx;				/* for log and panic */
};

/*
 * Make a machine with RAM at `ranges` (any order, overlaps merged, rounded inward to pages). QUIRE_EINVAL: no config, or a
 * range that wraps; QUIRE_ENOMEM: the host gives no memory file or no address space. A window too large for the process's
 * address space is not an error: the platform then has none, and the engine refuses SPARSEMEM_VMEMMAP by itself.
 */
enum quire_status quire_hosted_create(const struct quire_hosted_range *ranges, size_t count,
				      const struct quire_hosted_options *options, struct quire_hosted **hosted);

/*
 * The same, with frames behind every entry of the machine's map, whatever its type: a command line may declare reserved
 * ranges to be memory, and what is not used costs nothing.
 */
enum quire_status quire_hosted_create_machine(const struct quire_machine *machine,
					      const struct quire_hosted_options *options, struct quire_hosted **hosted);

/* Unmap and free everything. Pointers from phys_to_virt and metadata die with it. NULL is fine. */
void quire_hosted_destroy(struct quire_hosted *hosted);

/* What quire_init() wants; lives as long as `hosted`. */
const struct quire_platform *quire_hosted_platform(const struct quire_hosted *hosted);

/*
 * More RAM at run time (a DIMM is plugged in). QUIRE_EEXIST if it overlaps RAM that is there, QUIRE_EINVAL if it is not
 * whole host pages. No other thread may use the machine meanwhile.
 */
enum quire_status quire_hosted_add_ram(struct quire_hosted *hosted, quire_phys_t base, quire_phys_t size);

/*
 * The host takes back what is behind [base, base + size) of RAM, whole host pages: a balloon's release, free pages
 * reported. The next access finds zeros. QUIRE_EINVAL: not all of it is RAM; QUIRE_EPLATFORM: the host refused.
 */
enum quire_status quire_hosted_discard(struct quire_hosted *hosted, quire_phys_t base, quire_phys_t size);

/* Declare the calling thread to be CPU `cpu`, in every machine. Threads that never said so are CPU 0. */
void quire_hosted_bind_cpu(unsigned cpu);

/* Who the calling thread asks for from now on: what page_owner keeps with a block (quire_platform.caller). 0 to begin with. */
void quire_hosted_act_as(uint64_t who);

/* Bytes of host memory behind the machine's RAM and descriptors; metadata taken outside and not given back. */
uint64_t quire_hosted_resident(const struct quire_hosted *hosted);
uint64_t quire_hosted_outside(const struct quire_hosted *hosted);

/*
 * Bytes of the engine's metadata that have a host page behind them: with OUTSIDE_METADATA of what meta_alloc gave and of the
 * window, otherwise of the machine's RAM, where nobody but the engine has written yet when boot returns. Cost: a look at
 * every page the engine asked for.
 */
uint64_t quire_hosted_metadata_resident(struct quire_hosted *hosted);

/* The machine behind a platform that quire_hosted_platform() gave. */
struct quire_hosted *quire_hosted_of(const struct quire_platform *platform);

/* Frames the descriptor window has in use, in bytes. */
uint64_t quire_hosted_window_mapped(const struct quire_hosted *hosted);

/* Callbacks that can be made to fail. */
enum quire_hosted_call { QUIRE_HOSTED_PHYS_TO_VIRT, QUIRE_HOSTED_META_ALLOC, QUIRE_HOSTED_VMEMMAP_MAP, QUIRE_HOSTED_CALLS };

/* Fail the n-th call from now (1: the next), once; 0: none. */
void quire_hosted_fail(struct quire_hosted *hosted, enum quire_hosted_call call, uint64_t n);
/* How often it was called so far. */
uint64_t quire_hosted_calls(const struct quire_hosted *hosted, enum quire_hosted_call call);

#endif
