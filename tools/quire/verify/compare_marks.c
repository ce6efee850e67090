/*
 * Watermarks, min_free_kbytes, protection and per-CPU sets, in the order in which a kernel computes them:
 *
 *	managed as handed over		-> min_free_kbytes, watermarks, protection, per-CPU sets
 *	gigantic pages become managed
 *	khugepaged starts		-> min_free_kbytes, watermarks, per-CPU sets again
 *	memory plugged in comes online	-> everything again
 *	initrd and the like become managed, and nothing is computed again
 *
 * From 6.12 on gigantic pages are managed from the start.
 * Reading /proc/sys/vm/lowmem_reserve_ratio computes protection anew, so a capture may show either.
 */
#include "compare.h"

#include <inttypes.h>

static void add_managed(struct compare *c, const struct linux_count *count)
{
	for (unsigned nid = 0; nid < c->q->topology.node_count; nid++)
		for (unsigned type = 0; c->q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			c->q->topology.nodes[nid]->zones[type].managed += count->pages[nid][type];
}

static void keep_protection(struct compare *c)
{
	for (unsigned nid = 0; nid < c->q->topology.node_count; nid++)
		for (unsigned type = 0; c->q->topology.nodes[nid] && type < QUIRE_ZONE_TYPES; type++)
			memcpy(c->protection[nid][type], c->q->topology.nodes[nid]->zones[type].lowmem_reserve,
			       sizeof(c->protection[nid][type]));
}

static void compute(struct compare *c)
{
	quire_watermarks_init(&c->q->topology, &c->q->config.tunables, &c->q->watermarks);
	keep_protection(c);
	quire_watermarks_thp(&c->q->topology, &c->q->config.tunables, &c->q->watermarks);
}

static bool marks_agree(const struct compare *c)
{
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

		if (zone && zone->watermark[QUIRE_WMARK_LOW] + theirs->boost != theirs->low)
			return false;
	}
	return true;
}

/*
 * Memory that was in its slot when the machine started comes online before the last of boot's memory is given back;
 * what was plugged in afterwards, after that. A capture does not say which it was, so both are tried.
 */
static void compute_plugged(struct compare *c, const struct linux_count *late)
{
	compute(c);
	if (marks_agree(c)) {
		add_managed(c, late);
		return;
	}
	add_managed(c, late);
	compute(c);
}

void compute_watermarks(struct compare *c)
{
	bool from_start = c->q->config.rules >= QUIRE_RULES_6_12;
	struct linux_count *late = malloc(sizeof(*late));

	if (!late)
		return;
	if (from_start)
		add_managed(c, &c->gigantic);
	quire_watermarks_init(&c->q->topology, &c->q->config.tunables, &c->q->watermarks);
	keep_protection(c);
	if (!from_start)
		add_managed(c, &c->gigantic);
	quire_watermarks_thp(&c->q->topology, &c->q->config.tunables, &c->q->watermarks);
	*late = c->late;
	if (plugged_bring_online(c))
		compute_plugged(c, late);
	else
		add_managed(c, late);
	quire_lowmem_reserve_update(&c->q->topology, &c->q->config.tunables);
	free(late);
}

/* The n-th zone type this kernel was built with. */
static enum quire_zone_type nth_type(const struct compare *c, unsigned n)
{
	for (unsigned type = 0; type < QUIRE_ZONE_TYPES; type++)
		if (c->q->config.zone_mask & 1u << type && n-- == 0)
			return (enum quire_zone_type)type;
	return QUIRE_ZONE_TYPES;
}

static void protection_text(char *text, size_t size, const uint64_t *values, unsigned count, const struct compare *c)
{
	size_t length = 0;

	text[0] = 0;
	for (unsigned i = 0; i < count && length < size; i++) {
		enum quire_zone_type type = c ? nth_type(c, i) : (enum quire_zone_type)i;

		length += (size_t)snprintf(text + length, size - length, "%s%" PRIu64, i ? " " : "",
					   type < QUIRE_ZONE_TYPES ? values[type] : 0);
	}
}

/* Ours as first computed, or from what is managed in the end. */
static const uint64_t *our_protection(const struct compare *c, const struct observed_zone *theirs, bool again)
{
	static const uint64_t none[QUIRE_ZONE_TYPES];
	const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

	if (!zone)
		return none;
	return again ? zone->lowmem_reserve : c->protection[theirs->nid][theirs->type];
}

