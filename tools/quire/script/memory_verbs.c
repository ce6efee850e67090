/* alloc, free and churn. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_HANDLE "it"

/* --- alloc ----------------------------------------------------------------------------------------------------------- */

static void tell_shortfall(struct script *s, uint64_t wanted)
{
	if (s->last == QUIRE_ENOMEM)
		fprintf(s->out, "alloc: %llu of %llu blocks of order %u, then no memory ('explain last' says why)\n",
			(unsigned long long)s->got, (unsigned long long)wanted, s->request.order);
	else
		fprintf(s->out, "alloc: %llu of %llu blocks of order %u, then: %s\n", (unsigned long long)s->got,
			(unsigned long long)wanted, s->request.order, quire_status_string(s->last));
}

enum script_result script_alloc(struct script *s, struct script_line *line)
{
	const char *count_text = script_setting(line, "count"), *name = script_setting(line, "as");
	struct script_progress progress;
	struct script_request request;
	struct script_handle *into;
	enum script_result result = script_need_machine(s);
	uint64_t count = 1;

	if (result == SCRIPT_OK)
		result = script_read_request(s, line, &request);
	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	if (count_text && strcmp(count_text, "all") == 0)
		count = UINT64_MAX;
	else if (count_text && !script_number(count_text, &count))
		return script_bad(s, "count=%.40s: a number or 'all' is wanted", count_text);
	if (name && !script_name(name))
		return script_bad(s, "as=%.40s: a name is wanted: letters, digits and '_', at most 31", name);
	into = script_handle_make(s, name ? name : DEFAULT_HANDLE);
	if (!into)
		return script_bad(s, "out of memory");
	script_progress_begin(s, &progress, "alloc");
	for (s->got = 0; s->got < count && result == SCRIPT_OK; s->got++) {
		if (!script_work(s))
			result = SCRIPT_BAD;
		else if (script_take(s, &request, into) != QUIRE_OK)
			break;
		script_progress_step(&progress, s->got, count == UINT64_MAX ? 0 : count);
	}
	script_progress_end(&progress);
	if (result == SCRIPT_OK && s->got < count && count != UINT64_MAX)
		tell_shortfall(s, count);
	return result;
}

/* --- free ------------------------------------------------------------------------------------------------------------ */

/* What of a handle is to go, and what came of it. */
struct freeing {
	struct script_handle *handle;
	bool keep;			/* the blocks stay in the handle: for freeing them twice */
	uint64_t refused;
};

/* Free blocks [low, high] of the handle, then take them out of it. The first refusal is told. */
static enum script_result free_range(struct script *s, struct freeing *f, size_t low, size_t high)
{
	struct script_progress progress;
	enum quire_status worst = QUIRE_OK;
	size_t at = low;

	script_progress_begin(s, &progress, "free");
	for (; at <= high && script_work(s); at++) {
		struct script_block *block = f->handle->blocks[at];
		enum quire_status status = script_give_block(s, block);

		script_progress_step(&progress, at - low, high - low);
		if (status == QUIRE_OK)
			continue;
		worst = status;
		if (!f->refused++)
			script_tell_refusal(s, block->pfn, block->order, status);
	}
	script_progress_end(&progress);
	s->last = worst;
	if (!f->keep && at > low)
		script_handle_remove(f->handle, low, at - 1);
	return at > high ? SCRIPT_OK : SCRIPT_BAD;
}

/* Put a block chosen at random among the first `end` behind them. */
static void random_to_end(struct script *s, struct script_handle *h, size_t end)
{
	size_t chosen = (size_t)script_random(s, end);
	struct script_block *block = h->blocks[chosen];

	h->blocks[chosen] = h->blocks[end - 1];
	h->blocks[end - 1] = block;
}

/* Every n-th block, beginning with the first, behind all others; both parts keep their order. How many they are. */
static size_t every_to_end(struct script_handle *h, size_t n)
{
	size_t chosen = 0, kept = 0;
	struct script_block **moved = malloc((h->count / n + 1) * sizeof(*moved));

	if (!moved)
		return 0;
	for (size_t i = 0; i < h->count; i++) {
		if (i % n)
			h->blocks[kept++] = h->blocks[i];
		else
			moved[chosen++] = h->blocks[i];
	}
	memcpy(&h->blocks[kept], moved, chosen * sizeof(*moved));
	free(moved);
	return chosen;
}

