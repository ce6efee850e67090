/* Which contiguous areas a Linux kernel asks for at boot, in its order. */
#ifndef QUIRE_TOOL_LINUX_CMA_H
#define QUIRE_TOOL_LINUX_CMA_H

#include <quire/quire.h>

/* How far the kernel has come. Zeroed: nothing was asked for yet. */
struct linux_cma {
	unsigned nid;			/* first node hugetlb_cma= has not tried */
	quire_phys_t hugetlb_taken;
	bool hugetlb_asked;		/* the last request was one of these */
	bool default_done;
};

/*
 * The next request: first hugetlb_cma='s areas node by node, then the default area (cma=, or what the kernel was built
 * with). Needs nodes. `served`: the former request got its area; a node that could not serve leaves its share to the
 * next. False when there is no further request.
 */
bool linux_cma_next(const struct quire *q, struct linux_cma *at, bool served, struct quire_cma_request *request);

#endif
