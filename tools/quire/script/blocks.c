/* Handles: named lists of blocks, in the order in which they were taken. */
#define _GNU_SOURCE
#include "script.h"

#include <stdlib.h>
#include <string.h>

struct script_handle *script_handle_find(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->handle_count; i++)
		if (strcmp(s->handles[i].name, name) == 0)
			return &s->handles[i];
	return NULL;
}

struct script_handle *script_handle_make(struct script *s, const char *name)
{
	struct script_handle *found = script_handle_find(s, name), *grown;

	if (found)
		return found;
	grown = realloc(s->handles, (s->handle_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	s->handles = grown;
	found = &grown[s->handle_count++];
	memset(found, 0, sizeof(*found));
	snprintf(found->name, sizeof(found->name), "%s", name);
	return found;
}

static bool make_room(struct script_handle *h)
{
	size_t room = h->room ? 2 * h->room : 64;
	struct script_block **grown;

	if (h->count < h->room)
		return true;
	grown = realloc(h->blocks, room * sizeof(*grown));
	if (!grown)
		return false;
	h->blocks = grown;
	h->room = room;
	return true;
}

bool script_handle_add(struct script *s, struct script_handle *h, quire_pfn_t pfn, unsigned order, bool movable)
{
	struct script_block *block = make_room(h) ? malloc(sizeof(*block)) : NULL;

	if (!block)
		return false;
	*block = (struct script_block){ .pfn = pfn, .order = (uint8_t)order, .movable = movable };
	if (!script_owner_enter(s, block)) {
		free(block);
		return false;
	}
	h->blocks[h->count++] = block;
	h->pages += 1ull << order;
	return true;
}

void script_handle_remove(struct script_handle *h, size_t low, size_t high)
{
	for (size_t i = low; i <= high; i++) {
		h->pages -= 1ull << h->blocks[i]->order;
		free(h->blocks[i]);
	}
	memmove(&h->blocks[low], &h->blocks[high + 1], (h->count - high - 1) * sizeof(*h->blocks));
	h->count -= high - low + 1;
}

void script_handles_drop(struct script *s)
{
	for (size_t i = 0; i < s->handle_count; i++) {
		for (size_t k = 0; k < s->handles[i].count; k++)
			free(s->handles[i].blocks[k]);
		free(s->handles[i].blocks);
	}
	free(s->handles);
	s->handles = NULL;
	s->handle_count = 0;
}
