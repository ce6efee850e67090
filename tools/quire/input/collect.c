/*
 * Lists that grow, and the collected facts' life and death.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "facts.h"

/* CPU numbers beyond this are nonsense in a text; arrays indexed by them stay small. */
#define MOST_CPUS 65536

bool input_grow_array(void *array, size_t *max, size_t element)
{
	void *old, *bigger;
	size_t room = *max ? *max * 2 : 16;

	memcpy(&old, array, sizeof(old));
	bigger = realloc(old, room * element);
	if (!bigger)
		return false;
	memcpy(array, &bigger, sizeof(bigger));
	*max = room;
	return true;
}

enum quire_status input_ranges_add(struct input_ranges *ranges, quire_phys_t base, quire_phys_t size,
				   enum quire_memory_type type, uint32_t attributes, int nid)
{
	if (ranges->count == ranges->max && !input_grow_array(&ranges->at, &ranges->max, sizeof(ranges->at[0])))
		return QUIRE_ENOMEM;
	ranges->at[ranges->count++] = (struct quire_memory_range){ base, size, type, attributes, nid };
	return QUIRE_OK;
}

void input_ranges_free(struct input_ranges *ranges)
{
	free(ranges->at);
	free(ranges->source);
	memset(ranges, 0, sizeof(*ranges));
}

/* A map of the same kind from a second input adds to the first: a machine described in pieces. `ranges` is emptied. */
enum quire_status input_take_map(struct input *in, enum input_map_source source, struct input_ranges *ranges)
{
	struct input_ranges *mine = &in->facts->maps[source];
	enum quire_status status = QUIRE_OK;

	if (ranges->count && !mine->count) {
		input_ranges_free(mine);
		*mine = *ranges;
		memset(ranges, 0, sizeof(*ranges));
		return QUIRE_OK;
	}
	if (ranges->count)
		input_note(in, QUIRE_LOG_WARNING, ranges->source, 0, "a second memory map; added to that of %s",
			   mine->source ? mine->source : "the first input");
	for (size_t i = 0; i < ranges->count && status == QUIRE_OK; i++) {
		const struct quire_memory_range *r = &ranges->at[i];

		status = input_ranges_add(mine, r->base, r->size, r->type, r->attributes, r->nid);
	}
	input_ranges_free(ranges);
	return status;
}

void input_keep_text(struct input *in, struct textfile *file)
{
	if (!file->data)
		return;
	free(in->once);
	in->once = file->data;
	in->once_size = file->size;
	file->data = NULL;
}

char *input_slice_string(struct text_slice slice)
{
	return strndup(slice.at, slice.length);
}

void input_replace_string(char **string, char *value)
{
	free(*string);
	*string = value;
}

enum quire_status input_add_blob(struct input *in, enum input_blob_kind kind, const char *path, const void *data,
				 size_t size)
{
	struct input_blob *blob = &in->facts->blobs[kind];

	if (blob->data) {
		input_note(in, QUIRE_LOG_WARNING, path, 0, "a second table of its kind after %s; ignored", blob->path);
		return QUIRE_OK;
	}
	blob->data = malloc(size ? size : 1);
	blob->path = strdup(path);
	if (!blob->data || !blob->path) {
		free(blob->data);
		free(blob->path);
		memset(blob, 0, sizeof(*blob));
		return QUIRE_ENOMEM;
	}
	memcpy(blob->data, data, size);
	blob->size = size;
	return QUIRE_OK;
}

enum quire_status input_set_cpu_node(struct input *in, uint64_t cpu, int nid)
{
	struct input_facts *facts = in->facts;

	if (cpu >= MOST_CPUS)
		return QUIRE_ERANGE;
	while (cpu >= facts->cpu_node_max) {
		size_t before = facts->cpu_node_max;

		if (!input_grow_array(&facts->cpu_nodes, &facts->cpu_node_max, sizeof(facts->cpu_nodes[0])))
			return QUIRE_ENOMEM;
		for (size_t i = before; i < facts->cpu_node_max; i++)
			facts->cpu_nodes[i] = QUIRE_NO_NODE;
	}
	facts->cpu_nodes[cpu] = nid;
	return QUIRE_OK;
}

void input_log_facts_free(struct input_log_facts *log)
{
	input_ranges_free(&log->e820);
	input_ranges_free(&log->efi);
	input_ranges_free(&log->nodes);
	free(log->proximities);
	free(log->reservations);
	free(log->release);
	free(log->command_line);
	memset(log, 0, sizeof(*log));
}

void input_facts_free(struct input_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < INPUT_MAPS; i++)
		input_ranges_free(&facts->maps[i]);
	for (size_t i = 0; i < INPUT_BLOBS; i++) {
		free(facts->blobs[i].path);
		free(facts->blobs[i].data);
	}
	input_log_facts_free(&facts->log);
	free(facts->log_path);
	free(facts->command_line);
	free(facts->release);
	free(facts->cpu_nodes);
	free(facts->node_distances);
	free(facts->synthetic.proximities);
	free(facts->synthetic.distances);
	free(facts);
}

struct extent { uint64_t base, last; };

static int by_base(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

static uint64_t ram_of(const struct quire_memory_range *at, size_t count)
{
	struct extent *extents = malloc((count ? count : 1) * sizeof(extents[0]));
	size_t used = 0;
	uint64_t total = 0, next = 0;

	if (!extents)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (at[i].type != QUIRE_MEMORY_RAM || at[i].size == 0)
			continue;
		extents[used].base = at[i].base;
		if (__builtin_add_overflow(at[i].base, at[i].size - 1, &extents[used].last))
			extents[used].last = UINT64_MAX;
		used++;
	}
	qsort(extents, used, sizeof(extents[0]), by_base);
	for (size_t i = 0; i < used; i++) {
		uint64_t from = extents[i].base > next ? extents[i].base : next;

		if (extents[i].last < from || (i && next == 0))
			continue;
		total += extents[i].last - from + 1;
		next = extents[i].last + 1;
	}
	free(extents);
	return total;
}

uint64_t input_ranges_ram(const struct input_ranges *ranges)
{
	return ram_of(ranges->at, ranges->count);
}

uint64_t input_ram_bytes(const struct quire_machine *machine)
{
	return ram_of(machine->map, machine->map_count);
}
