/*
 * What is said in the log: requests that make no sense, requests that failed, frames that cannot be given back. The first
 * few of each are told in full, later ones each time their number has doubled, so that a program gone wrong in a loop does
 * not drown the log, and one that fails once a day is still heard.
 */
#include <quire/explain.h>

#include "base/pins.h"
#include "page_alloc/page_alloc.h"

#define TOLD_IN_FULL 10u

static bool worth_telling(uint64_t so_far) { return so_far <= TOLD_IN_FULL || qi_is_pow2(so_far); }

/* Count one more; is it to be told? *so_far: how many there were. */
static bool to_be_told(struct quire *q, uint64_t *counter, uint64_t *so_far)
{
	unsigned long state = qi_alloc_lock(q);

	*so_far = *counter + 1;
	qi_poke(counter, *so_far);
	qi_alloc_unlock(q, state);
	return worth_telling(*so_far);
}

enum quire_status qi_refuse_request(struct quire *q, enum quire_status status, unsigned order, quire_gfp_t gfp,
				    const char *why)
{
	char names[128];
	uint64_t so_far;

	if (to_be_told(q, &q->page_alloc.refused, &so_far))
		qi_log(q->platform, QUIRE_LOG_WARNING, "request of order %u, %s refused: %s", order,
		       quire_gfp_names(gfp, names, sizeof(names)), why);
	return status;
}

static void warn_failure(const struct qi_walk *walk, uint64_t so_far)
{
	struct quire *q = walk->q;
	char names[128];

	if (!worth_telling(so_far) || (walk->gfp & QUIRE_GFP_NOWARN))
		return;
	qi_log(q->platform, QUIRE_LOG_WARNING,
	       "page allocation failure: order:%u, mode:%#x(%s), nodemask=%s, node %d (%llu so far)", walk->request.order,
	       walk->gfp, quire_gfp_names(walk->gfp, names, sizeof(names)), walk->mask ? "given" : "(null)", walk->nid,
	       (unsigned long long)so_far);
}

void qi_note_slow(const struct qi_walk *walk, struct quire_request_record *record)
{
	struct quire_page_alloc *pa = &walk->q->page_alloc;
	uint64_t failed;
	unsigned long state;

	record->nid = walk->nid;
	record->order = walk->request.order;
	record->gfp = walk->gfp;
	state = qi_alloc_lock(walk->q);
	record->number = ++pa->slow;
	failed = pa->failed + !record->served;
	qi_poke(&pa->failed, failed);
	*(record->served ? &pa->last_slow : &pa->last_failed) = *record;
	qi_alloc_unlock(walk->q, state);
	qi_trace(walk->q, slow, record);
	if (!record->served)
		warn_failure(walk, failed);
}

static bool copy_record(struct quire *q, const struct quire_request_record *from, struct quire_request_record *to)
{
	unsigned long state = qi_alloc_lock(q);

	*to = *from;
	qi_alloc_unlock(q, state);
	return to->number != 0;
}

bool quire_last_failed(struct quire *q, struct quire_request_record *record)
{
	return copy_record(q, &q->page_alloc.last_failed, record);
}

bool quire_last_slow(struct quire *q, struct quire_request_record *record)
{
	return copy_record(q, &q->page_alloc.last_slow, record);
}

/* A sink that keeps the first line. */
struct line {
	char text[360];
	size_t used;
};

static void add_to_line(void *ctx, const char *text, size_t len)
{
	struct line *line = ctx;

	for (size_t i = 0; i < len && text[i] != '\n' && line->used + 1 < sizeof(line->text); i++)
		line->text[line->used++] = text[i];
	line->text[line->used] = '\0';
}

enum quire_status qi_refuse_frame(struct quire *q, enum quire_status status, quire_pfn_t pfn, unsigned order,
				  const char *what)
{
	struct line line = { .used = 0 };
	const struct quire_report_sink sink = { .write = add_to_line, .ctx = &line };
	uint64_t so_far;

	if (!to_be_told(q, &q->page_alloc.refused, &so_far) || !QI_MESSAGES)
		return status;
	quire_explain_frame(q, pfn, &sink);
	qi_log(q->platform, QUIRE_LOG_WARNING, "frame %#llx, order %u, not taken back: %s. %s", (unsigned long long)pfn,
	       order, what, line.text);
	return status;
}
