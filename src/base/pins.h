/*
 * What options and pins (quire/options.h, quire/config.h) rule out for a whole build. Code for what cannot be folds away;
 * in a build with everything these are all 1.
 */
#ifndef QI_BASE_PINS_H
#define QI_BASE_PINS_H

#include <quire/config.h>

/* Some descriptors may be written, or get their room, after boot. */
#ifdef QUIRE_PIN_INIT
#define QI_MAY_BE_LAZY (QUIRE_PIN_INIT == QUIRE_INIT_LAZY)
#define QI_MAY_BE_LATE (QUIRE_PIN_INIT != QUIRE_INIT_EAGER)
#else
#define QI_MAY_BE_LAZY 1
#define QI_MAY_BE_LATE 1
#endif

/* Somebody must be told when a pageblock is first taken from: who writes descriptors, or a hypervisor (tree_report.h). */
#ifdef QUIRE_WITHOUT_GUEST
#define QI_TELLS_FIRST_USE QI_MAY_BE_LATE
#else
#define QI_TELLS_FIRST_USE 1
#endif

/* Options, as numbers. */
#ifdef QUIRE_WITHOUT_DEBUG
#define QI_WITH_DEBUG 0
#else
#define QI_WITH_DEBUG 1
#endif
#ifdef QUIRE_WITHOUT_CMA
#define QI_WITH_CMA 0
#else
#define QI_WITH_CMA 1
#endif
#ifdef QUIRE_WITHOUT_NUMA
#define QI_WITH_NUMA 0
#else
#define QI_WITH_NUMA 1
#endif
#ifdef QUIRE_WITHOUT_BOOT_OPTIONS
#define QI_WITH_BOOT_OPTIONS 0
#else
#define QI_WITH_BOOT_OPTIONS 1
#endif

/* Memory may come and go. */
#ifdef QUIRE_WITHOUT_HOTPLUG
#define QI_MAY_GROW 0
#else
#define QI_MAY_GROW 1
#endif

#ifdef QUIRE_PIN_ARCH
#define QI_MAY_HAVE_HIGHMEM (QUIRE_PIN_ARCH == QUIRE_ARCH_I386 || QUIRE_PIN_ARCH == QUIRE_ARCH_I386_PAE)
#else
#define QI_MAY_HAVE_HIGHMEM 1
#endif

/* Somebody minds where metadata settles: memory that must stay movable, or is not mapped (zone/purse.h). */
#ifdef QUIRE_WITHOUT_MOBILITY
#define QI_NEEDS_PURSE (QI_WITH_BOOT_OPTIONS || QI_MAY_GROW || QI_MAY_HAVE_HIGHMEM)
#else
#define QI_NEEDS_PURSE 1
#endif

/* Trees may have to be fed before a search (qi_tree.hungry). */
#define QI_MAY_BE_HUNGRY (QI_MAY_BE_LAZY || QI_NEEDS_PURSE)

/* Pageblocks may be HIGHATOMIC, CMA or ISOLATE. */
#if defined(QUIRE_WITHOUT_MOBILITY) && defined(QUIRE_WITHOUT_RECLAIM)
#define QI_SPECIAL_TYPES 0
#else
#define QI_SPECIAL_TYPES 1
#endif

#ifdef QUIRE_WITHOUT_MESSAGES
#define QI_MESSAGES 0
#else
#define QI_MESSAGES 1
#endif

#endif
