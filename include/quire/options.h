/*
 * What a build leaves out. Everything is in unless a macro below is defined, for all files of a build, on the compiler's
 * command line: -DQUIRE_WITHOUT_DEBUG. docs/embedding.md says what each one saves.
 *
 * One rule for all of them. Functions that belong to what was left out do not exist: the headers still declare them, and
 * a program that calls one does not link. A configuration that asks for it is refused by quire_config_check(), and so by
 * quire_init(), with QUIRE_EUNSUPPORTED. Structures keep their layout, statuses their meaning, and what is left behaves as
 * in a full build in which nobody uses the rest.
 *
 * QUIRE_WITHOUT_MESSAGES	texts for the log, which is not called: statuses are all there is, and *why of
 *				quire_config_check() is an empty sentence. Reports write as ever
 * QUIRE_WITHOUT_DEBUG		debug.h and the debug options: poison, page owner, guards, zeroing, faults
 * QUIRE_WITHOUT_MOBILITY	mobility.h, contig.h, compaction.h: nothing is moved, so requests of high order are met
 *				by what is free side by side or not at all. Implies the next four
 * QUIRE_WITHOUT_GUEST		balloon.h, reporting.h: no hypervisor lends memory, or wants to know what is free
 * QUIRE_WITHOUT_HOTPLUG	hotplug.h, device.h: memory is what it was at boot; quire_free_late() stays
 * QUIRE_WITHOUT_CMA		cma.h, cma=: no contiguous areas. Reservations for them are plain reservations
 * QUIRE_WITHOUT_POISON		poison.h: failing frames are nobody's business
 * QUIRE_WITHOUT_RECLAIM	reclaim.h, and whatever a request may wait for: shrinkers, the background reclaimer,
 *				out_of_memory, NOFAIL. A request is served from what is free, reserves included as its
 *				flags allow, or fails; no pageblocks are set aside for atomic requests. Implies
 *				QUIRE_WITHOUT_GUEST
 * QUIRE_WITHOUT_NUMA		nodes: affinity records, distances and numa=fake=. All memory is node 0
 * QUIRE_WITHOUT_FRONTS		what CPUs keep at hand: each request and free takes its zone's lock. For one CPU, or few
 *				requests; hot-path figures do not hold. The field's sizes of per-CPU lists are 0
 * QUIRE_WITHOUT_BOOT_OPTIONS	what a command line asks of boot: movable zones (kernelcore=, movablecore=,
 *				movable_node), crashkernel= and a crash kernel's own boot (machine.usable_size, refused
 *				by quire_boot()), gigantic pages (hugepages=), random order, mem= but on x86
 * QUIRE_NO_TRACE		hooks that see every request (vmstat.h: quire_set_trace())
 *
 * What else makes code smaller, and faster: pins (config.h), by which fields of the configuration become constants.
 * QUIRE_PIN_CPU has the platform's cpu_enter and cpu_leave inline (platform.h). QUIRE_PIN_MODEL, _INIT and _ARCH leave out
 * what other memory models, init policies and architectures need.
 */
#ifndef QUIRE_OPTIONS_H
#define QUIRE_OPTIONS_H

#if (defined(QUIRE_WITHOUT_MOBILITY) || defined(QUIRE_WITHOUT_RECLAIM)) && !defined(QUIRE_WITHOUT_GUEST)
#define QUIRE_WITHOUT_GUEST
#endif
#if defined(QUIRE_WITHOUT_MOBILITY) && !defined(QUIRE_WITHOUT_CMA)
#define QUIRE_WITHOUT_CMA
#endif
#if defined(QUIRE_WITHOUT_MOBILITY) && !defined(QUIRE_WITHOUT_POISON)
#define QUIRE_WITHOUT_POISON
#endif
#if defined(QUIRE_WITHOUT_MOBILITY) && !defined(QUIRE_WITHOUT_HOTPLUG)
#define QUIRE_WITHOUT_HOTPLUG
#endif

#endif
