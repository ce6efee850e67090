/*
 * A machine's life: everything that can be done to memory while a machine runs, at random, against a naive reference.
 *
 * The reference is one entry per frame: what it is, whose, in which zone, whether it fails. After each operation what the
 * engine answered must follow from it, or be one of the few answers that are allowed where the rules leave a choice; totals
 * must agree at once, the whole map and the engine's checker at intervals.
 *
 * A life is a seed and a number of operations. Each operation draws from a generator of its own, made of the seed and the
 * operation's number, so that operations can be left out of a life without changing the others: that is how a life that
 * ends badly is made short.
 */
#ifndef TESTS_LIFE_LIFE_H
#define TESTS_LIFE_LIFE_H

#include <quire/balloon.h>
#include <quire/compaction.h>
#include <quire/contig.h>
#include <quire/device.h>
#include <quire/frames.h>
#include <quire/pages.h>
#include <quire/poison.h>
#include <quire/quire.h>
#include <quire/reporting.h>

#include "hosted.h"

#define WINDOWS 4u		/* stretches of addresses, a node each */
#define WINDOW_SECTIONS 8u
#define CPUS 4u
#define OWNERS 3u
#define NOBODY UINT32_MAX
#define NO_FRAME UINT32_MAX
#define NO_ZONE 0xffu
#define OK (1u << QUIRE_OK)
#define STATUS(name) (1u << QUIRE_##name)

/* What a frame is. */
enum frame_state {
	ABSENT,
	OFFLINE,
	RESERVED,		/* on line and not the allocator's: firmware's, a block's own descriptors */
	KEPT,			/* ... kept back by the keeper */
	OUT,			/* ... because it fails */
	FREE,
	TAKEN,
	FRAME_STATES
};

enum failing { SOUND, FAILS_OUT, FAILS_PENDING, FAILS_FOREIGN };

enum kind {
	STRANGER,		/* a block nobody claims */
	OWNED,			/* an owner's */
	PAGES,			/* taken with its descriptor */
	RANGE,			/* single frames side by side */
	CMA,			/* the same, of an area */
	BALLOON,
};

/* Something that is held: a block of 2^order frames, or `count` single ones. */
struct holding {
	quire_pfn_t pfn;
	uint64_t count;
	unsigned order, references;
	enum kind kind;
	uint8_t owner;
	bool pinned, used;
	uint64_t stamp;
};

/* A memory block. */
struct block {
	quire_pfn_t pfn;
	uint64_t pages, own;
	int nid;
	bool added, online;
	struct block *next;	/* in rising order */
};

/* What will go wrong in this operation. */
struct plan {
	unsigned refuse_at, vanish_at, cancel_at;	/* the n-th move */
	enum quire_status refusal;
	unsigned veto_at;				/* the n-th question of a notifier */
	unsigned hypervisor_at;				/* the n-th call of the hypervisor */
	unsigned moves, questions, calls;		/* so far */
	enum quire_status failing;			/* what an owner says to a failing frame */
	bool fault;					/* a call of the platform */
	bool gave_up;					/* the owner let go of his failing block */
};

struct life;
struct one_owner {
	struct life *life;
	unsigned number;
};

struct window {
	quire_pfn_t pfn;
	int nid;
};

struct life {
	struct quire q;
	struct quire_config config;
	struct quire_machine machine;
	struct quire_hosted *hosted;
	struct quire_platform platform;
	struct quire_memory_range map[16];
	struct quire_reservation reservations[8];
	struct quire_memory_affinity affinities[8];
	struct quire_cpu cpus[8];
	uint32_t domains[8];
	uint8_t distances[64];

	uint64_t seed, draw;		/* the life's, and the generator's state */
	unsigned op;			/* now */
	const char *what;
	bool telling, whispering;	/* operations are written down; but not each frame */
	bool exact;			/* metadata is outside: no frame is the engine's */
	bool blocks_here;		/* the model has memory blocks */

	/* --- the reference --- */

	struct window windows[WINDOWS];
	unsigned window_count;
	uint64_t window_frames, section_frames;
	uint32_t frames;		/* of all windows */
	uint8_t *state, *failing, *tested, *gone, *own, *kept, *zone;
	uint32_t *holder;
	uint64_t free[256], taken[256], present[256], managed[256];	/* by zone */
	uint64_t out, pending, foreign;
	struct holding *holdings;
	uint32_t holding_count, holding_max;
	struct block *blocks;
	bool cpu_off[CPUS];
	uint64_t stamp;

	/* --- others --- */

	struct quire_owner owners[OWNERS];
	struct one_owner one[OWNERS];
	struct quire_memory_notifier notifier;
	struct quire_memory_keeper keeper;
	struct quire_balloon balloon;
	struct quire_reporting reporting;
	struct quire_device device;
	struct quire_device_range device_range;
	bool device_there;
	uint64_t device_users;
	struct plan plan;
	uint64_t going;			/* blocks a notifier was asked about and has not heard of since */
	uint64_t outcomes[QUIRE_STATUSES];
	char log[1 << 13];
	size_t log_length;
};

