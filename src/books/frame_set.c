/* A sorted set of frames; see frame_set.h. */
#include "books/frame_set.h"

#include "boot/meta.h"

#define FIRST_ROOM 32u		/* entries of the first array of chunks */

struct qi_frame_set *qi_frame_set_new(struct quire *q)
{
	return qi_meta_alloc(q, sizeof(struct qi_frame_set), 16, QUIRE_NO_NODE, &q->metadata.books);
}

static void add_spare(struct qi_frame_set *set, struct qi_frame_chunk *chunk)
{
	chunk->next = set->spare;
	set->spare = chunk;
	set->spares++;
}

/* A larger array; the old one stays the engine's until the machine ends. */
static void move_index(struct qi_frame_set *set, struct qi_frame_chunk **chunks, uint32_t room)
{
	if (room <= set->room)
		return;
	if (set->chunk_count)
		memcpy(chunks, set->chunks, set->chunk_count * sizeof(chunks[0]));
	set->chunks = chunks;
	set->room = room;
}

bool qi_frame_set_lock(struct quire *q, struct qi_frame_set *set, struct qi_lock *lock, unsigned long *state)
{
	*state = qi_lock_irqsave(q->platform, lock);
	while (set->spares < QI_FRAME_SPARES || !qi_frame_set_ready(set)) {
		bool index = set->chunk_count + set->promised >= set->room;
		uint32_t room = set->room ? set->room * 2 : FIRST_ROOM;
		size_t bytes = index ? room * sizeof(set->chunks[0]) : sizeof(struct qi_frame_chunk);
		void *memory;

		qi_unlock_irqrestore(q->platform, lock, *state);
		memory = qi_meta_alloc(q, bytes, 16, QUIRE_NO_NODE, &q->metadata.books);
		*state = qi_lock_irqsave(q->platform, lock);
		if (!memory && !qi_frame_set_ready(set)) {
			qi_unlock_irqrestore(q->platform, lock, *state);
			return false;
		}
		if (!memory)
			break;
		if (index)
			move_index(set, memory, room);
		else
			add_spare(set, memory);
	}
	return true;
}

/* First chunk whose last key is >= key; chunk_count: none. */
static uint32_t chunk_of(const struct qi_frame_set *set, uint64_t key)
{
	uint32_t low = 0, high = set->chunk_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct qi_frame_chunk *chunk = set->chunks[middle];

		if (chunk->keys[chunk->count - 1] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* First slot of a chunk with a key >= key; count: none. */
static uint32_t slot_of(const struct qi_frame_chunk *chunk, uint64_t key)
{
	uint32_t low = 0, high = chunk->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (chunk->keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A chunk of its own at place `at` of the array, from the spare ones. */
static struct qi_frame_chunk *open_chunk(struct qi_frame_set *set, uint32_t at)
{
	struct qi_frame_chunk *chunk = set->spare;

	set->spare = chunk->next;
	set->spares--;
	chunk->count = 0;
	memmove(&set->chunks[at + 1], &set->chunks[at], (set->chunk_count - at) * sizeof(set->chunks[0]));
	set->chunks[at] = chunk;
	set->chunk_count++;
	return chunk;
}

/* Keys that come in rising order fill chunks, others halve them. */
static struct qi_frame_chunk *split_chunk(struct qi_frame_set *set, uint32_t at, uint64_t key)
{
	struct qi_frame_chunk *full = set->chunks[at], *fresh = open_chunk(set, at + 1);
	uint32_t keep = key > full->keys[full->count - 1] ? full->count : full->count / 2;

	fresh->count = full->count - keep;
	memcpy(fresh->keys, full->keys + keep, fresh->count * sizeof(full->keys[0]));
	full->count = keep;
	return key > full->keys[keep - 1] ? fresh : full;
}

void qi_frame_set_insert(struct qi_frame_set *set, uint64_t key)
{
	uint32_t at = chunk_of(set, key), slot;
	struct qi_frame_chunk *chunk;

	if (!set->chunk_count)
		chunk = open_chunk(set, 0);
	else
		chunk = set->chunks[at -= at == set->chunk_count];
	if (chunk->count == QI_FRAME_CHUNK_KEYS)
		chunk = split_chunk(set, at, key);
	slot = slot_of(chunk, key);
	memmove(&chunk->keys[slot + 1], &chunk->keys[slot], (chunk->count - slot) * sizeof(key));
	chunk->keys[slot] = key;
	chunk->count++;
	set->count++;
}

/* The chunk and slot of the frame's key. */
static struct qi_frame_chunk *find(const struct qi_frame_set *set, quire_pfn_t pfn, uint32_t *at, uint32_t *slot)
{
	struct qi_frame_chunk *chunk;

	*at = chunk_of(set, qi_frame_key(pfn, 0));
	if (*at == set->chunk_count)
		return NULL;
	chunk = set->chunks[*at];
	*slot = slot_of(chunk, qi_frame_key(pfn, 0));
	return qi_frame_of(chunk->keys[*slot]) == pfn ? chunk : NULL;
}

bool qi_frame_set_erase(struct qi_frame_set *set, quire_pfn_t pfn)
{
	uint32_t at, slot;
	struct qi_frame_chunk *chunk = find(set, pfn, &at, &slot);

	if (!chunk)
		return false;
	chunk->count--;
	set->count--;
	memmove(&chunk->keys[slot], &chunk->keys[slot + 1], (chunk->count - slot) * sizeof(chunk->keys[0]));
	if (chunk->count)
		return true;
	set->chunk_count--;
	memmove(&set->chunks[at], &set->chunks[at + 1], (set->chunk_count - at) * sizeof(set->chunks[0]));
	add_spare(set, chunk);
	return true;
}

void qi_frame_set_change(struct qi_frame_set *set, uint64_t key)
{
	uint32_t at, slot;
	struct qi_frame_chunk *chunk = find(set, qi_frame_of(key), &at, &slot);

	if (chunk)
		chunk->keys[slot] = key;
}

bool qi_frame_set_next(const struct qi_frame_set *set, quire_pfn_t pfn, uint64_t *key)
{
	uint32_t at = chunk_of(set, qi_frame_key(pfn, 0));

	if (at == set->chunk_count)
		return false;
	*key = set->chunks[at]->keys[slot_of(set->chunks[at], qi_frame_key(pfn, 0))];
	return true;
}

bool qi_frame_set_last(const struct qi_frame_set *set, quire_pfn_t pfn, uint64_t *key)
{
	uint64_t above = qi_frame_key(pfn + 1, 0);
	uint32_t at = chunk_of(set, above), slot = at < set->chunk_count ? slot_of(set->chunks[at], above) : 0;

	if (!slot && !at)
		return false;
	if (!slot) {
		at--;
		slot = set->chunks[at]->count;
	}
	*key = set->chunks[at]->keys[slot - 1];
	return true;
}

bool qi_check_frame_set(const struct qi_frame_set *set)
{
	uint64_t count = 0, before = 0;

	for (uint32_t at = 0; at < set->chunk_count; at++) {
		const struct qi_frame_chunk *chunk = set->chunks[at];

		if (!chunk->count || chunk->count > QI_FRAME_CHUNK_KEYS)
			return false;
		for (uint32_t i = 0; i < chunk->count; i++, count++) {
			if (count && qi_frame_of(chunk->keys[i]) <= qi_frame_of(before))
				return false;
			before = chunk->keys[i];
		}
	}
	return count == set->count;
}
