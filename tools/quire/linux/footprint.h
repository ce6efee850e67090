/*
 * What a Linux kernel takes for itself at boot, for machines whose log does not say: an estimate.
 */
#ifndef QUIRE_TOOL_LINUX_FOOTPRINT_H
#define QUIRE_TOOL_LINUX_FOOTPRINT_H

#include "ledger.h"

/*
 * q has been booted up to QUIRE_STAGE_MEMBLOCK. Sets up nodes, then takes from its ledger, in the kernel's order, what a distribution
 * kernel of q's rules and architecture takes; what it will give back goes to `ledger`. Nothing that finds no room stops it.
 */
enum quire_status linux_footprint(struct linux_ledger *ledger, struct quire *q);

#endif
