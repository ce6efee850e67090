/* Which contiguous areas a Linux kernel asks for at boot, in its order. */
#ifndef QUIRE_TOOL_LINUX_CMA_H
#define QUIRE_TOOL_LINUX_CMA_H

#include <quire/quire.h>

/*
 * The request after those that are in q->cma already: first hugetlb_cma='s areas node by node, then the default area
 * (cma=, or what the kernel was built with). Needs nodes. False when there is no further one.
 */
bool linux_cma_next(const struct quire *q, struct quire_cma_request *request);

#endif
