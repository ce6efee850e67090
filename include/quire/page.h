/*
 * A page descriptor: what is in it, and how node, zone and section are packed into its flags. Where descriptors are, and the
 * accessors that need to know, is memmap.h, which includes this.
 *
 * Nothing here locks; the layout is arithmetic, callable anywhere.
 */
#ifndef QUIRE_PAGE_H
#define QUIRE_PAGE_H

#include <quire/config.h>
#include <quire/types.h>

/* --- descriptors -------------------------------------------------------------------------------------------------- */

/*
 * One descriptor: 16 bytes at the start of each stride (quire_config.page_stride). What follows them in a larger stride
 * is the embedder's, zeroed when the descriptor is initialised.
 *
 * flags	QUIRE_PAGE_* in the low bits; section, node and zone number from the top, as quire_memmap.layout says.
 *		Written at initialisation; afterwards only the low bits change, by who owns the frame or holds the
 *		zone's lock.
 * state	low 24 bits: references, changed atomically; then 5 bits: order of the block this frame heads.
 * owner	belongs to whoever holds the frame; 0 after initialisation; the engine never reads it.
 */
struct quire_page {
	uint32_t flags;
	uint32_t state;
	uint64_t owner;
};

/* Not the allocator's: firmware, kernel, hole, never handed over. */
#define QUIRE_PAGE_RESERVED	0x1u
/* Hot-added and not online, or plugged out by a balloon. */
#define QUIRE_PAGE_OFFLINE	0x2u
/* Bad memory: must not be used again. */
#define QUIRE_PAGE_POISON	0x4u
/* First frame of an owned block of more than one frame. */
#define QUIRE_PAGE_HEAD		0x8u
/* How many such bits there are; the fields of the layout stay above them. */
#define QUIRE_PAGE_FLAG_BITS	4u

/*
 * Parts of quire_page.state: references in the low bits, order above them. References saturate at QUIRE_PAGE_REF_MAX
 * and never come down again: the frame is lost, not reused while in use.
 */
#define QUIRE_PAGE_REF_BITS	24u
#define QUIRE_PAGE_REF_MAX	((1u << QUIRE_PAGE_REF_BITS) - 1)
#define QUIRE_PAGE_ORDER_BITS	5u

/* --- page-flags layout -------------------------------------------------------------------------------------------- */

/*
 * What a flags word must hold. From the top: section, node, zone, last cpu/pid, KASAN tag, LRU generation, LRU
 * references; `flags` single bits at the bottom.
 */
struct quire_page_layout_params {
	/* Bits of the word: 32 or 64. */
	unsigned word_bits;
	/* Number of single-bit flags, less than word_bits. */
	unsigned flags;
	/* Number of zone types that exist, 1 .. QUIRE_ZONE_TYPES. */
	unsigned zones;
	/* Bits of a node id. */
	unsigned nodes_shift;
	/* Bits of a section number: physmem_bits - section_shift; 0 with FLATMEM. */
	unsigned sections_shift;
	/* Classic sparse: the section number must be in the word. */
	bool section_field;
	/* No section field to find the node by: a node that does not fit is an error. */
	bool node_needed;
	/* Bits of the last CPU and process; 0: no NUMA balancing. */
	unsigned lastcpupid_shift;
	/* Bits of the address tag and of the LRU generation; 0: there is none. */
	unsigned kasan_bits;
	unsigned lru_gen_bits;
	/* LRU references get what is left, up to this many bits. */
	unsigned lru_refs_wish;
};

/* A field of the word. width 0: it is not there, and shift means nothing. */
struct quire_page_field {
	unsigned width;
	unsigned shift;
};

/* Where everything went. */
struct quire_page_layout {
	/* What it was computed for. */
	struct quire_page_layout_params params;
	struct quire_page_field section, node, zone, lastcpupid, kasan, lru_gen, lru_refs;
	/* False: nodes exist, but are found by the section's number. */
	bool node_in_flags;
	/* False: wanted, but kept in a word of its own. */
	bool lastcpupid_in_flags;
};

/*
 * Fit the fields. Node goes out first (to a table by section), then last cpu/pid (to its own word), LRU references take
 * what is left. Pure arithmetic, callable anywhere.
 *
 * QUIRE_EUNSUPPORTED and *why, a static sentence: it does not fit even so, or a parameter is out of range; *layout is
 * then untouched. `why` may be NULL.
 */
enum quire_status quire_page_layout_compute(const struct quire_page_layout_params *params,
					    struct quire_page_layout *layout, const char **why);

/* The parameters of the Linux kernel whose arithmetic `config` follows, as Debian builds it. */
void quire_page_layout_linux(const struct quire_config *config, struct quire_page_layout_params *params);

/* The parameters of our own descriptors under `config`. */
void quire_page_layout_own(const struct quire_config *config, struct quire_page_layout_params *params);

/*
 * The five lines of a kernel booted with mminit_loglevel=4, "mminit::pageflags_layout_widths Section 0 Node 10 …". One
 * call of emit(ctx, line) each, without newline; `line` is valid during the call only.
 */
void quire_page_layout_print(const struct quire_page_layout *layout, void (*emit)(void *ctx, const char *line),
			     void *ctx);

#endif
