/* Frames that move, fail, or are the hypervisor's: compact, pin, poison, balloon. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include <quire/balloon.h>
#include <quire/compaction.h>
#include <quire/poison.h>

/* --- compaction ---------------------------------------------------------------------------------------------------- */

enum script_result script_compact(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct script_request request;

	if (result == SCRIPT_OK)
		result = script_read_request(s, line, &request);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result == SCRIPT_OK)
		fprintf(s->out, "compact: %s\n",
			quire_compact_result_name(quire_compact_node(s->sim->q, request.nid)));
	return result;
}

/* --- blocks that must stay ----------------------------------------------------------------------------------------- */

/* NAME, NAME[i] or NAME[i..j]. */
static enum script_result read_blocks(struct script *s, const char *verb, const char *word, struct script_handle **h,
				      size_t *low, size_t *high)
{
	char name[SCRIPT_NAME_MAX];
	uint64_t first, last;

	if (!word || !script_handle_ref(word, name, sizeof(name), &first, &last))
		return script_bad(s, "%s: NAME, NAME[i] or NAME[i..j] is wanted", verb);
	*h = script_handle_find(s, name);
	if (!*h || !(*h)->count)
		return script_bad(s, "%s: there is nothing in a handle %s", verb, name);
	if (first == UINT64_MAX) {
		first = 0;
		last = (*h)->count - 1;
	}
	if (last >= (*h)->count)
		return script_bad(s, "%s: %s has %zu blocks, there is no %s[%llu]", verb, name, (*h)->count, name,
				  (unsigned long long)last);
	*low = (size_t)first;
	*high = (size_t)last;
	return SCRIPT_OK;
}

static enum script_result set_pinned(struct script *s, struct script_line *line, bool pinned)
{
	enum script_result result = script_need_machine(s);
	struct script_handle *h;
	size_t low = 0, high = 0;

	if (result == SCRIPT_OK)
		result = read_blocks(s, line->verb, script_next_word(line), &h, &low, &high);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	for (size_t i = low; result == SCRIPT_OK && i <= high; i++)
		h->blocks[i]->pinned = pinned;
	return result;
}

enum script_result script_pin(struct script *s, struct script_line *line) { return set_pinned(s, line, true); }
enum script_result script_unpin(struct script *s, struct script_line *line) { return set_pinned(s, line, false); }

/* --- failing frames ------------------------------------------------------------------------------------------------ */

/* pfn=P, or the first frame of a block NAME[i]. */
static enum script_result read_frame(struct script *s, struct script_line *line, const char *word, quire_pfn_t *pfn)
{
	const char *text = script_setting(line, "pfn");
	enum script_result result;
	struct script_handle *h;
	size_t low = 0, high = 0;

	if (text)
		return script_number(text, pfn) ? SCRIPT_OK : script_bad(s, "%s: pfn= wants a number", line->verb);
	result = read_blocks(s, line->verb, word, &h, &low, &high);
	if (result == SCRIPT_OK)
		*pfn = h->blocks[low]->pfn;
	return result;
}

enum script_result script_poison(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	const char *word = script_next_word(line);
	enum quire_poison_result outcome = QUIRE_POISON_IGNORED;
	unsigned flags = QUIRE_POISON_TEST;
	quire_pfn_t pfn;

	if (word && strcmp(word, "soft") == 0) {
		flags |= QUIRE_POISON_SOFT;
		word = script_next_word(line);
	}
	if (result == SCRIPT_OK)
		result = read_frame(s, line, word, &pfn);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_poison_frame(s->sim->q, pfn, flags, &outcome);
	fprintf(s->out, "poison: frame %#llx: %s\n", (unsigned long long)pfn,
		s->last == QUIRE_OK || s->last == QUIRE_EBUSY ? quire_poison_result_name(outcome) :
								 quire_status_string(s->last));
	return SCRIPT_OK;
}

enum script_result script_unpoison(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	quire_pfn_t pfn;

	if (result == SCRIPT_OK)
		result = read_frame(s, line, script_next_word(line), &pfn);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	s->last = quire_unpoison_frame(s->sim->q, pfn);
	if (s->last != QUIRE_OK)
		fprintf(s->out, "unpoison: frame %#llx: %s\n", (unsigned long long)pfn, quire_status_string(s->last));
	return SCRIPT_OK;
}

/* --- the balloon --------------------------------------------------------------------------------------------------- */

static enum quire_status discard(void *ctx, quire_pfn_t pfn, unsigned order)
{
	(void)ctx;
	(void)pfn;
	(void)order;
	return QUIRE_OK;
}

/* There is nothing in a simulated machine's frames, so there is nothing to discard. Made when first used. */
static bool need_balloon(struct script *s)
{
	if (s->balloon)
		return true;
	s->balloon = calloc(1, sizeof(*s->balloon));
	if (!s->balloon)
		return false;
	*s->balloon = (struct quire_balloon){ .name = "balloon", .release = discard };
	if (quire_balloon_register(s->sim->q, s->balloon) == QUIRE_OK)
		return true;
	free(s->balloon);
	s->balloon = NULL;
	return false;
}

void script_drop_balloon(struct script *s)
{
	if (s->balloon) {
		quire_balloon_deflate(s->balloon, UINT64_MAX);
		quire_balloon_unregister(s->balloon);
	}
	free(s->balloon);
	s->balloon = NULL;
}

enum script_result script_balloon(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	const char *word = script_next_word(line);
	struct script_request request;
	uint64_t pages = 0, done;
	bool inflate = word && strcmp(word, "inflate") == 0;

	if (result == SCRIPT_OK && !inflate && !(word && strcmp(word, "deflate") == 0))
		result = script_bad(s, "balloon: inflate or deflate is wanted");
	if (result == SCRIPT_OK)
		result = script_read_request(s, line, &request);
	if (result == SCRIPT_OK)
		result = script_read_count(s, line, "pages", true, &pages);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (!need_balloon(s))
		return script_bad(s, "out of memory");
	done = inflate ? quire_balloon_inflate(s->balloon, request.nid, pages, 0) :
			 quire_balloon_deflate(s->balloon, pages);
	s->last = done >= pages ? QUIRE_OK : QUIRE_ENOMEM;
	fprintf(s->out, "balloon: %llu of %llu pages %s, it holds %llu\n", (unsigned long long)done,
		(unsigned long long)pages, inflate ? "taken" : "given back",
		(unsigned long long)s->balloon->stats.frames);
	return SCRIPT_OK;
}
