/*
 * quire run and quire shell: a line language over a machine booted in simulation.
 *
 *	line     = [ verb { word } ] [ "#" comment ]
 *	word     = KEY=VALUE | other                     "…" keeps spaces together
 *	number   = 4096 | 0x1000 | 4K                    K M G T: times 1024
 *	range    = 3 | 0..3
 *	handle   = NAME                                  blocks taken, in the order in which they came
 *	block    = NAME[3] | NAME[3..9]
 *	flags    = kernel | atomic | … { + flag }        as quire/page_alloc.h has them, or a number
 *
 * Machine   boot OPTIONS… [INPUT…]                  as "quire boot" takes them; handles are dropped
 *           set NAME=VALUE                          a tunable (min_free_kbytes, …)
 *           cpu N | node N | node any | seed N      on which CPU, from which node, and the random generator
 *           check | drain                           the engine's checkers; CPUs give back what they keep
 *           show REPORT…                            reports of "quire boot --show", and: handles, variables
 * Memory    alloc [order=N] [count=N|all] [type=T] [gfp=FLAGS] [zone=Z] [node=N] [as=NAME]
 *           free NAME | NAME[i..j] | NAME random N|N% | NAME first|last N | NAME every N | all   [keep]
 *           free pfn=P order=N                      whatever that is: refusals are told, and are the result
 *           churn NAME [rounds=N] [orders=A..B] [live=N%] [type=T] [gfp=FLAGS] [zone=Z] [node=N]
 *           contig pages=N [align=N] [node=N] [gfp=FLAGS] [as=NAME]     neighbouring frames, by moving what is in the way
 *           compact [node=N] | pin NAME… | unpin NAME…                  movable blocks may move; pinned ones may not
 *           cma declare size=N [base=P] [limit=P] [node=N] [name=X]     for the next boot
 *           cma alloc pages=N [area=X] [order=N] [as=NAME] | cma show
 *           balloon inflate|deflate pages=N [node=N]
 *           explain last [json] | explain NAME[i] | explain pfn=P | explain order=N … [json]
 * Hotplug   add size=N [base=P] [node=N] [block=N] [memmap=own|elsewhere]
 *           online block=N|N..M|all [kernel|movable] | offline block=N|N..M [dry] | remove block=N|N..M
 *           hotplug [auto=off|online|kernel|movable] [policy=contig-zones|auto-movable] [ratio=N] [memmap=…]
 *           poison [soft] pfn=P|NAME[i] | unpoison pfn=P
 * Debugging trace on|off                            one line per event of the allocator
 *           spoil pfn=P [at=N] [bytes=N]            flip a bit of a frame, or zero bytes of it
 * Flow      repeat N … end | source FILE | time VERB … | quit
 *           let NAME = EXPRESSION | print EXPRESSION | echo TEXT
 *           expect EXPRESSION [== != < <= > >= EXPRESSION]
 *
 *	expression = product { + - product }     product = unary { * / % unary }
 *	unary      = number | "-" unary | "(" expression ")" | variable | word | query
 *	word       = last got ok nomem exists invalid nothere, and the names of zones
 *	query      = free buddy blocks managed present spanned used kept min low high reserve pageblocks
 *	             "(" [node=N] [, zone=Z] [, order=N] [, type=T] [, for=Z] ")"      summed over what matches
 *	           | online offline "(" [node=N] [, zone=Z] ")"      memory blocks in that state
 *	           | count pages "(" handle ")" | pfn order node zone "(" block ")"
 *	           | corrupted single_bit injected guards "()"       what debugging found and did
 *
 * A message begins with "script:line: ". A script ends at the first line that makes no sense (exit 2), expectation that
 * does not hold or checker that complains (exit 1); a shell goes on. A request that is refused is no error: `last` has
 * its status. Equal scripts print equal texts: random choices come from a generator that `seed` sets.
 */
#ifndef QUIRE_SCRIPT_H
#define QUIRE_SCRIPT_H

#include <signal.h>
#include <stdio.h>

#include <quire/cma.h>
#include <quire/mobility.h>
#include <quire/vmstat.h>

#include "../machine_options.h"
#include "../progress.h"
#include "../simulate.h"
#include "words.h"

enum script_result { SCRIPT_OK, SCRIPT_UNMET, SCRIPT_BAD, SCRIPT_QUIT };

#define SCRIPT_NAME_MAX 32
#define SCRIPT_REPEAT_DEPTH 16
#define SCRIPT_SOURCE_DEPTH 8

/* A block the script holds. Where it is may change under it: the script is an owner whose blocks can be moved. */
struct script_block {
	quire_pfn_t pfn;
	uint8_t order;
	bool movable;			/* taken as movable memory */
	bool pinned;			/* must stay where it is for now */
	bool given_back;		/* free already, and kept for freeing it again */
	const struct quire_cma_area *area;	/* it goes back there */
};

/* An area for the next machine that boots. */
struct script_cma {
	struct quire_cma_request request;
	char name[QUIRE_CMA_NAME_MAX];
};

