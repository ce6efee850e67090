/*
 * See ledger.h. Which memory a kernel gives back after boot is told by its log's "Freeing …" lines; where, by what lies
 * there.
 */
#include "ledger.h"

#include "../verify/replay.h"
#include "footprint.h"

#define KIB ((quire_phys_t)1 << 10)

static quire_phys_t page_up(const struct quire *q, quire_phys_t address)
{
	quire_phys_t page = (quire_phys_t)1 << quire_page_shift(&q->config);

	return (address + page - 1) & ~(page - 1);
}

void linux_ledger_add(struct linux_ledger *ledger, enum linux_release_kind kind, quire_phys_t base, quire_phys_t size,
		      const char *what, size_t line)
{
	struct linux_release *release = size ? LIST_ADD(&ledger->releases) : NULL;

	if (release)
		*release = (struct linux_release){ kind, base, size, what, line };
}

/* The kernel's image as far as a log alone shows it: the largest range reserved before the first table was dumped. */
static quire_phys_t image_by_log(const struct observed *o)
{
	const struct observed_region *largest = NULL;

	if (!o->dumps.count)
		return 0;
	for (size_t i = 0; i < o->dumps.items[0].reserved.count; i++) {
		const struct observed_region *region = &o->dumps.items[0].reserved.items[i];

		if (!largest || region->last - region->first > largest->last - largest->first)
			largest = region;
	}
	return largest ? largest->first : 0;
}

/* The memblock call after the hand-over that goes with a "Freeing" line: the last one before it of that size. */
static const struct event *release_event(const struct replay *r, const struct observed *o,
					 const struct observed_freed *freed)
{
	const struct event *found = NULL;

	for (size_t i = 0; r && i < r->events.events.count; i++) {
		const struct event *e = &r->events.events.items[i];

		/* The call may cover a last page that is not whole and stays. */
		if (e->line < freed->origin.line && e->line > observed_handover_line(o) && e->kind == EVENT_FREE &&
		    e->size / 4096 - freed->kbytes / 4 <= 1)
			found = e;
	}
	return found;
}

/*
 * Where the memory of a "Freeing" line begins. The image's parts follow each other: code, read-only data, data, init,
 * bss.
 */
static quire_phys_t freed_address(const struct quire *q, const struct observed *o, const struct observed_freed *freed)
{
	const struct observed_kernel *k = &o->kernel;

	if (freed->kind == FREED_INITRD)
		return o->ramdisk_found ? o->ramdisk_first & ~((quire_phys_t)4095) : 0;
	if (!o->has_iomem)
		return image_by_log(o);
	switch (freed->kind) {
	case FREED_TEXT_GAP: return page_up(q, k->code_last + 1);
	case FREED_RODATA_GAP: return page_up(q, (k->rodata_last ? k->rodata_last : k->code_last) + 1);
	case FREED_DECRYPTED: return k->bss_last ? k->bss_first : k->data_first;
	case FREED_INIT:
	case FREED_ALTERNATIVES:
		/* arm64 has it between code and data and shows no bss. */
		return page_up(q, (k->bss_last ? k->data_last : k->code_last) + 1);
	default: return k->code_first;
	}
}

static void releases_from_log(struct linux_ledger *ledger, const struct quire *q, const struct observed *o,
			      const struct replay *r)
{
	for (size_t i = 0; i < o->freed.count; i++) {
		const struct observed_freed *freed = &o->freed.items[i];
		const struct event *e = release_event(r, o, freed);
		enum linux_release_kind kind =
			freed->kind == FREED_ALTERNATIVES ? LINUX_RELEASE_EARLY : LINUX_RELEASE_LATE;

		linux_ledger_add(ledger, kind, e ? e->base : freed_address(q, o, freed), freed->kbytes * KIB,
				 freed->kind == FREED_INITRD ? "initrd" : "kernel image", freed->origin.line);
	}
	for (size_t i = 0; r && i < r->events.events.count; i++) {
		const struct event *e = &r->events.events.items[i];

		if (e->kind == EVENT_FREE_LATE)
			linux_ledger_add(ledger, LINUX_RELEASE_EARLY, page_up(q, e->base),
					 ((e->base + e->size) & ~((quire_phys_t)4095)) - page_up(q, e->base),
					 "firmware", e->line);
	}
	for (size_t i = 0; r && i < r->gigantic.count; i++)
		linux_ledger_add(ledger, LINUX_RELEASE_GIGANTIC, r->gigantic.items[i].base, r->gigantic.items[i].size,
				 "gigantic page", r->gigantic.items[i].line);
}

enum quire_status linux_ledger_make(struct linux_ledger *ledger, struct quire *q, const struct observed *o,
				    struct replay *replay, struct findings *f)
{
	struct replay own = { 0 }, *r = replay ? replay : &own;
	enum quire_status status;

	memset(ledger, 0, sizeof(*ledger));
	if (!o || !replay_possible(o)) {
		status = linux_footprint(ledger, q, !o || !o->freed.count);
		if (status == QUIRE_OK && o)
			releases_from_log(ledger, q, o, NULL);
		return status;
	}
	status = replay_start(r, q, o, f);
	if (status != QUIRE_OK)
		return status;
	for (size_t i = 0; i < o->cma.count; i++)
		if (o->cma.items[i].pool &&
		    quire_cma_adopt(q, o->cma.items[i].base, o->cma.items[i].size, "pool", NULL) != QUIRE_OK)
			ledger->cma_refused += o->cma.items[i].size;
	ledger->replayed = true;
	releases_from_log(ledger, q, o, r);
	q->config.options.hugepage_count = 0;
	if (o->crash_found) {
		q->crash_base = o->crash_base;
		q->crash_size = o->crash_size;
	}
	for (size_t i = 0; i < r->gigantic.count; i++)
		q->gigantic_bytes += r->gigantic.items[i].size;
	if (r == &own)
		replay_free(&own);
	return QUIRE_OK;
}

enum quire_status linux_ledger_release(const struct linux_ledger *ledger, struct quire *q)
{
	for (size_t i = 0; i < ledger->releases.count; i++) {
		const struct linux_release *release = &ledger->releases.items[i];
		enum quire_status status;

		/* Gigantic pages stay taken; they only count. */
		if (release->kind == LINUX_RELEASE_GIGANTIC)
			continue;
		status = quire_free_late(q, release->base, release->size);
		if (status != QUIRE_OK)
			return status;
	}
	return QUIRE_OK;
}

void linux_ledger_free(struct linux_ledger *ledger)
{
	LIST_FREE(&ledger->releases);
}