static void protection(struct compare *c)
{
	unsigned matches[2] = { 0, 0 };
	char ours[128], theirs[128];

	for (int pass = 0; pass < 3; pass++) {
		bool again = pass < 2 ? pass : matches[1] > matches[0];

		for (size_t i = 0; i < c->o->zones.count; i++) {
			const struct observed_zone *zone = &c->o->zones.items[i];

			protection_text(theirs, sizeof(theirs), zone->protection, zone->protections, NULL);
			protection_text(ours, sizeof(ours), our_protection(c, zone, again), zone->protections, c);
			if (pass < 2)
				matches[pass] += strcmp(ours, theirs) == 0;
			else
				findings_text(c->f, zone->protection_origin, ours, theirs,
					      "protection of node %d zone %s", zone->nid, quire_zone_name(zone->type));
		}
	}
}

static void watermarks(struct compare *c)
{
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);
		const uint64_t shown[QUIRE_WMARKS] = { theirs->min, theirs->low, theirs->high, theirs->promo };
		static const char *const names[QUIRE_WMARKS] = { "min", "low", "high", "promo" };

		/* What is shown has the boost in it, a thing of the moment. */
		for (unsigned mark = 0; mark < QUIRE_WMARKS; mark++)
			if (mark != QUIRE_WMARK_PROMO || theirs->has_promo)
				findings_number(c->f, theirs->origin, zone ? zone->watermark[mark] + theirs->boost : 0,
						shown[mark], "%s watermark of node %d zone %s", names[mark],
						theirs->nid, quire_zone_name(theirs->type));
	}
}

/*
 * From 6.12 on a CPU's high moves between high_min and high_max as it is used. It is 0 until then, and where it was
 * last used before there were watermarks it starts from 4 batches. Where bounds changed meanwhile it may still be what
 * earlier ones allowed.
 */
static bool high_in_bounds(const struct compare *c, const struct quire_zone *zone, uint64_t high)
{
	uint64_t least = c->pcp_most ? 4 : 4ull * zone->pcp_batch;
	uint64_t most = c->pcp_most ? c->pcp_most[zone->node->nid][zone->type] : zone->pcp_high_max;

	return high == 0 || (high >= least && high <= most);
}

static void per_cpu(struct compare *c)
{
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);
		const char *name = quire_zone_name(theirs->type);

		for (unsigned cpu = 0; zone && cpu < theirs->cpus; cpu++) {
			findings_number(c->f, theirs->origin, zone->pcp_batch, theirs->pcp_batch[cpu],
					"batch of node %d zone %s cpu %u", theirs->nid, name, cpu);
			if (c->q->config.rules == QUIRE_RULES_6_1)
				findings_number(c->f, theirs->origin, zone->pcp_high_min, theirs->pcp_high[cpu],
						"high of node %d zone %s cpu %u", theirs->nid, name, cpu);
			else
				findings_number(c->f, theirs->origin,
						high_in_bounds(c, zone, theirs->pcp_high[cpu]) ? theirs->pcp_high[cpu]
											    : zone->pcp_high_min,
						theirs->pcp_high[cpu],
						"high of node %d zone %s cpu %u lies in its bounds", theirs->nid, name,
						cpu);
		}
	}
}

/* Without the kernel's reservations everything that follows from them is an estimate. */
static void estimates(struct compare *c)
{
	for (size_t i = 0; i < c->o->zones.count; i++) {
		const struct observed_zone *theirs = &c->o->zones.items[i];
		const struct quire_zone *zone = compare_zone(c, theirs->nid, theirs->type);

		findings_estimate(c->f, theirs->origin, zone ? zone->watermark[QUIRE_WMARK_LOW] : 0,
				  theirs->low - theirs->boost, "low watermark of node %d zone %s", theirs->nid,
				  quire_zone_name(theirs->type));
	}
	if (c->o->has_min_free)
		findings_estimate(c->f, c->o->min_free_origin, c->q->watermarks.min_free_kbytes, c->o->min_free_kbytes,
				  "min_free_kbytes");
}

void compare_marks(struct compare *c)
{
	if (!c->o->zones.count)
		findings_missing(c->f, 4);
	if (!c->o->has_min_free)
		findings_missing(c->f, 1);
	if (!c->exact) {
		estimates(c);
		return;
	}
	if (c->o->has_min_free)
		findings_number(c->f, c->o->min_free_origin, c->q->watermarks.min_free_kbytes, c->o->min_free_kbytes,
				"min_free_kbytes");
	watermarks(c);
	protection(c);
	per_cpu(c);
}
