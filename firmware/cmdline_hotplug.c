/* What the command line says about memory that is plugged in later. */
#include "cmdline.h"

void qi_cmdline_memmap_on_memory(struct qi_cmdline *c)
{
	if (qi_text_is(&c->value, "force"))
		c->options->memmap_on_memory = true;
	else
		qi_cmdline_boolean(c, &c->options->memmap_on_memory);
}

void qi_cmdline_memhp_state(struct qi_cmdline *c)
{
	bool online = qi_text_is(&c->value, "online") || qi_text_is(&c->value, "online_kernel") ||
		      qi_text_is(&c->value, "online_movable");

	if (!online && !qi_text_is(&c->value, "offline")) {
		qi_cmdline_reject(c, "not one of offline, online, online_kernel, online_movable");
		return;
	}
	c->options->memhp_online_given = true;
	c->options->memhp_online = online;
	c->options->memhp_online_kernel = qi_text_is(&c->value, "online_kernel");
	c->options->memhp_online_movable = qi_text_is(&c->value, "online_movable");
}

void qi_cmdline_online_policy(struct qi_cmdline *c)
{
	if (qi_text_is(&c->value, "auto-movable"))
		c->options->memhp_auto_movable = true;
	else if (qi_text_is(&c->value, "contig-zones"))
		c->options->memhp_auto_movable = false;
	else
		qi_cmdline_reject(c, "not one of contig-zones, auto-movable");
}

void qi_cmdline_auto_movable_ratio(struct qi_cmdline *c)
{
	uint64_t ratio;

	if (!qi_cmdline_size(c, &ratio))
		return;
	if (ratio > UINT32_MAX) {
		qi_cmdline_reject(c, "too large a ratio");
		return;
	}
	c->options->memhp_ratio_given = true;
	c->options->memhp_ratio = (unsigned)ratio;
}

void qi_cmdline_auto_movable_numa_aware(struct qi_cmdline *c)
{
	bool aware = true;

	qi_cmdline_boolean(c, &aware);
	c->options->memhp_numa_unaware = !aware;
}
