/* Compaction as the record shows it: which frees are moves, and what becomes of the blocks. */
#include <stdlib.h>

#include "replay/player.h"

static int64_t *window_of(const struct player *player, int64_t pid)
{
	for (unsigned i = 0; i < player->window_count; i++)
		if (player->windows[i] == pid)
			return (int64_t *)(uintptr_t)&player->windows[i];
	return NULL;
}

bool player_is_moving(const struct player *player, int64_t pid)
{
	return player->window_count && window_of(player, pid);
}

void player_move_starts(struct player *player, const struct trace_event *event)
{
	if (!event->taken || event->pid < 0 || window_of(player, event->pid) || player->window_count == PLAYER_WINDOWS)
		return;
	player->windows[player->window_count++] = event->pid;
}

void player_move_ends(struct player *player, const struct trace_event *event)
{
	int64_t *window = window_of(player, event->pid);

	if (window)
		*window = player->windows[--player->window_count];
}

bool player_push_moved(struct player *player, quire_pfn_t pfn, unsigned order)
{
	struct moved_queue *queue = &player->moved[order];

	if (queue->first + queue->count == queue->room) {
		size_t room = queue->room ? queue->room * 2 : 256;
		quire_pfn_t *bigger = realloc(queue->pfn, room * sizeof(*bigger));

		if (!bigger)
			return false;
		queue->pfn = bigger;
		queue->room = room;
	}
	queue->pfn[queue->first + queue->count++] = pfn;
	player->now.moved++;
	return true;
}

bool player_pop_moved(struct player *player, unsigned order, quire_pfn_t *pfn)
{
	struct moved_queue *queue = &player->moved[order];

	if (!queue->count)
		return false;
	*pfn = queue->pfn[queue->first++];
	if (!--queue->count)
		queue->first = 0;
	return true;
}
