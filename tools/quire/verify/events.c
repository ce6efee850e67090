/* Reading memblock events from the log. */
#include "events.h"

static const struct {
	const char *prefix;
	enum event_kind kind;
} ranges[] = {
	{ "memblock_add: ", EVENT_ADD },       { "memblock_reserve: ", EVENT_RESERVE },
	{ "memblock_remove: ", EVENT_REMOVE }, { "memblock_phys_free: ", EVENT_FREE },
	{ "memblock_free: ", EVENT_FREE },     { "memblock_free_late: ", EVENT_FREE_LATE },
};

static const struct {
	const char *prefix;
	enum event_request_kind kind;
} requests[] = {
	{ "memblock_phys_alloc_range: ", REQUEST_PHYS_RANGE },
	{ "memblock_alloc_try_nid: ", REQUEST_TRY_NID },
	{ "memblock_alloc_try_nid_raw: ", REQUEST_TRY_NID },
	{ "memblock_alloc_exact_nid_raw: ", REQUEST_EXACT_NID },
};

/* The last word of the line, "setup_arch+0x797/0xd4f", without the offset. */
static struct text_slice caller_of(struct text_slice text)
{
	struct text_slice word = { text.at, 0 }, next;

	while (text_take_word(&text, &next))
		word = next;
	for (size_t i = 0; i < word.length; i++)
		if (word.at[i] == '+')
			word.length = i;
	return word;
}

static bool read_range(struct event *event, struct text_slice text, bool narrow)
{
	uint64_t first, last;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (!text_take(&text, ranges[i].prefix))
			continue;
		event->kind = ranges[i].kind;
		/* An empty range is printed with its end below its begin, one that wraps with a small end. */
		if (!text_take_range_loose(&text, &first, &last))
			return false;
		event->base = first;
		event->size = last + 1 - first;
		if (narrow)
			event->size &= UINT32_MAX;
		event->caller = caller_of(text);
		event->allocated = text_equals(event->caller, "memblock_alloc_range_nid") ||
				   text_equals(event->caller, "memblock_alloc_internal");
		return true;
	}
	return false;
}

/* "28672 bytes align=0x1000 [nid=-1] from=0x… max_addr=0x… caller" */
static bool read_request(struct event *event, struct text_slice text)
{
	struct event_request *r = &event->request;
	int64_t nid;

	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		if (!text_take(&text, requests[i].prefix))
			continue;
		event->kind = EVENT_REQUEST;
		r->kind = requests[i].kind;
		r->nid = QUIRE_NO_NODE;
		if (!text_take_number(&text, &r->size) || !text_take(&text, " bytes align=") ||
		    !text_take_number(&text, &r->align))
			return false;
		text_skip_blanks(&text);
		if (text_take(&text, "nid=") && text_take_int(&text, &nid) && nid >= 0)
			r->nid = nid < OBSERVED_NO_SUCH_NODE ? (int)nid : OBSERVED_NO_SUCH_NODE;
		text_skip_blanks(&text);
		if (!text_take(&text, "from=") || !text_take_number(&text, &r->from) ||
		    !text_take(&text, " max_addr=") || !text_take_number(&text, &r->max))
			return false;
		event->caller = caller_of(text);
		return true;
	}
	return false;
}

/* "memblock: reserved is doubled to 256 at [0x…-0x…]" */
static bool read_doubled(struct event *event, struct text_slice text)
{
	uint64_t last;

	if (!text_take(&text, "memblock: "))
		return false;
	event->of_memory = text_starts(text, "memory");
	event->kind = EVENT_DOUBLED;
	if (!text_take_through(&text, "is doubled to ") || !text_take_number(&text, &event->request.size) ||
	    !text_take(&text, " at ") || !text_take_range_loose(&text, &event->base, &last))
		return false;
	event->size = last + 1 - event->base;
	return true;
}

/* "NODE_DATA(0) allocated [mem …]", "NUMA: NODE_DATA [mem …]": the reservation just before was that. */
static void read_purpose(struct event *last, struct text_slice text)
{
	int nid;

	if (!last || last->kind != EVENT_RESERVE || !last->allocated)
		return;
	if (text_take(&text, "NUMA: NODE_DATA [") || text_take(&text, "NODE_DATA [")) {
		last->node_data = true;
		last->nid = QUIRE_NO_NODE;
	} else if (text_take(&text, "NODE_DATA(") && observed_take_nid(&text, &nid) &&
		   text_take(&text, ") allocated ")) {
		last->node_data = true;
		last->nid = nid;
	}
}

enum quire_status events_read(struct event_list *list, const struct observed *o, bool narrow)
{
	size_t dump = 0;

	memset(list, 0, sizeof(*list));
	for (size_t i = o->log_start; i < o->log.line_count; i++) {
		struct text_slice text = textfile_message(&o->log, i);
		struct event *last = list->events.count ? &list->events.items[list->events.count - 1] : NULL, *added;
		struct event event = { .line = i + 1, .nid = QUIRE_NO_NODE };

		text_skip_blanks(&text);
		if (text_equals(text, "MEMBLOCK configuration:")) {
			event.kind = EVENT_DUMP;
			event.index = dump++;
		} else if (!read_range(&event, text, narrow) && !read_request(&event, text) &&
			   !read_doubled(&event, text)) {
			read_purpose(last, text);
			if (last && last->kind == EVENT_RESERVE && text_starts(text, "cma: Reserved "))
				last->cma = true;
			continue;
		}
		added = LIST_ADD(&list->events);
		if (!added) {
			events_free(list);
			return QUIRE_ENOMEM;
		}
		*added = event;
	}
	return QUIRE_OK;
}

void events_free(struct event_list *list)
{
	LIST_FREE(&list->events);
}
