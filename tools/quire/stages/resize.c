/*
 * A device that grows and shrinks (virtio-mem). It decides which of its blocks are there and which frames of them it keeps
 * back; the recording that follows shows both: as System RAM, and as frames that are offline inside blocks. What remains to
 * be found out is what zones make of it.
 *
 * The driver gives up what it has of blocks that are plugged in part, then whole blocks, then parts of others; and only
 * then does it plug anything in.
 */
#include "stages.h"

static unsigned page_shift(const struct stages *st)
{
	return quire_page_shift(&st->s.q->config);
}

static bool kept_by(const struct kept_frames *kept, quire_pfn_t pfn, quire_pfn_t *stop)
{
	for (size_t i = 0; i < kept->count; i++) {
		quire_pfn_t start = kept->items[i].pfn, end = start + kept->items[i].count;

		if (pfn >= start && pfn < end) {
			*stop = *stop < end ? *stop : end;
			return true;
		}
		if (pfn < start && start < *stop)
			*stop = start;
	}
	return false;
}

static bool keeps(void *ctx, quire_pfn_t pfn, quire_pfn_t *stop)
{
	return kept_by(&((struct stages *)ctx)->kept, pfn, stop);
}

/* Is all of the block among what the recording has as memory? */
static bool recorded_at(const struct stages *st, quire_phys_t base)
{
	for (size_t i = 0; i < st->now.system_ram.count; i++)
		if (base >= st->now.system_ram.items[i].first &&
		    base + st->block_size - 1 <= st->now.system_ram.items[i].last)
			return true;
	return false;
}

/* Blocks that were added and are no longer recorded, from the last down, as the driver goes. */
static void give_up_blocks(struct stages *st, const struct step *step)
{
	struct quire_hotplug_failure failure = { 0 };
	LIST(quire_phys_t) gone = { 0 };
	struct quire_block block;
	uint64_t cursor = 0;

	while (quire_block_next(st->s.q, &cursor, &block)) {
		quire_phys_t base = block.pfn << page_shift(st), *entry;

		if (block.hotplugged && !recorded_at(st, base) && (entry = LIST_ADD(&gone)) != NULL)
			*entry = base;
	}
	for (size_t i = gone.count; i-- > 0;) {
		enum quire_status status = quire_memory_offline(st->s.q, gone.items[i] >> page_shift(st),
								st->block_size >> page_shift(st), &failure);

		if (status == QUIRE_OK)
			status = quire_memory_remove(st->s.q, gone.items[i], st->block_size, &failure);
		if (status != QUIRE_OK)
			stage_cannot(st, step, step->name, status, &failure);
	}
	LIST_FREE(&gone);
}

/* Is any of the block kept back? */
static bool plugged_in_part(const struct kept_frames *kept, const struct quire_block *block)
{
	quire_pfn_t stop = block->pfn + block->pages;

	return kept_by(kept, block->pfn, &stop) || stop < block->pfn + block->pages;
}

/* Which blocks a change is made to. */
enum changed { IN_PART, WHOLE, ANY };

/* Frames of `these` that are not among `others`, where their block is on line: act(pfn, pages) on each run of them. */
static void for_changed(struct stages *st, const struct step *step, const struct kept_frames *these,
			const struct kept_frames *others, enum changed blocks,
			enum quire_status (*act)(struct quire *q, quire_pfn_t pfn, uint64_t pages))
{
	for (size_t i = 0; i < these->count; i++) {
		quire_pfn_t at = these->items[i].pfn, end = at + these->items[i].count, stop;

		for (; at < end; at = stop) {
			struct quire_block block;
			enum quire_status status = QUIRE_OK;
			bool there = quire_block_at(st->s.q, at, &block) == QUIRE_OK;

			stop = there && block.pfn + block.pages < end ? block.pfn + block.pages : end;
			if (!kept_by(others, at, &stop) && there && block.state == QUIRE_BLOCK_ONLINE &&
			    (blocks == ANY || plugged_in_part(others, &block) == (blocks == IN_PART)))
				status = act(st->s.q, at, stop - at);
			if (status != QUIRE_OK)
				stage_cannot(st, step, step->name, status, NULL);
		}
	}
}

static enum quire_status withdraw(struct quire *q, quire_pfn_t pfn, uint64_t pages)
{
	return quire_memory_withdraw(q, pfn, pages, NULL);
}

static enum quire_status let_go(struct quire *q, quire_pfn_t pfn, uint64_t pages)
{
	return quire_free_late(q, pfn << quire_page_shift(&q->config), pages << quire_page_shift(&q->config));
}

/* Block by block, as the driver adds them. */
static void add_blocks(struct stages *st, const struct step *step)
{
	const struct quire_memblock *mb = &st->s.q->memblock;

	for (size_t i = 0; i < st->now.system_ram.count; i++) {
		const struct observed_region *r = &st->now.system_ram.items[i];

		for (quire_phys_t base = r->first; base + st->block_size - 1 <= r->last; base += st->block_size) {
			const struct quire_memory_add add = { .base = base, .size = st->block_size,
							      .name = "System RAM (virtio_mem)" };
			struct quire_hotplug_failure failure = { 0 };
			enum quire_status status;

			if (base & (st->block_size - 1) ||
			    quire_memblock_overlaps_region(mb, &mb->memory, base, st->block_size))
				continue;
			status = quire_memory_add(st->s.q, &add, &failure);
			if (status != QUIRE_OK)
				stage_cannot(st, step, step->name, status, &failure);
		}
	}
}

static void read_kept(const struct stages *st, struct kept_frames *kept)
{
	for (size_t i = 0; i < st->now.frames.count; i++) {
		const struct observed_frames *run = &st->now.frames.items[i];
		struct kept_run *entry = run->offline ? LIST_ADD(kept) : NULL;

		if (entry)
			*entry = (struct kept_run){ run->start, run->count };
	}
}

void stage_resize(struct stages *st, const struct step *step)
{
	struct kept_frames before = st->kept, now = { 0 };

	if (!st->keeper.keeps) {
		st->keeper = (struct quire_memory_keeper){ .name = "virtio_mem", .keeps = keeps, .ctx = st };
		quire_register_memory_keeper(st->s.q, &st->keeper);
	}
	read_kept(st, &now);
	for_changed(st, step, &now, &before, IN_PART, withdraw);
	give_up_blocks(st, step);
	for_changed(st, step, &now, &before, WHOLE, withdraw);
	st->kept = now;
	for_changed(st, step, &before, &now, ANY, let_go);
	LIST_FREE(&before);
	add_blocks(st, step);
}
