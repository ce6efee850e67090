/* Huge pages of the command line that the allocator can make. */
#ifndef QUIRE_TOOL_LINUX_HUGE_PAGES_H
#define QUIRE_TOOL_LINUX_HUGE_PAGES_H

#include <quire/quire.h>

/*
 * What a kernel does late in boot: take so many of the booted machine's blocks, node by node in turn, for its pool. They
 * stay taken. Larger pages are memblock's affair and were taken before (footprint.c). Returns how many there were, at most
 * request->count.
 */
uint64_t linux_take_huge_pages(struct quire *q, const struct quire_hugepage_request *request);

/* Are these taken by memblock? */
bool linux_is_gigantic(const struct quire *q, const struct quire_hugepage_request *request);

#endif
