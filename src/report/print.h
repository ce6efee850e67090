/* What every report is written with. Internal. */
#ifndef QI_REPORT_PRINT_H
#define QI_REPORT_PRINT_H

#include <quire/report.h>

#include "base/base.h"

/* Longest piece one qi_print can write; longer ones are cut. */
#define QI_PRINT_MAX 256

void qi_print(const struct quire_report_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A number of bytes for people, at most 4 digits of it: "512", "96M", "1022G". Exact or with one decimal. Returns `text`. */
const char *qi_print_size(char text[16], quire_phys_t bytes);

/* True if zones of this type exist on the machine, empty or not. */
static inline bool qi_zone_configured(const struct quire_config *config, unsigned type)
{
	return config->zone_mask >> type & 1;
}

/* The node with this id if it is there and online, else NULL. */
const struct quire_node *qi_online_node(const struct quire_topology *t, unsigned nid);

/* KiB in a number of pages. */
static inline uint64_t qi_pages_kb(const struct quire_config *config, uint64_t pages)
{
	return pages << (quire_page_shift(config) - 10);
}

/* printf's %llu takes this type, whatever uint64_t is. */
typedef unsigned long long qi_ull;

#endif
