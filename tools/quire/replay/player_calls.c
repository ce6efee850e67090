/* Our allocator as the events call it: from their CPU, against the clock. */
#include <quire/page_alloc.h>

#include "../../../ports/hosted/hosted.h"
#include "progress.h"
#include "replay/player.h"

/* The least that lies between two looks at the clock is what a look costs. */
void player_calibrate(struct player *player)
{
	player->clock_ns = UINT64_MAX;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t start = progress_now_ns(), took = progress_now_ns() - start;

		player->clock_ns = took < player->clock_ns ? took : player->clock_ns;
	}
}

static void account(const struct player *player, uint64_t start, uint64_t *sum, uint64_t *slowest)
{
	uint64_t took = progress_now_ns() - start;

	took = took > player->clock_ns ? took - player->clock_ns : 0;
	*sum += took;
	*slowest = took > *slowest ? took : *slowest;
}

static void go_to(struct player *player, unsigned cpu)
{
	if (cpu == player->cpu)
		return;
	quire_hosted_bind_cpu(cpu);
	player->cpu = cpu;
}

bool player_take(struct player *player, unsigned cpu, int nid, unsigned order, uint32_t gfp, quire_pfn_t *pfn)
{
	enum quire_status status;
	uint64_t start;

	go_to(player, cpu);
	start = progress_now_ns();
	status = quire_alloc_frames(player->q, nid, order, gfp, pfn);
	account(player, start, &player->now.alloc_ns, &player->slowest_alloc_ns);
	player->now.allocs++;
	return status == QUIRE_OK;
}

void player_give(struct player *player, unsigned cpu, quire_pfn_t pfn, unsigned order)
{
	enum quire_status status;
	uint64_t start;

	go_to(player, cpu);
	start = progress_now_ns();
	status = quire_free_frames(player->q, pfn, order);
	account(player, start, &player->now.free_ns, &player->slowest_free_ns);
	player->now.frees++;
	player->odd.refused_frees += status != QUIRE_OK;
}
