/*
 * Writing descriptors past the cache. At boot far more are written than a cache holds, and nobody reads them soon: ordinary
 * stores would first fetch each line from memory and later write it back, twice the traffic. Where the processor has such
 * stores for general registers they are used; no floating-point state is touched. Internal.
 */
#ifndef QI_MEMMAP_STREAM_H
#define QI_MEMMAP_STREAM_H

#include <quire/memmap.h>

/* Below this the owner of the memory is about to use the descriptors and wants them in the cache. */
#define QI_STREAM_LEAST 65536u

#if defined(__x86_64__)
/* Two words at `at`, 16-byte aligned. */
static inline void qi_stream_pair(void *at, uint64_t first, uint64_t second)
{
	__asm__ volatile("movnti %1, (%0)\n\tmovnti %2, 8(%0)" : : "r"(at), "r"(first), "r"(second) : "memory");
}

/* All of them are there for whoever sees what is stored next. */
static inline void qi_stream_end(void)
{
	__asm__ volatile("sfence" : : : "memory");
}
#elif defined(__aarch64__) && defined(__LITTLE_ENDIAN__)
static inline void qi_stream_pair(void *at, uint64_t first, uint64_t second)
{
	__asm__ volatile("stnp %1, %2, [%0]" : : "r"(at), "r"(first), "r"(second) : "memory");
}

static inline void qi_stream_end(void)
{
	__asm__ volatile("dmb ishst" : : : "memory");
}
#else
#define QI_STREAM_NONE
#endif

/* `count` descriptors of 1 << shift bytes from `page` on, alike, the embedder's tail zeroed. */
static inline void qi_stream_pages(struct quire_page *page, uint64_t count, unsigned shift, uint32_t flags, uint32_t state)
{
#ifdef QI_STREAM_NONE
	for (uint64_t i = 0; i < count; i++) {
		struct quire_page *one = (struct quire_page *)((char *)page + (i << shift));

		for (unsigned pair = 1; pair < 1u << (shift - 4); pair++)
			one[pair] = (struct quire_page){ 0, 0, 0 };
		*one = (struct quire_page){ flags, state, 0 };
	}
#else
	char *at = (char *)page, *end = at + (count << shift);
	uint64_t first = flags | (uint64_t)state << 32;

	/* The common size, a cache line a turn: with one descriptor a turn the loop costs more than the memory. */
	for (; shift == 4 && end - at >= 64; at += 64) {
		qi_stream_pair(at, first, 0);
		qi_stream_pair(at + 16, first, 0);
		qi_stream_pair(at + 32, first, 0);
		qi_stream_pair(at + 48, first, 0);
	}
	for (; at < end; at += (uintptr_t)1 << shift) {
		qi_stream_pair(at, first, 0);
		for (unsigned offset = 16; offset < 1u << shift; offset += 16)
			qi_stream_pair(at + offset, 0, 0);
	}
	qi_stream_end();
#endif
}

#endif