/* Blocks by their first frame. */
struct script_owner {
	struct quire_owner owner;
	struct script_block **slots;
	size_t room, count;		/* room: a power of two, or 0 */
};

struct script_handle {
	char name[SCRIPT_NAME_MAX];
	struct script_block **blocks;
	size_t count, room;
	uint64_t pages;
};

struct script_variable {
	char name[SCRIPT_NAME_MAX];
	int64_t value;
};

/* A request, as explain wants to know it again. */
struct script_request {
	int nid;
	unsigned order;
	quire_gfp_t gfp;
};

/* Lines waiting for their `end`. */
struct script_pending {
	struct { char *text; size_t number; } *lines;
	size_t count, room;
	unsigned depth;
};

struct quire_balloon;
struct script_boot;			/* words and options of the machine that runs */

struct script {
	FILE *out, *err;
	bool interactive;		/* errors are told and forgotten */
	bool confined;			/* no files, no booting: fuzzing */
	bool progress;			/* messages go to standard error: show what takes long */
	uint64_t work_left;		/* blocks and lines that may still be handled */
	volatile sig_atomic_t *interrupted;

	struct simulation *sim;		/* NULL: nothing is booted */
	struct script_boot *boot;
	struct script_owner owner;
	struct quire_balloon *balloon;	/* NULL: not used yet */
	struct script_cma cma[QUIRE_CMA_AREAS];
	size_t cma_count;
	struct script_handle *handles;
	size_t handle_count;
	struct script_variable *variables;
	size_t variable_count;

	int node;
	unsigned cpu;
	uint64_t random;
	bool requested;			/* `request` is of a request that was made */
	struct script_request request;
	enum quire_status last;		/* of what was asked last; QUIRE_STATUSES: nothing yet */
	uint64_t got;			/* blocks the last alloc obtained */

	struct quire_trace trace;	/* the machine's, while it is on */

	const char *source;		/* where the line came from, for messages */
	size_t line;
	unsigned source_depth;
	struct script_pending pending;
};

/* One verb: its name, what follows it, and words a shell may offer. */
struct script_verb {
	const char *name, *arguments, *help;
	enum script_result (*run)(struct script *s, struct script_line *line);
	const char *completions;
};
extern const struct script_verb script_verbs[];		/* ended by an entry without name */

void script_init(struct script *s, FILE *out, FILE *err);
void script_free(struct script *s);

/* Boot by options; `paths` and what options point to must outlive the machine. Replaces what was booted before. */
enum script_result script_boot_machine(struct script *s, const struct simulate_options *options);
/* Boot by words as "quire boot" takes them. */
enum script_result script_boot_words(struct script *s, const struct script_line *line);
/* End the machine: handles go with it. */
void script_drop_machine(struct script *s);

/* One line of text. It is kept if it is part of a block that is still open. */
enum script_result script_feed(struct script *s, const char *text);
/* No more lines come: an open block is an error. */
enum script_result script_finish(struct script *s);
/* All lines of a file; "-": standard input. */
enum script_result script_run_file(struct script *s, const char *path);
/* One line that is in no block and opens none. */
enum script_result script_execute(struct script *s, const char *text);

