/*
 * Calls of include/quire/hotplug.h for an engine that is built without that room: they say so. Weak: the room's own come
 * first.
 */
#include <quire/hotplug.h>

#include "kernel.h"

__attribute__((weak)) enum quire_status quire_memory_add(struct quire *q, const struct quire_memory_add *add,
							 struct quire_hotplug_failure *failure)
{
	(void)q;
	(void)add;
	(void)failure;
	return QUIRE_EUNSUPPORTED;
}

__attribute__((weak)) enum quire_status quire_memory_remove(struct quire *q, quire_phys_t base, quire_phys_t size,
							    struct quire_hotplug_failure *failure)
{
	(void)q;
	(void)base;
	(void)size;
	(void)failure;
	return QUIRE_EUNSUPPORTED;
}

__attribute__((weak)) enum quire_status quire_memory_online(struct quire *q, quire_pfn_t pfn, uint64_t pages,
							    enum quire_online_type type,
							    struct quire_hotplug_failure *failure)
{
	(void)q;
	(void)pfn;
	(void)pages;
	(void)type;
	(void)failure;
	return QUIRE_EUNSUPPORTED;
}

__attribute__((weak)) enum quire_status quire_memory_offline(struct quire *q, quire_pfn_t pfn, uint64_t pages,
							     struct quire_hotplug_failure *failure)
{
	(void)q;
	(void)pfn;
	(void)pages;
	(void)failure;
	return QUIRE_EUNSUPPORTED;
}
