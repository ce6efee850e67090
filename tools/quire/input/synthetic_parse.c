/*
 * The little languages of --nodes, --hole and --distances.
 */
#include <stdlib.h>
#include <string.h>

#include <quire/firmware.h>

#include "synthetic.h"
#include "textfile.h"

#define PAGE_BYTES 4096u
#define MOST_CPUS 65536u

/* "4x" in front of a size. "0x…" is the size in hexadecimal, not a count. */
static uint64_t take_count(const char **text)
{
	struct text_slice rest = text_of(*text);
	uint64_t count;

	if (rest.length && rest.at[0] >= '1' && rest.at[0] <= '9' && text_take_number(&rest, &count) &&
	    text_take(&rest, "x")) {
		*text = rest.at;
		return count;
	}
	return 1;
}

static const char *parse_item(struct synthetic_plan *plan, const char **text)
{
	uint64_t count = take_count(text), cpus = 0;
	quire_phys_t size;
	bool said = false;

	if (quire_parse_size(*text, &size, text) != QUIRE_OK)
		return "a size is missing or too large (wanted: 4x16G or 2x16G,1x0,1x8G)";
	if (size % PAGE_BYTES)
		return "a node's size must be a multiple of 4K";
	if (**text == '/') {
		struct text_slice rest = text_of(*text + 1);

		if (!text_take_number(&rest, &cpus) || cpus > MOST_CPUS)
			return "a number of CPUs must follow the slash";
		*text = rest.at;
		said = true;
	}
	if (count > QUIRE_MAX_NODES - plan->node_count)
		return "too many nodes";
	for (uint64_t i = 0; i < count; i++) {
		unsigned node = plan->node_count++;

		plan->size[node] = size;
		plan->cpus[node] = (unsigned)cpus;
		plan->cpus_said[node] = said;
	}
	return NULL;
}

const char *synthetic_parse_nodes(struct synthetic_plan *plan, const char *text)
{
	quire_phys_t total = 0;

	for (;;) {
		const char *why = parse_item(plan, &text);

		if (why)
			return why;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return "nodes are separated by commas (4x16G or 2x16G,1x0,1x8G)";
	}
	for (unsigned node = 0; node < plan->node_count; node++) {
		if (__builtin_add_overflow(total, plan->size[node], &total))
			return "the nodes' sizes do not fit the address space";
	}
	return total ? NULL : "no node has any memory";
}

const char *synthetic_parse_hole(struct synthetic_plan *plan, const char *text)
{
	quire_phys_t base, size, end;
	size_t at;

	if (quire_parse_size(text, &base, &text) != QUIRE_OK || *text++ != '+' ||
	    quire_parse_size(text, &size, &text) != QUIRE_OK || *text)
		return "a hole is given as base+size (1G+256M)";
	if (!size || base % PAGE_BYTES || size % PAGE_BYTES || __builtin_add_overflow(base, size, &end))
		return "a hole must be made of whole pages inside the address space";
	if (plan->hole_count == SYNTHETIC_HOLES)
		return "too many holes";
	for (at = 0; at < plan->hole_count && plan->holes[at].base < base; at++)
		;
	if ((at && plan->holes[at - 1].end > base) || (at < plan->hole_count && plan->holes[at].base < end))
		return "two holes overlap";
	memmove(&plan->holes[at + 1], &plan->holes[at], (plan->hole_count - at) * sizeof(plan->holes[0]));
	plan->holes[at] = (struct synthetic_hole){ base, end };
	plan->hole_count++;
	return NULL;
}

static unsigned apart(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

static unsigned ring_hops(unsigned a, unsigned b, unsigned count)
{
	unsigned one = apart(a, b);

	return one < count - one ? one : count - one;
}

static unsigned line_hops(unsigned a, unsigned b, unsigned count)
{
	(void)count;
	return apart(a, b);
}

/* A grid as square as possible, filled row by row. */
static unsigned mesh_hops(unsigned a, unsigned b, unsigned count)
{
	unsigned width = 1;

	while (width * width < count)
		width++;
	return apart(a % width, b % width) + apart(a / width, b / width);
}

static unsigned full_hops(unsigned a, unsigned b, unsigned count)
{
	(void)count;
	return a != b;
}

static const char *parse_matrix(struct synthetic_plan *plan, const char *text)
{
	static const char shape[] = "the matrix must have a row and a column for each node (10,20;20,10), values 10 to 255";
	struct text_slice rest = text_of(text);
	unsigned n = plan->node_count;

	for (unsigned i = 0; i < n * n; i++) {
		uint64_t distance;

		if (i && !text_take(&rest, i % n ? "," : ";"))
			return shape;
		if (!text_take_number(&rest, &distance) || distance < 10 || distance > 255)
			return shape;
		plan->distances[i] = (uint8_t)distance;
	}
	return rest.length ? shape : NULL;
}

const char *synthetic_parse_distances(struct synthetic_plan *plan, const char *text)
{
	static const struct { const char *name; unsigned (*hops)(unsigned a, unsigned b, unsigned count); } shapes[] = {
		{ "ring", ring_hops }, { "line", line_hops }, { "mesh", mesh_hops }, { "full", full_hops },
	};
	unsigned n = plan->node_count;

	plan->distances = malloc((size_t)n * n);
	if (!plan->distances)
		return "out of memory";
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		if (strcmp(text, shapes[s].name))
			continue;
		for (unsigned i = 0; i < n * n; i++) {
			unsigned distance = 10 + 10 * shapes[s].hops(i / n, i % n, n);

			/* 255 would mean unreachable. */
			plan->distances[i] = (uint8_t)(distance < 254 ? distance : 254);
		}
		return NULL;
	}
	return parse_matrix(plan, text);
}

const char *synthetic_deal_cpus(struct synthetic_plan *plan, unsigned total)
{
	unsigned open = 0, said = 0, dealt = 0;

	for (unsigned node = 0; node < plan->node_count; node++) {
		open += !plan->cpus_said[node];
		said += plan->cpus[node];
		if (said > MOST_CPUS)
			return "too many CPUs";
	}
	if (!total)
		total = said + open ? said + open : 1;
	if (total < said || (!open && total > said))
		return "the nodes' own CPU counts do not add up to --cpus";
	for (unsigned node = 0; node < plan->node_count; node++) {
		unsigned rest = total - said;

		if (plan->cpus_said[node])
			continue;
		/* The first nodes take what does not divide evenly. */
		plan->cpus[node] = rest / open + (dealt < rest % open);
		dealt++;
	}
	return NULL;
}
