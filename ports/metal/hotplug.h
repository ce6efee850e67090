/* Memory that comes and goes: the way through the engine, common to all devices that bring it. Internal. */
#ifndef METAL_HOTPLUG_H
#define METAL_HOTPLUG_H

#include "kernel.h"

/*
 * Memory was plugged in: into the direct map, to the engine, on line as movable memory, and some of it is taken, written and
 * given back. False, with a message, and all as it was: a step was refused.
 */
bool metal_memory_arrive(const char *what, unsigned index, quire_phys_t base, quire_phys_t size, uint32_t domain);

/* The way back: off line, out of the engine, out of the direct map. */
bool metal_memory_leave(const char *what, unsigned index, quire_phys_t base, quire_phys_t size);

/* Devices. Each looks once for what has changed; returns how many pieces of memory have left for good. */
unsigned metal_dimm_poll(void);
unsigned metal_virtio_mem_poll(void);

/* Is memory of theirs the engine's just now? */
bool metal_dimms_present(void);
bool metal_virtio_mem_present(void);

/* Is there such a device? Looked for once. */
bool metal_dimm_find(void);
bool metal_virtio_mem_find(void);

#endif