/* "N" or "N%" of the handle. */
static bool read_amount(const struct script_handle *h, const char *text, size_t *amount)
{
	unsigned percent;
	uint64_t number;

	if (text && script_percent(text, &percent))
		number = h->count / 100 * percent + h->count % 100 * percent / 100;
	else if (!text || !script_number(text, &number))
		return false;
	*amount = number < h->count ? (size_t)number : h->count;
	return true;
}

/* "random 50%", "first 10", "last 10", "every 2". */
static enum script_result free_some(struct script *s, struct freeing *f, const char *how, const char *amount_text)
{
	struct script_handle *h = f->handle;
	size_t amount;

	if (!read_amount(h, amount_text, &amount))
		return script_bad(s, "free %s %s: how many? a number or a percentage is wanted", h->name, how);
	if (strcmp(how, "first") == 0)
		return amount ? free_range(s, f, 0, amount - 1) : SCRIPT_OK;
	if (strcmp(how, "random") == 0) {
		for (size_t i = 0; i < amount; i++)
			random_to_end(s, h, h->count - i);
	} else if (strcmp(how, "every") == 0 && amount && amount_text[strlen(amount_text) - 1] != '%') {
		amount = every_to_end(h, amount);
	} else if (strcmp(how, "last") != 0) {
		return script_bad(s, "free %s %.40s: random, first, last or every N is wanted", h->name, how);
	}
	return amount ? free_range(s, f, h->count - amount, h->count - 1) : SCRIPT_OK;
}

static enum script_result free_handle(struct script *s, struct script_line *line, const char *reference)
{
	struct freeing f = { 0 };
	char name[SCRIPT_NAME_MAX];
	uint64_t low, high;
	const char *how;

	if (!script_handle_ref(reference, name, sizeof(name), &low, &high))
		return script_bad(s, "free: '%.40s' is neither a name nor NAME[i] nor NAME[i..j]", reference);
	f.handle = script_handle_find(s, name);
	if (!f.handle)
		return script_bad(s, "free: there is no handle %s", name);
	how = script_next_word(line);
	if (how && strcmp(how, "keep") == 0) {
		f.keep = true;
		how = NULL;
	}
	if (how && low == UINT64_MAX) {
		const char *amount = script_next_word(line);

		if (script_all_used(s, line) != SCRIPT_OK)
			return SCRIPT_BAD;
		return free_some(s, &f, how, amount);
	}
	if (how || script_all_used(s, line) != SCRIPT_OK)
		return how ? script_bad(s, "free: '%.40s' is not understood here", how) : SCRIPT_BAD;
	if (low == UINT64_MAX)
		return f.handle->count ? free_range(s, &f, 0, f.handle->count - 1) : SCRIPT_OK;
	if (high >= f.handle->count)
		return script_bad(s, "free: %s has %zu blocks, there is no %s[%llu]", name, f.handle->count, name,
				  (unsigned long long)high);
	return free_range(s, &f, (size_t)low, (size_t)high);
}

static enum script_result free_all(struct script *s)
{
	enum script_result result = SCRIPT_OK;

	for (size_t i = 0; i < s->handle_count && result == SCRIPT_OK; i++) {
		struct freeing f = { .handle = &s->handles[i] };

		if (f.handle->count)
			result = free_range(s, &f, 0, f.handle->count - 1);
	}
	return result;
}

static enum script_result free_frame(struct script *s, const char *pfn_text, const char *order_text)
{
	uint64_t pfn, order = 0;

	if (!script_number(pfn_text, &pfn) || (order_text && !script_number(order_text, &order)) || order > UINT32_MAX)
		return script_bad(s, "free: pfn= and order= want numbers");
	if (script_give(s, pfn, (unsigned)order) != QUIRE_OK)
		script_tell_refusal(s, pfn, (unsigned)order, s->last);
	return SCRIPT_OK;
}

enum script_result script_free_blocks(struct script *s, struct script_line *line)
{
	const char *pfn = script_setting(line, "pfn"), *order = script_setting(line, "order"), *word;
	enum script_result result = script_need_machine(s);

