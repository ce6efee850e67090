/*
 * Allocation: find, then reserve. The field's order of attempts is kept to the letter, since where things land is visible in
 * everything that follows: mirrored memory on any node is better than plain memory on the right node.
 */
#include "memblock/internal.h"

/* What align 0 becomes: a cache line on most machines. */
#define DEFAULT_ALIGN 64

static void warn_once_about_mirror(struct quire_memblock *mb, quire_phys_t size)
{
	if (mb->mirror_warned)
		return;
	mb->mirror_warned = true;
	qi_log(mb->platform, QUIRE_LOG_WARNING, "Could not allocate %llu bytes of mirrored memory",
	       (unsigned long long)size);
}

static bool find_and_reserve(struct quire_memblock *mb, const struct qi_range_request *request, quire_phys_t *address)
{
	*address = qi_memblock_find(mb, request);
	return *address && quire_memblock_reserve(mb, *address, request->size) == QUIRE_OK;
}

quire_phys_t quire_memblock_alloc_range_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					    quire_phys_t start,
					    quire_phys_t end, int nid, bool exact)
{
	struct qi_range_request request = { size, align, start, end, qi_memblock_nid(nid), QUIRE_MEMBLOCK_NONE };
	quire_phys_t address;

	if (!align) {
		qi_log(mb->platform, QUIRE_LOG_WARNING, "memblock: allocation of %llu bytes without alignment; %d is used",
		       (unsigned long long)size, DEFAULT_ALIGN);
		request.align = DEFAULT_ALIGN;
	} else if (!qi_is_pow2(align)) {
		qi_log(mb->platform, QUIRE_LOG_ERROR,
		       "memblock: alignment 0x%llx is not a power of two; nothing is allocated",
		       (unsigned long long)align);
		return 0;
	}
	if (end == QUIRE_MEMBLOCK_ACCESSIBLE || end == QUIRE_MEMBLOCK_NOLEAKTRACE)
		request.end = qi_memblock_limit(mb);
	for (bool mirror = mb->has_mirror;; mirror = false) {
		request.flags = mirror ? QUIRE_MEMBLOCK_MIRROR : QUIRE_MEMBLOCK_NONE;
		request.nid = qi_memblock_nid(nid);
		if (find_and_reserve(mb, &request, &address))
			return address;
		if (request.nid != QUIRE_NO_NODE && !exact) {
			request.nid = QUIRE_NO_NODE;
			if (find_and_reserve(mb, &request, &address))
				return address;
		}
		if (!mirror)
			return 0;
		warn_once_about_mirror(mb, size);
	}
}

static void log_request(const struct quire_memblock *mb, const char *name, quire_phys_t size, quire_phys_t align,
			quire_phys_t from, quire_phys_t to)
{
	if (mb->debug)
		qi_log(mb->platform, QUIRE_LOG_DEBUG, "%s: %llu bytes align=0x%llx from=0x%016llx max_addr=0x%016llx", name,
		       (unsigned long long)size, (unsigned long long)align, (unsigned long long)from,
		       (unsigned long long)to);
}

quire_phys_t quire_memblock_phys_alloc_range(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					     quire_phys_t start, quire_phys_t end)
{
	log_request(mb, "memblock_phys_alloc_range", size, align, start, end);
	return quire_memblock_alloc_range_nid(mb, size, align, start, end, QUIRE_NO_NODE, false);
}

quire_phys_t quire_memblock_phys_alloc(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align)
{
	return quire_memblock_phys_alloc_range(mb, size, align, 0, QUIRE_MEMBLOCK_ACCESSIBLE);
}

quire_phys_t quire_memblock_phys_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align, int nid)
{
	return quire_memblock_alloc_range_nid(mb, size, align, 0, QUIRE_MEMBLOCK_ACCESSIBLE, nid, false);
}

/* A lower bound is a wish: given up, once, before the request is. */
static quire_phys_t alloc_from(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align, quire_phys_t min_addr,
			       quire_phys_t max_addr, int nid, bool exact)
{
	quire_phys_t address;

	max_addr = qi_min(max_addr, qi_memblock_limit(mb));
	address = quire_memblock_alloc_range_nid(mb, size, align, min_addr, max_addr, nid, exact);
	if (!address && min_addr)
		address = quire_memblock_alloc_range_nid(mb, size, align, 0, max_addr, nid, exact);
	return address;
}

quire_phys_t quire_memblock_alloc_try_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
					      quire_phys_t min_addr, quire_phys_t max_addr, int nid)
{
	log_request(mb, "memblock_alloc_try_nid_raw", size, align, min_addr, max_addr);
	return alloc_from(mb, size, align, min_addr, max_addr, nid, false);
}

quire_phys_t quire_memblock_alloc_exact_nid_raw(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align,
						quire_phys_t min_addr, quire_phys_t max_addr, int nid)
{
	log_request(mb, "memblock_alloc_exact_nid_raw", size, align, min_addr, max_addr);
	return alloc_from(mb, size, align, min_addr, max_addr, nid, true);
}

void *quire_memblock_alloc_try_nid(struct quire_memblock *mb, quire_phys_t size, quire_phys_t align, quire_phys_t min_addr,
				   quire_phys_t max_addr, int nid, quire_phys_t *phys)
{
	const struct quire_platform *platform = mb->platform;
	quire_phys_t address;
	void *pointer;

	log_request(mb, "memblock_alloc_try_nid", size, align, min_addr, max_addr);
	if (!platform || !platform->phys_to_virt || size > SIZE_MAX)
		return NULL;
	address = alloc_from(mb, size, align, min_addr, max_addr, nid, false);
	if (!address)
		return NULL;
	pointer = platform->phys_to_virt(platform->ctx, address, size);
	if (!pointer) {
		/* Undoing what was just done needs no more slots than there were: this cannot fail. */
		quire_memblock_phys_free(mb, address, size);
		return NULL;
	}
	memset(pointer, 0, (size_t)size);
	if (phys)
		*phys = address;
	return pointer;
}
