/*
 * One line of a trace. In front of the event's name stand task, pid, CPU in brackets, perhaps four or five flag
 * characters, and the time; a task's name may hold anything, so the place to start from is the first "[digits]" that
 * is followed by a time and a name, not a column.
 */
#include <string.h>

#include "replay/trace.h"

static const struct kind_name {
	const char *name;
	enum trace_kind kind;
} kind_names[] = {
	{ "mm_page_alloc", TRACE_ALLOC },
	{ "mm_page_free", TRACE_FREE },
	{ "mm_page_free_batched", TRACE_FREE_BATCHED },
	{ "mm_page_alloc_zone_locked", TRACE_ZONE_LOCKED },
	{ "mm_page_pcpu_drain", TRACE_DRAIN },
	{ "mm_page_alloc_extfrag", TRACE_EXTFRAG },
	{ "mm_compaction_isolate_migratepages", TRACE_ISOLATE_MIGRATE },
	{ "mm_migrate_pages", TRACE_MIGRATED },
	{ "mm_compaction_begin", TRACE_COMPACTION },
	{ "mm_vmscan_direct_reclaim_begin", TRACE_RECLAIM },
	{ "mm_vmscan_kswapd_wake", TRACE_KSWAPD },
	{ "tracing_mark_write", TRACE_MARKER },
	{ "print", TRACE_MARKER },
};

static void advance(struct text_slice *slice, size_t count)
{
	slice->at += count;
	slice->length -= count;
}

/* --- the front of a line ------------------------------------------------------------------------------------------ */