	if (result != SCRIPT_OK)
		return result;
	if (pfn)
		return script_all_used(s, line) == SCRIPT_OK ? free_frame(s, pfn, order) : SCRIPT_BAD;
	word = script_next_word(line);
	if (!word)
		return script_bad(s, "free: what? a handle, NAME[i], 'all', or pfn= and order=");
	if (strcmp(word, "all") == 0)
		return script_all_used(s, line) == SCRIPT_OK ? free_all(s) : SCRIPT_BAD;
	return free_handle(s, line, word);
}

/* --- churn ----------------------------------------------------------------------------------------------------------- */

/* Each round frees blocks at random until `live` percent of the pages stay, and takes blocks of random orders instead. */
struct churn {
	struct script_handle *handle;
	struct script_request request;
	unsigned low, high, live;
	uint64_t rounds, pages, failed;
};

static enum script_result read_churn(struct script *s, struct script_line *line, struct churn *c)
{
	const char *name = script_next_word(line), *rounds = script_setting(line, "rounds");
	const char *orders = script_setting(line, "orders"), *live = script_setting(line, "live");
	enum script_result result = script_read_request(s, line, &c->request);

	if (result == SCRIPT_OK)
		result = script_all_used(s, line);
	if (result != SCRIPT_OK)
		return result;
	*c = (struct churn){ .request = c->request, .live = 50, .rounds = 1 };
	c->handle = name ? script_handle_find(s, name) : NULL;
	if (!c->handle)
		return script_bad(s, "churn: there is no handle '%.40s'", name ? name : "");
	if (rounds && !script_number(rounds, &c->rounds))
		return script_bad(s, "rounds=%.40s: a number is wanted", rounds);
	if (orders && (!script_range(orders, &c->low, &c->high) || c->high >= QUIRE_MAX_ORDERS))
		return script_bad(s, "orders=%.40s: a range of orders such as 0..3 is wanted", orders);
	if (live && !script_percent(live, &c->live))
		return script_bad(s, "live=%.40s: a percentage is wanted", live);
	c->pages = c->handle->pages;
	return SCRIPT_OK;
}

/* Take blocks of random orders until the handle has its pages again. A refusal ends the round. */
static enum script_result grow_again(struct script *s, struct churn *c)
{
	while (c->handle->pages < c->pages) {
		uint64_t missing = c->pages - c->handle->pages;

		c->request.order = c->low + (unsigned)script_random(s, c->high - c->low + 1);
		if (1ull << c->request.order > missing)
			c->request.order = c->low;
		if (1ull << c->request.order > missing)
			break;
		if (!script_work(s))
			return SCRIPT_BAD;
		if (script_take(s, &c->request, c->handle) != QUIRE_OK) {
			c->failed++;
			break;
		}
	}
	return SCRIPT_OK;
}

static enum script_result shrink(struct script *s, struct churn *c)
{
	uint64_t keep = c->pages / 100 * c->live + c->pages % 100 * c->live / 100, pages = c->handle->pages;
	struct freeing f = { .handle = c->handle };
	size_t end = c->handle->count;

	for (; pages > keep; end--) {
		random_to_end(s, c->handle, end);
		pages -= 1ull << c->handle->blocks[end - 1]->order;
	}
	return end < c->handle->count ? free_range(s, &f, end, c->handle->count - 1) : SCRIPT_OK;
}

enum script_result script_churn(struct script *s, struct script_line *line)
{
	enum script_result result = script_need_machine(s);
	struct script_progress progress;
	struct churn c = { 0 };

	if (result == SCRIPT_OK)
		result = read_churn(s, line, &c);
	script_progress_begin(s, &progress, "churn: round");
	for (uint64_t round = 0; result == SCRIPT_OK && round < c.rounds; round++) {
		result = script_work(s) ? shrink(s, &c) : SCRIPT_BAD;
		if (result == SCRIPT_OK)
			result = grow_again(s, &c);
		script_progress_now(&progress, round, c.rounds);
	}
	script_progress_end(&progress);
	if (c.failed)
		fprintf(s->out, "churn: memory ran out in %llu of %llu rounds\n", (unsigned long long)c.failed,
			(unsigned long long)c.rounds);
	return result;
}
