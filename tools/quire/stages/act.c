/* Doing a step: what the shell or the virtual machine did to the kernel, done to the engine. */
#include "stages.h"

#include <quire/firmware.h>
#include <quire/frames.h>

static unsigned page_shift(const struct stages *st)
{
	return quire_page_shift(&st->s.q->config);
}

void stage_cannot(struct stages *st, const struct step *step, const char *what, enum quire_status status,
		  const struct quire_hotplug_failure *failure)
{
	findings_remark(st->f, step->origin, "%s: %s%s%s", what, quire_status_string(status),
			failure && failure->why ? ": " : "", failure && failure->why ? failure->why : "");
}

/* --- devices ------------------------------------------------------------------------------------------------------- */

/* The first `size` bytes that the recording has as memory and the ledger does not; 0: none. */
static quire_phys_t new_memory(const struct stages *st, const struct step *step)
{
	const struct quire_memblock *mb = &st->s.q->memblock;

	if (step->has_address)
		return step->address;
	for (size_t i = 0; i < st->now.system_ram.count; i++) {
		const struct observed_region *r = &st->now.system_ram.items[i];
		quire_phys_t base = (r->first + st->block_size - 1) & ~(st->block_size - 1);

		for (; base <= r->last && r->last - base + 1 >= step->size; base += st->block_size)
			if (!quire_memblock_overlaps_region(mb, &mb->memory, base, step->size))
				return base;
	}
	return 0;
}

/* 6.1 keeps descriptors in the memory itself only for a device of exactly one block. */
static bool own_memmap(const struct stages *st, quire_phys_t size)
{
	return quire_hotplug_policy(st->s.q)->memmap_on_memory &&
	       (st->s.q->config.rules >= QUIRE_RULES_6_12 || size == st->block_size);
}

static void plug(struct stages *st, const struct step *step)
{
	struct quire_memory_add add = {
		.base = new_memory(st, step), .size = step->size, .nid = step->nid == QUIRE_NO_NODE ? 0 : step->nid,
		.memmap_on_memory = own_memmap(st, step->size),
	};
	struct quire_hotplug_failure failure = { 0 };
	struct stage_device *device;
	enum quire_status status;

	if (!add.base) {
		findings_remark(st->f, step->origin, "%s: the recording that follows does not show where it was plugged in",
				step->name);
		return;
	}
	status = quire_memory_add(st->s.q, &add, &failure);
	if (status != QUIRE_OK) {
		stage_cannot(st, step, step->name, status, &failure);
		return;
	}
	device = LIST_ADD(&st->devices);
	if (!device)
		return;
	memcpy(device->name, step->name, sizeof(device->name));
	device->base = add.base;
	device->size = add.size;
}

/* The kernel takes what is still on line off line first, and gives up if it cannot. */
static void unplug(struct stages *st, const struct step *step)
{
	struct quire_hotplug_failure failure = { 0 };

	for (size_t i = 0; i < st->devices.count; i++) {
		struct stage_device *device = &st->devices.items[i];
		enum quire_status status;

		if (strcmp(device->name, step->name) != 0 || !device->size)
			continue;
		status = quire_memory_offline(st->s.q, device->base >> page_shift(st), device->size >> page_shift(st),
					      &failure);
		if (status == QUIRE_OK)
			status = quire_memory_remove(st->s.q, device->base, device->size, &failure);
		if (status != QUIRE_OK)
			stage_cannot(st, step, step->name, status, &failure);
		else
			device->size = 0;
	}
}

/* --- states of blocks ---------------------------------------------------------------------------------------------- */

/* The recording that follows has the block on line still. */
static bool stayed(const struct stages *st, uint64_t number)
{
	for (size_t i = 0; i < st->now.blocks.count; i++)
		if (st->now.blocks.items[i].index == number)
			return strcmp(st->now.blocks.items[i].state, "online") == 0;
	return false;
}

/*
 * What a running kernel has in its memory a recording does not say; where it could not take a block off line that ours
 * could, something was in it that does not move. Then ours has such a frame there, too, and must refuse as well.
 */
