/* What the command line says about debugging: page_poison=, page_owner=, debug_pagealloc=, fail_page_alloc= and so on. */
#include "cmdline.h"

static struct quire_debug_options *debug_of(struct qi_cmdline *c) { return &c->options->debug; }

void qi_cmdline_page_poison(struct qi_cmdline *c)
{
	qi_cmdline_boolean(c, &debug_of(c)->page_poison);
}

/* These two know "on" and "off" only. */
static void on_or_off(struct qi_cmdline *c, bool *value)
{
	if (qi_text_is(&c->value, "on"))
		*value = true;
	else if (qi_text_is(&c->value, "off"))
		*value = false;
	else
		qi_cmdline_reject(c, "neither on nor off");
}

void qi_cmdline_page_owner(struct qi_cmdline *c)
{
	on_or_off(c, &debug_of(c)->page_owner);
}

void qi_cmdline_debug_pagealloc(struct qi_cmdline *c)
{
	on_or_off(c, &debug_of(c)->debug_pagealloc);
}

void qi_cmdline_guardpage_minorder(struct qi_cmdline *c)
{
	quire_phys_t order;

	if (!qi_text_size(&c->value, &order) || c->value.at < c->value.end || order > QUIRE_GUARD_ORDER_MAX)
		qi_cmdline_reject(c, "not an order from 0 to half of the largest");
	else
		debug_of(c)->guardpage_minorder = (unsigned)order;
}

void qi_cmdline_init_on_alloc(struct qi_cmdline *c)
{
	qi_cmdline_boolean(c, &debug_of(c)->init_on_alloc);
}

void qi_cmdline_init_on_free(struct qi_cmdline *c)
{
	qi_cmdline_boolean(c, &debug_of(c)->init_on_free);
}

/* interval,probability,space,times; times may be -1. */
void qi_cmdline_fail_page_alloc(struct qi_cmdline *c)
{
	struct quire_fault_options faults = { .min_order = 1, .ignore_highmem = true, .ignore_reclaim = true };
	quire_phys_t numbers[4];
	bool endless = false, fine = true;

	for (unsigned i = 0; i < 4 && fine; i++) {
		fine = !i || qi_text_skip(&c->value, ',');
		if (i == 3)
			endless = qi_text_skip(&c->value, '-');
		fine = fine && qi_text_size(&c->value, &numbers[i]);
	}
	if (!fine || c->value.at < c->value.end || numbers[1] > 100 || numbers[3] > INT64_MAX) {
		qi_cmdline_reject(c, "not interval,probability (percent),space,times");
		return;
	}
	faults.interval = numbers[0];
	faults.probability = (unsigned)numbers[1];
	faults.space = numbers[2];
	faults.times = endless ? -1 : (int64_t)numbers[3];
	debug_of(c)->faults = faults;
}
