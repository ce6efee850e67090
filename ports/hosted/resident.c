/*
 * What the engine's metadata really costs the host: of what was asked for, the pages that were touched.
 *
 * Small pieces come zeroed from the heap and count in full. Large ones and the window are address space until somebody
 * writes; mincore(2) knows which of their pages exist.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* Pages looked at in one call. */
#define BATCH 16384u

bool qi_hosted_remember(struct quire_hosted *h, void *address, size_t size)
{
	struct qi_hosted_piece *piece = malloc(sizeof(*piece));

	if (!piece)
		return false;
	*piece = (struct qi_hosted_piece){ .address = address, .size = size };
	pthread_mutex_lock(&h->lock);
	piece->next = h->pieces;
	h->pieces = piece;
	pthread_mutex_unlock(&h->lock);
	return true;
}

void qi_hosted_forget(struct quire_hosted *h, const void *address)
{
	struct qi_hosted_piece **link = &h->pieces, *piece;

	pthread_mutex_lock(&h->lock);
	while (*link && (*link)->address != address)
		link = &(*link)->next;
	piece = *link;
	if (piece)
		*link = piece->next;
	pthread_mutex_unlock(&h->lock);
	free(piece);
}

/* Bytes of [address, address + size) that have a page. What the host cannot say counts in full. */
static uint64_t resident(void *address, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size + page - 1) / page;
	unsigned char there[BATCH];
	uint64_t bytes = 0;

	for (size_t done = 0; done < pages; done += BATCH) {
		size_t batch = pages - done < BATCH ? pages - done : BATCH;

		if (mincore((char *)address + done * page, batch * page, there))
			return size;
		for (size_t i = 0; i < batch; i++)
			bytes += there[i] & 1 ? page : 0;
	}
	return bytes;
}

uint64_t quire_hosted_metadata_resident(struct quire_hosted *h)
{
	uint64_t bytes, mapped = 0;

	if (!h->platform.meta_alloc)
		return quire_hosted_resident(h);
	bytes = quire_hosted_window_mapped(h) ? resident(h->window, h->window_size) : 0;
	pthread_mutex_lock(&h->lock);
	for (const struct qi_hosted_piece *piece = h->pieces; piece; piece = piece->next) {
		mapped += piece->size;
		bytes += resident(piece->address, piece->size);
	}
	pthread_mutex_unlock(&h->lock);
	return bytes + quire_hosted_outside(h) - mapped;
}

struct quire_hosted *quire_hosted_of(const struct quire_platform *platform)
{
	return platform->ctx;
}