static void fill_as_recorded(struct stages *st, const struct step *step, uint64_t number, quire_pfn_t pfn, uint64_t pages)
{
	struct quire_survey survey;
	struct quire_block block;

	if (!stayed(st, number) || quire_block_at(st->s.q, pfn, &block) != QUIRE_OK || !block.zone ||
	    quire_memory_offline_survey(st->s.q, pfn, pages, &survey, NULL) != QUIRE_OK)
		return;
	for (quire_pfn_t at = pfn; at < pfn + pages; at++)
		if (quire_zone_take_frames(block.zone, at, 1, QUIRE_MIGRATE_UNMOVABLE) == QUIRE_OK) {
			findings_remark(st->f, step->origin, "memory%llu had something in it that cannot move, as the "
					"recording shows", (unsigned long long)number);
			return;
		}
}

static void write_state(struct stages *st, const struct step *step, uint64_t number)
{
	quire_pfn_t pages = st->block_size >> page_shift(st), pfn = number * pages;
	struct quire_hotplug_failure failure = { 0 };
	enum quire_status status;

	if (strcmp(step->word, "offline") == 0) {
		fill_as_recorded(st, step, number, pfn, pages);
		status = quire_memory_offline(st->s.q, pfn, pages, &failure);
	} else {
		status = quire_memory_online(st->s.q, pfn, pages,
					     strcmp(step->word, "online_movable") == 0  ? QUIRE_ONLINE_MOVABLE
					     : strcmp(step->word, "online_kernel") == 0 ? QUIRE_ONLINE_KERNEL
											: QUIRE_ONLINE_AUTO,
					     &failure);
	}
	if (status != QUIRE_OK) {
		char what[80];

		snprintf(what, sizeof(what), "memory%llu %s", (unsigned long long)number, step->word);
		stage_cannot(st, step, what, status, &failure);
	}
}

/* As the shell sorts names: memory10 before memory9. */
static int by_name(const void *a, const void *b)
{
	char x[24], y[24];

	snprintf(x, sizeof(x), "%llu", *(const unsigned long long *)a);
	snprintf(y, sizeof(y), "%llu", *(const unsigned long long *)b);
	return strcmp(x, y);
}

static void online_all(struct stages *st, const struct step *step)
{
	LIST(unsigned long long) numbers = { 0 };
	struct quire_block block;
	uint64_t cursor = 0;

	while (quire_block_next(st->s.q, &cursor, &block)) {
		unsigned long long *number = block.state == QUIRE_BLOCK_OFFLINE ? LIST_ADD(&numbers) : NULL;

		if (number)
			*number = (block.pfn << page_shift(st)) / st->block_size;
	}
	if (numbers.count)
		qsort(numbers.items, numbers.count, sizeof(numbers.items[0]), by_name);
	for (size_t i = 0; i < numbers.count; i++)
		write_state(st, step, numbers.items[i]);
	LIST_FREE(&numbers);
}

/* --- tunables ------------------------------------------------------------------------------------------------------ */

static void write_sysctl(struct stages *st, const struct step *step)
{
	struct quire_tunables tunables = st->s.q->config.tunables;
	char assignment[sizeof(step->name) + sizeof(step->word) + 1];
	enum quire_status status;

	snprintf(assignment, sizeof(assignment), "%s=%s", step->name, step->word);
	status = quire_sysctl_set(&tunables, assignment);
	if (status == QUIRE_ENOENT)
		return;
	if (status == QUIRE_OK)
		status = quire_tunables_apply(st->s.q, &tunables);
	if (status != QUIRE_OK)
		stage_cannot(st, step, step->name, status, NULL);
}

static void write_cpu(struct stages *st, const struct step *step)
{
	struct quire *q = st->s.q;
	unsigned cpu = (unsigned)step->number;
	enum quire_status status = QUIRE_ENOENT;

	if (cpu < q->topology.cpu_count)
		status = strcmp(step->word, "0") == 0 ? quire_cpu_offline(q, cpu) :
							quire_cpu_online(q, cpu, ~q->topology.cpu_node[cpu]);
	if (status != QUIRE_OK)
		stage_cannot(st, step, "cpu", status, NULL);
}

void stage_act(struct stages *st, const struct step *step)
{
	switch (step->kind) {
	case STEP_PLUG: plug(st, step); break;
	case STEP_UNPLUG: unplug(st, step); break;
	case STEP_ONLINE_ALL: online_all(st, step); break;
	case STEP_BLOCK: write_state(st, step, step->number); break;
	case STEP_SYSCTL: write_sysctl(st, step); break;
	case STEP_CPU: write_cpu(st, step); break;
	case STEP_RESIZE: stage_resize(st, step); break;
	case STEP_DUMP: break;
	}
}