/* Say "source:line: sentence" and return the result: SCRIPT_BAD, SCRIPT_UNMET. */
enum script_result script_say(const struct script *s, enum script_result result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define script_bad(s, ...) script_say(s, SCRIPT_BAD, __VA_ARGS__)
#define script_unmet(s, ...) script_say(s, SCRIPT_UNMET, __VA_ARGS__)
/* SCRIPT_BAD with a message if nothing is booted, or if a word of the line was not used. */
enum script_result script_need_machine(const struct script *s);
enum script_result script_all_used(const struct script *s, const struct script_line *line);

/* Count one unit of work; false: stop (limit, or interrupted; told). */
bool script_work(struct script *s);

/* Random numbers below `bound` (not 0). */
uint64_t script_random(struct script *s, uint64_t bound);

/* blocks.c: handles. */
struct script_handle *script_handle_find(const struct script *s, const char *name);
struct script_handle *script_handle_make(struct script *s, const char *name);	/* found or new; NULL: out of memory */
/* Put a block just taken into a handle, and know it as ours. False: out of memory. */
bool script_handle_add(struct script *s, struct script_handle *h, quire_pfn_t pfn, unsigned order, bool movable);
/* Take out the blocks [low, high]; the rest close up. */
void script_handle_remove(struct script_handle *h, size_t low, size_t high);
void script_handles_drop(struct script *s);

/* explain_json.c */
void script_explain_json(struct script *s, const struct script_request *request);
/* debug_verbs.c: a table of who holds how much, by handle; figures of debugging, false: there is none of this name. */
void script_show_holders(struct script *s);
bool script_ask_debug(const struct script *s, const char *name, int64_t *number);

/*
 * owner.c: the script as an owner of memory (quire/mobility.h). open: a machine was booted; close: it ends. enter: false,
 * out of memory. leave: the block is free, or nobody's any more.
 */
void script_owner_open(struct script *s);
void script_owner_close(struct script *s);
bool script_owner_enter(struct script *s, struct script_block *block);
void script_owner_leave(struct script *s, struct script_block *block);

/* request.c: one request, one free, and the words that describe a request. */
enum script_result script_read_request(struct script *s, struct script_line *line, struct script_request *request);
enum quire_status script_take(struct script *s, const struct script_request *request, struct script_handle *into);
enum quire_status script_give(struct script *s, quire_pfn_t pfn, unsigned order);
enum quire_status script_give_block(struct script *s, struct script_block *block);
/* Tell that a free was refused, and the frame's story. */
void script_tell_refusal(struct script *s, quire_pfn_t pfn, unsigned order, enum quire_status status);
const char *script_status_word(enum quire_status status);
bool script_status_by_word(const char *word, enum quire_status *status);
struct quire_report_sink script_sink(struct script *s);

/* expression.c. *end: where the text that was understood ends. False: why[SCRIPT_WHY] says what is wrong. */
#define SCRIPT_WHY 160
enum script_flavour { SCRIPT_PLAIN, SCRIPT_STATUS, SCRIPT_ZONE };
struct script_value {
	int64_t number;
	enum script_flavour flavour;
};
bool script_evaluate(struct script *s, const char *text, struct script_value *value, const char **end, char *why);
/* "A op B" or "A": *holds, and the left value. */
bool script_compare(struct script *s, const char *text, bool *holds, struct script_value *left, char *why);
const char *script_value_text(const struct script_value *value, char text[32]);

/* queries.c: what an expression may ask. `arguments` is the text between the brackets. */
bool script_query(struct script *s, const char *name, const char *arguments, struct script_value *value, char *why);
extern const char *const script_query_names[];

/* progress.c: one line on standard error while something takes long. */
struct script_progress {
	const char *what;
	struct progress line;
	unsigned calls;
};
void script_progress_begin(const struct script *s, struct script_progress *p, const char *what);
/* One of many small steps: looks at the clock now and then. `all` 0: nobody knows. */
void script_progress_step(struct script_progress *p, uint64_t done, uint64_t all);
/* A large step. */
void script_progress_now(struct script_progress *p, uint64_t done, uint64_t all);
void script_progress_end(struct script_progress *p);

/* contig_verbs.c: a setting that must be a number from 1 on; what `cma declare` asked for, done to a machine that boots. */
enum script_result script_read_count(struct script *s, struct script_line *line, const char *key, bool needed,
				     uint64_t *value);
enum quire_status script_declare_areas(void *ctx, struct quire *q);
/* range_verbs.c */
void script_drop_balloon(struct script *s);

/* verbs: memory_verbs.c, machine_verbs.c, flow_verbs.c, hotplug_verbs.c, contig_verbs.c, range_verbs.c. */
enum script_result script_alloc(struct script *s, struct script_line *line);
enum script_result script_free_blocks(struct script *s, struct script_line *line);
enum script_result script_churn(struct script *s, struct script_line *line);
enum script_result script_boot(struct script *s, struct script_line *line);
enum script_result script_set(struct script *s, struct script_line *line);
enum script_result script_cpu(struct script *s, struct script_line *line);
enum script_result script_node(struct script *s, struct script_line *line);
enum script_result script_seed(struct script *s, struct script_line *line);
enum script_result script_check(struct script *s, struct script_line *line);
enum script_result script_drain(struct script *s, struct script_line *line);
enum script_result script_show(struct script *s, struct script_line *line);
enum script_result script_explain(struct script *s, struct script_line *line);
enum script_result script_trace(struct script *s, struct script_line *line);
enum script_result script_spoil(struct script *s, struct script_line *line);
enum script_result script_source(struct script *s, struct script_line *line);
enum script_result script_time(struct script *s, struct script_line *line);
enum script_result script_quit(struct script *s, struct script_line *line);
enum script_result script_let(struct script *s, struct script_line *line);
enum script_result script_print(struct script *s, struct script_line *line);
enum script_result script_echo(struct script *s, struct script_line *line);
enum script_result script_expect(struct script *s, struct script_line *line);
enum script_result script_add(struct script *s, struct script_line *line);
enum script_result script_remove(struct script *s, struct script_line *line);
enum script_result script_online(struct script *s, struct script_line *line);
enum script_result script_offline(struct script *s, struct script_line *line);
enum script_result script_hotplug(struct script *s, struct script_line *line);
enum script_result script_contig(struct script *s, struct script_line *line);
enum script_result script_cma(struct script *s, struct script_line *line);
enum script_result script_compact(struct script *s, struct script_line *line);
enum script_result script_pin(struct script *s, struct script_line *line);
enum script_result script_unpin(struct script *s, struct script_line *line);
enum script_result script_poison(struct script *s, struct script_line *line);
enum script_result script_unpoison(struct script *s, struct script_line *line);
enum script_result script_balloon(struct script *s, struct script_line *line);
enum script_result script_help(struct script *s, struct script_line *line);

#endif