/* "[001]" */
static bool take_cpu(struct text_slice *slice, unsigned *cpu)
{
	struct text_slice rest = *slice;
	uint64_t number;

	if (!text_take(&rest, "[") || !rest.length || rest.at[0] < '0' || rest.at[0] > '9')
		return false;
	/* A decimal, also with leading zeros. */
	for (number = 0; rest.length && rest.at[0] >= '0' && rest.at[0] <= '9' && number < 1u << 20; advance(&rest, 1))
		number = number * 10 + (uint64_t)(rest.at[0] - '0');
	if (!text_take(&rest, "]") || number >= 1u << 20)
		return false;
	*cpu = (unsigned)number;
	*slice = rest;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "7.352146:" as microseconds; more or fewer decimals are cut or filled up. */
static bool time_word(struct text_slice word, uint64_t *us)
{
	uint64_t seconds = 0, fraction = 0;
	unsigned decimals = 0;

	if (!word.length || !is_digit(word.at[0]) || word.at[word.length - 1] != ':')
		return false;
	for (; is_digit(word.at[0]) && seconds < UINT64_MAX / 20000000; advance(&word, 1))
		seconds = seconds * 10 + (uint64_t)(word.at[0] - '0');
	if (text_take(&word, ".")) {
		for (; is_digit(word.at[0]); advance(&word, 1)) {
			if (decimals == 6)
				continue;
			fraction = fraction * 10 + (uint64_t)(word.at[0] - '0');
			decimals++;
		}
	}
	for (; decimals < 6; decimals++)
		fraction *= 10;
	*us = seconds * 1000000 + fraction;
	return text_equals(word, ":");
}

/* What follows the CPU: flags, perhaps; a time. */
static bool take_time(struct text_slice *slice, uint64_t *us)
{
	for (unsigned i = 0; i < 2; i++) {
		struct text_slice word;

		if (!text_take_word(slice, &word))
			return false;
		if (time_word(word, us))
			return true;
	}
	return false;
}

/* The number that ends what stands before the CPU, or before a "(tgid)". */
static int64_t pid_before(const char *start, const char *end)
{
	uint64_t pid = 0, scale = 1;
	const char *at = end;

	while (at > start && at[-1] == ' ')
		at--;
	if (at > start && at[-1] == ')') {
		while (at > start && at[-1] != '(')
			at--;
		at -= at > start;
		while (at > start && at[-1] == ' ')
			at--;
	}
	end = at;
	while (at > start && is_digit(at[-1]) && end - at < 18) {
		pid += scale * (uint64_t)(*--at - '0');
		scale *= 10;
	}
	return at == end ? -1 : (int64_t)pid;
}

/* Up to and with the colon after the event's name; "kmem:mm_page_alloc:" has the name of its system in front. */
static bool take_name(struct text_slice *slice, struct text_slice *name)
{
	struct text_slice word, rest = *slice;

	if (!text_take_word(&rest, &word) || word.length < 2 || word.at[word.length - 1] != ':')
		return false;
	*slice = rest;
	word.length--;
	for (size_t i = word.length; i--;) {
		if (word.at[i] == ':') {
			advance(&word, i + 1);
			break;
		}
	}
	*name = word;
	return true;
}

static bool take_front(struct text_slice *line, struct trace_event *event, struct text_slice *name)
{
	for (size_t i = 0; i < line->length; i++) {
		struct text_slice rest = *line;

		if (line->at[i] != '[')
			continue;
		advance(&rest, i);
		if (!take_cpu(&rest, &event->cpu) || !take_time(&rest, &event->time_us) || !take_name(&rest, name))
			continue;
		event->pid = pid_before(line->at, line->at + i);
		*line = rest;
		return true;
	}
	return false;
}

/* --- fields --------------------------------------------------------------------------------------------------------- */

/* The text after "key=" up to the next blank. The key must stand at the start of a word. */
static bool field(struct text_slice fields, const char *key, struct text_slice *value)
{
	size_t length = strlen(key);
	struct text_slice word;

	while (text_take_word(&fields, &word)) {
		if (!text_starts(word, key) || word.length <= length || word.at[length] != '=')
			continue;
		advance(&word, length + 1);
		if (word.length && word.at[word.length - 1] == ',')
			word.length--;
		*value = word;
		return true;
	}
	return false;
}

static bool number_field(struct text_slice fields, const char *key, uint64_t limit, uint64_t *number)
{
	struct text_slice value;

	return field(fields, key, &value) && text_take_number(&value, number) && !value.length && *number < limit;
}

static bool take_block(struct text_slice fields, struct trace_event *event)
{
	uint64_t order;

	if (!number_field(fields, "pfn", QUIRE_PFN_NONE >> 2, &event->pfn) ||
	    !number_field(fields, "order", QUIRE_MAX_ORDERS, &order))
		return false;
	event->order = (unsigned)order;
	return true;
}

static void take_type(struct text_slice fields, struct trace_event *event)
{
	uint64_t type;

	event->type = number_field(fields, "migratetype", QUIRE_MIGRATE_TYPES, &type) ? (int)type : -1;
}

/* %p prints NULL as zeros; some print it as "(nil)" or "(null)". */
static bool is_null(struct text_slice fields)
{
	struct text_slice value;

	if (!field(fields, "page", &value))
		return false;
	if (text_starts(value, "("))
		return true;
	text_take(&value, "0x");
	while (value.length && value.at[0] == '0')
		advance(&value, 1);
	return !value.length;
}

static bool take_alloc(struct text_slice fields, struct trace_event *event)
{
	struct text_slice names;
	unsigned unknown = 0;
	uint64_t order;

	if (!number_field(fields, "order", QUIRE_MAX_ORDERS, &order) || !field(fields, "gfp_flags", &names))
		return false;
	event->order = (unsigned)order;
	event->gfp = trace_gfp(names, &unknown);
	take_type(fields, event);
	if (!number_field(fields, "pfn", QUIRE_PFN_NONE >> 2, &event->pfn))
		event->pfn = 0;
	event->failed = is_null(fields) || !event->pfn;
	return !event->failed || is_null(fields) || text_contains(fields, "pfn=");
}

static bool take_extfrag(struct text_slice fields, struct trace_event *event)
{
	uint64_t order, fragmenting = 0;

	if (!number_field(fields, "alloc_order", QUIRE_MAX_ORDERS, &order))
		return false;
	event->order = (unsigned)order;
	if (!number_field(fields, "fallback_order", QUIRE_MAX_ORDERS, &order))
		return false;
	event->fallback_order = (unsigned)order;
	event->fragmenting = number_field(fields, "fragmenting", 2, &fragmenting) && fragmenting;
	return true;
}

static bool take_mark(struct text_slice fields, struct trace_event *event)
{
	struct text_slice text = text_trim(fields);
	size_t length = text.length < TRACE_MARK - 1 ? text.length : TRACE_MARK - 1;

	for (size_t i = 0; i < length; i++)
		event->mark[i] = text.at[i] >= 0x20 && text.at[i] < 0x7f ? text.at[i] : '?';
	event->mark[length] = '\0';
	return true;
}

static bool take_fields(struct text_slice fields, struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_ALLOC:
		return take_alloc(fields, event);
	case TRACE_FREE:
		return take_block(fields, event);
	case TRACE_ZONE_LOCKED:
	case TRACE_DRAIN:
		take_type(fields, event);
		return take_block(fields, event);
	case TRACE_EXTFRAG:
		return take_extfrag(fields, event);
	case TRACE_ISOLATE_MIGRATE:
		return number_field(fields, "nr_taken", UINT64_MAX, &event->taken);
	case TRACE_MARKER:
		return take_mark(fields, event);
	default:
		return true;
	}
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

/* "CPU:1 [LOST 4711 EVENTS]" */
static bool lost_line(struct text_slice line, struct trace_event *event)
{
	if (!text_take(&line, "CPU:") || !text_take_through(&line, "[LOST "))
		return false;
	event->kind = TRACE_LOST;
	return text_take_number(&line, &event->lost) || (event->lost = 1);
}

/* "# entries-in-buffer/entries-written: 934167/934170   #P:2": what was overwritten is lost too. */
static bool overwritten(struct text_slice line, struct trace_event *event)
{
	uint64_t kept, written;

	if (!text_take_through(&line, "entries-written:") || !text_take_number(&line, &kept) || !text_take(&line, "/") ||
	    !text_take_number(&line, &written) || written <= kept)
		return false;
	event->kind = TRACE_LOST;
	event->lost = written - kept;
	return true;
}

enum trace_line trace_parse(struct text_slice line, struct trace_event *event)
{
	struct text_slice name;

	*event = (struct trace_event){ .kind = TRACE_OTHER, .pid = -1, .type = -1 };
	while (line.length && (line.at[line.length - 1] == '\n' || line.at[line.length - 1] == '\r'))
		line.length--;
	line = text_trim(line);
	if (!line.length)
		return TRACE_HEADER;
	if (line.at[0] == '#')
		return overwritten(line, event) ? TRACE_EVENT : TRACE_HEADER;
	if (lost_line(line, event))
		return TRACE_EVENT;
	if (!take_front(&line, event, &name))
		return TRACE_MALFORMED;
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
		if (text_equals(name, kind_names[i].name))
			event->kind = kind_names[i].kind;
	return take_fields(line, event) ? TRACE_EVENT : TRACE_MALFORMED;
}
