/*
 * The areas boot makes: those firmware reserved, and the one the command line or the build wants. Failing to place one never
 * stops boot: it is logged and the machine runs without it.
 */
#include "cma/cma.h"

#include "base/base.h"
#include "boot/ledger.h"

#ifndef QUIRE_WITHOUT_CMA

void qi_cma_adopt_placed(struct quire *q, const struct quire_reservation *r, quire_phys_t base)
{
	if (r->kind == QUIRE_RESERVE_CMA && r->base == QUIRE_PHYS_MAX && q->config.cma_enabled)
		quire_cma_adopt(q, base, r->size, r->name, NULL);
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* Those whose place the ledger found are areas already. */
static bool adopt(struct quire *q, const struct quire_reservation *r)
{
	if (r->base != QUIRE_PHYS_MAX)
		return quire_cma_adopt(q, r->base, r->size, r->name, NULL) == QUIRE_OK;
	for (size_t i = 0; i < q->cma_count; i++)
		if (same_name(q->cma[i].name, r->name))
			return true;
	return false;
}

void qi_cma_place(struct quire *q)
{
	const struct quire_placement *asked = &q->config.options.cma;
	struct quire_cma_request request = {
		.size = q->config.cma_default_size, .limit = qi_dma_limit(q), .nid = QUIRE_NO_NODE, .name = "reserved",
	};
	enum quire_status status;

	if (!q->config.cma_enabled)
		return;
	/* An area of the device tree marked as the default takes the place of ours; any other is adopted beside it. */
	for (size_t i = 0; i < q->machine->reservation_count; i++) {
		const struct quire_reservation *r = &q->machine->reservations[i];

		if (r->kind != QUIRE_RESERVE_CMA)
			continue;
		if (adopt(q, r) && r->is_default_cma && !asked->given)
			return;
	}
	if (asked->given) {
		request.size = asked->size;
		request.base = asked->start;
		if (asked->end)
			request.limit = qi_min(request.limit, asked->end);
		request.fixed = asked->start && (!asked->end || asked->start + asked->size == asked->end);
	}
	if (!request.size)
		return;
	status = quire_cma_declare(q, &request, NULL);
	if (status != QUIRE_OK)
		qi_log(q->platform, QUIRE_LOG_ERROR, "cma: no area of %llu MiB: %s",
		       (unsigned long long)(request.size >> 20), quire_status_string(status));
}

#endif