/* --- life.c: the whole of it ------------------------------------------------------------------------------------------ */

/* A number below n. */
uint64_t draw(struct life *l, uint64_t n);
static inline bool one_in(struct life *l, unsigned n) { return draw(l, n) == 0; }
/* It is over: says what, when and why, and ends the process. */
_Noreturn void broken(struct life *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define must(l, condition)                                                                                                  \
	do {                                                                                                                \
		if (!(condition))                                                                                           \
			broken(l, "%s:%d: %s", __FILE__, __LINE__, #condition);                                             \
	} while (0)
/* For the history. */
void tell(struct life *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One of the answers of the mask; counts it. Returns status == QUIRE_OK. */
bool answer(struct life *l, enum quire_status status, unsigned mask);
#define FAULTS (STATUS(ENOMEM) | STATUS(EPLATFORM) | STATUS(EUNSUPPORTED))

/*
 * Live. skip: a byte per operation, not zero: it is left out; may be NULL. Ends the process when something is wrong.
 */
void live(uint64_t seed, unsigned ops, const uint8_t *skip, bool telling);
/* Called when a machine is up, before anything is done to it; NULL: nobody wants to know. */
extern void (*at_birth)(struct life *l);

/* --- machine.c -------------------------------------------------------------------------------------------------------- */

/* False: it does not boot, and that is all right. */
bool open_machine(struct life *l);
void close_machine(struct life *l);
/* In which window pfn is; frames are numbered through all windows. NO_FRAME: in none. */
uint32_t frame_of(const struct life *l, quire_pfn_t pfn);
quire_pfn_t pfn_of(const struct life *l, uint32_t frame);
unsigned shift_of(const struct life *l);
/* A frame of any window. */
quire_pfn_t some_pfn(struct life *l);

/* --- reference.c ------------------------------------------------------------------------------------------------------ */

void set_state(struct life *l, uint32_t frame, enum frame_state state);
void set_failing(struct life *l, uint32_t frame, enum failing failing);
void set_gone(struct life *l, uint32_t frame, bool gone);
void set_zone(struct life *l, uint32_t frame, uint8_t zone);
static inline uint8_t zone_key(int nid, enum quire_zone_type type) { return (uint8_t)(nid * 8 + (int)type); }
struct quire_zone *zone_by_key(struct life *l, uint8_t key);
struct quire_zone *zone_of(struct life *l, quire_pfn_t pfn);

/* [pfn, pfn + count) is free now; becomes somebody's. Its index. */
uint32_t take(struct life *l, quire_pfn_t pfn, uint64_t count, unsigned order, enum kind kind);
/* The model's part of giving all of it back. */
void give(struct life *l, uint32_t holding);
/* The first `count` frames of single ones. */
void give_part(struct life *l, uint32_t holding, uint64_t count);
/* The engine moved it. */
void move(struct life *l, uint32_t holding, quire_pfn_t to);
/* Some holding of the kinds in the mask, or NOBODY. */
uint32_t some_holding(struct life *l, unsigned kinds);
/* A frame of the block fails already. */
bool is_cut(const struct life *l, const struct holding *h);

struct contents {
	uint64_t of[FRAME_STATES];
	uint64_t movable, fixed;	/* taken frames */
	uint64_t pending;		/* ... that fail */
	uint64_t cma, driver;		/* frames of areas; drivers' */
	uint64_t reserved;		/* reserved and not own, or gone */
	unsigned largest;		/* order of what is movable */
};
struct contents look(const struct life *l, quire_pfn_t pfn, uint64_t count);

/* Totals; and all of it. */
void compare(struct life *l);
void compare_all(struct life *l);
/* What can be seen of ledger, blocks, zones and lists, as a number. */
uint64_t fingerprint(struct life *l);

struct block *block_at(struct life *l, quire_pfn_t pfn);
struct block *some_block(struct life *l);

/* --- holders.c -------------------------------------------------------------------------------------------------------- */

void open_holders(struct life *l);
void close_holders(struct life *l);

/* --- what can be done ------------------------------------------------------------------------------------------------- */

void do_alloc(struct life *l);
void do_free(struct life *l);
void do_churn(struct life *l);
void do_bulk(struct life *l);
void do_split(struct life *l);
void do_wrong_free(struct life *l);
void do_pin(struct life *l);
void free_holding(struct life *l, uint32_t holding);

void do_add(struct life *l);
void do_online(struct life *l);
void do_offline(struct life *l);
void do_remove(struct life *l);
void do_survey(struct life *l);
void do_keeper(struct life *l);
void do_policy(struct life *l);

void do_range(struct life *l);
void do_contig(struct life *l);
void do_cma(struct life *l);
void do_cma_release(struct life *l);

void do_poison(struct life *l);
void do_unpoison(struct life *l);
void do_balloon(struct life *l);
void do_device(struct life *l);

void do_tunables(struct life *l);
void do_cpu(struct life *l);
void do_compact(struct life *l);
void do_report(struct life *l);
void do_drain(struct life *l);

#endif
