/* A life: operations one after the other, each with a plan of what goes wrong, and what is compared when. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "life.h"

/* --- chance ----------------------------------------------------------------------------------------------------------- */

static uint64_t scatter(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

uint64_t draw(struct life *l, uint64_t n)
{
	l->draw += 0x9e3779b97f4a7c15ull;
	return n ? scatter(l->draw) % n : 0;
}

/* --- telling ---------------------------------------------------------------------------------------------------------- */

_Noreturn void broken(struct life *l, const char *format, ...)
{
	va_list args;
	size_t tail = l->log_length > 1200 ? l->log_length - 1200 : 0;

	if (l->telling) {
		printf("\nwrong after operation %u (%s): ", l->op, l->what);
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		printf("\nthe end of the log:\n%s", l->log + tail);
		fflush(stdout);
	}
	_exit(1);
}

void tell(struct life *l, const char *format, ...)
{
	va_list args;

	if (!l->telling || l->whispering)
		return;
	printf("%s ", l->op ? "" : "machine:");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (!l->op)
		printf("\n");
	fflush(stdout);
}

bool answer(struct life *l, enum quire_status status, unsigned mask)
{
	if (l->telling && !l->whispering)
		printf(": %s", quire_status_string(status));
	if (!(mask >> status & 1))
		broken(l, "the answer is \"%s\", which it must not be (allowed: %#x)", quire_status_string(status), mask);
	l->outcomes[status]++;
	return status == QUIRE_OK;
}

/* --- what is done how often ------------------------------------------------------------------------------------------- */

struct deed {
	const char *name;
	void (*act)(struct life *l);
	unsigned weight;
};

static const struct deed deeds[] = {
	{ "alloc", do_alloc, 10 }, { "free", do_free, 10 }, { "churn", do_churn, 12 }, { "bulk", do_bulk, 3 },
	{ "split", do_split, 3 }, { "wrong free", do_wrong_free, 2 }, { "pin", do_pin, 3 },
	{ "add", do_add, 4 }, { "online", do_online, 6 }, { "offline", do_offline, 6 }, { "remove", do_remove, 4 },
	{ "survey", do_survey, 1 }, { "keeper", do_keeper, 4 }, { "policy", do_policy, 1 },
	{ "range", do_range, 4 }, { "contig", do_contig, 2 }, { "cma", do_cma, 4 }, { "cma release", do_cma_release, 3 },
	{ "poison", do_poison, 5 }, { "unpoison", do_unpoison, 4 }, { "balloon", do_balloon, 3 }, { "device", do_device, 3 },
	{ "tunables", do_tunables, 1 }, { "cpu", do_cpu, 1 }, { "compact", do_compact, 1 }, { "report", do_report, 1 },
	{ "drain", do_drain, 1 },
};
#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

static const struct deed *draw_deed(struct life *l)
{
	unsigned sum = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < DEEDS; k++)
		sum += deeds[k].weight;
	for (at = (unsigned)draw(l, sum); at >= deeds[i].weight; i++)
		at -= deeds[i].weight;
	return &deeds[i];
}

/* Most operations go undisturbed. */
static void draw_plan(struct life *l)
{
	struct plan *p = &l->plan;

	*p = (struct plan){ .refusal = one_in(l, 3) ? QUIRE_EPERM : QUIRE_EBUSY, .failing = QUIRE_OK };
	p->failing = one_in(l, 2) ? QUIRE_OK : one_in(l, 2) ? QUIRE_EBUSY : QUIRE_EPERM;
	if (one_in(l, 6))
		p->refuse_at = 1 + (unsigned)draw(l, 100);
	if (one_in(l, 10))
		p->vanish_at = 1 + (unsigned)draw(l, 100);
	if (one_in(l, 15))
		p->cancel_at = 1 + (unsigned)draw(l, 60);
	if (one_in(l, 6))
		p->veto_at = 1 + (unsigned)draw(l, 3);
	if (one_in(l, 6))
		p->hypervisor_at = 1 + (unsigned)draw(l, 4);
	p->fault = one_in(l, 8);
	if (p->fault && l->exact)
		quire_hosted_fail(l->hosted, one_in(l, 3) ? QUIRE_HOSTED_VMEMMAP_MAP : QUIRE_HOSTED_META_ALLOC, 1 +
				draw(l, 6));
	else if (p->fault)
		quire_hosted_fail(l->hosted, QUIRE_HOSTED_VMEMMAP_MAP, 1 + draw(l, 4));
}

static void end_plan(struct life *l)
{
	for (unsigned call = 0; call < QUIRE_HOSTED_CALLS; call++)
		quire_hosted_fail(l->hosted, (enum quire_hosted_call)call, 0);
	l->plan = (struct plan){ 0 };
}

static void bind(struct life *l)
{
	unsigned cpu = (unsigned)draw(l, CPUS);

	while (l->cpu_off[cpu])
		cpu = (cpu + 1) % CPUS;
	quire_hosted_bind_cpu(cpu);
}

static void step(struct life *l)
{
	const struct deed *deed;

	l->draw = scatter(l->seed * 0x9e3779b97f4a7c15ull + l->op);
	deed = draw_deed(l);
	l->what = deed->name;
	if (l->telling)
		printf("%u %s", l->op, deed->name);
	draw_plan(l);
	bind(l);
	deed->act(l);
	end_plan(l);
	if (l->telling)
		printf("\n");
	compare(l);
	if (one_in(l, 100))
		compare_all(l);
}

/* All is given back, and nothing is missing. */
static void end(struct life *l)
{
	l->what = "the end";
	l->whispering = true;
	while (l->holding_count) {
		uint32_t i = l->holding_count - 1;

		if (l->holdings[i].kind != BALLOON)
			free_holding(l, i);
		else
			must(l, quire_balloon_deflate(&l->balloon, 1));
	}
	compare_all(l);
	for (uint32_t f = 0; f < l->frames; f++)
		must(l, l->state[f] != TAKEN && !l->gone[f] && l->failing[f] != FAILS_PENDING);
	close_holders(l);
	if (l->device_there)
		quire_device_remove(&l->q, &l->device, NULL);
}

void (*at_birth)(struct life *l);

void live(uint64_t seed, unsigned ops, const uint8_t *skip, bool telling)
{
	struct life *l = calloc(1, sizeof(*l));

	l->seed = seed;
	l->telling = telling;
	l->what = "boot";
	l->draw = scatter(seed);
	if (!open_machine(l)) {
		close_machine(l);
		free(l);
		return;
	}
	if (at_birth)
		at_birth(l);
	open_holders(l);
	compare_all(l);
	for (l->op = 1; l->op <= ops; l->op++)
		if (!skip || !skip[l->op])
			step(l);
	end(l);
	close_machine(l);
	free(l);
}
