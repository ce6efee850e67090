/*
 * Small tools every room of the engine uses: bit arithmetic, checked sums, messages. Freestanding.
 * Internal: names are qi_…, nothing here is promised to embedders.
 */
#ifndef QI_BASE_H
#define QI_BASE_H

#include <stdarg.h>

#include <quire/options.h>
#include <quire/platform.h>
#include <quire/types.h>

/* What the compiler may call in a freestanding build: the embedder links these four. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#define QI_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define QI_CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define qi_likely(x) __builtin_expect(!!(x), 1)
#define qi_unlikely(x) __builtin_expect(!!(x), 0)

/* Not to be drawn into its caller, which is short as long as it is not. */
#define QI_APART __attribute__((noinline))

static inline uint64_t qi_min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t qi_max(uint64_t a, uint64_t b) { return a > b ? a : b; }
static inline uint64_t qi_clamp(uint64_t x, uint64_t low, uint64_t high) { return qi_min(qi_max(x, low), high); }

static inline bool qi_is_pow2(uint64_t x) { return x && !(x & (x - 1)); }

/* `align` must be a power of two. qi_align_up wraps to 0 when the result does not fit: callers near the top check. */
static inline uint64_t qi_align_down(uint64_t x, uint64_t align) { return x & ~(align - 1); }
static inline uint64_t qi_align_up(uint64_t x, uint64_t align) { return (x + align - 1) & ~(align - 1); }

/*
 * Index of the lowest / highest set bit, x not 0, and the number of set bits. Builtins where they are an instruction;
 * elsewhere a compiler would call its run-time library, which a freestanding link does not have.
 */
#if defined(__x86_64__) || defined(__aarch64__) || defined(__riscv_zbb)
static inline unsigned qi_ctz(uint64_t x) { return (unsigned)__builtin_ctzll(x); }
static inline unsigned qi_log2(uint64_t x) { return 63u - (unsigned)__builtin_clzll(x); }
#elif defined(__i386__)
static inline unsigned qi_ctz(uint64_t x)
{
	return (uint32_t)x ? (unsigned)__builtin_ctz((uint32_t)x) : 32u + (unsigned)__builtin_ctz((uint32_t)(x >> 32));
}
static inline unsigned qi_log2(uint64_t x)
{
	return x >> 32 ? 63u - (unsigned)__builtin_clz((uint32_t)(x >> 32)) : 31u - (unsigned)__builtin_clz((uint32_t)x);
}
#else
static inline unsigned qi_log2(uint64_t x)
{
	unsigned n = 0;

	for (unsigned step = 32; step; step >>= 1)
		if (x >> step) {
			x >>= step;
			n += step;
		}
	return n;
}
static inline unsigned qi_ctz(uint64_t x) { return qi_log2(x & -x); }
#endif

#if defined(__POPCNT__) || defined(__riscv_zbb)
static inline unsigned qi_popcount(uint64_t x) { return (unsigned)__builtin_popcountll(x); }
#else
/* Sums of bits, then of pairs, nibbles and bytes, side by side in one word. */
static inline unsigned qi_popcount(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
	return (unsigned)(((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u >> 56);
}
#endif
/* ceil(log2(x)) for x >= 1. */
static inline unsigned qi_log2_up(uint64_t x) { return x <= 1 ? 0 : qi_log2(x - 1) + 1; }

/*
 * 64-bit division. A 32-bit compiler would call a run-time library that a freestanding link does not have, so there it is
 * done bit by bit (division.c); elsewhere these are the plain operators. The divisor must not be 0.
 */
#if UINTPTR_MAX > 0xffffffffu
static inline uint64_t qi_div64(uint64_t a, uint64_t b) { return a / b; }
static inline uint64_t qi_mod64(uint64_t a, uint64_t b) { return a % b; }
#else
uint64_t qi_div64(uint64_t a, uint64_t b);
uint64_t qi_mod64(uint64_t a, uint64_t b);
#endif

/* ceil(a / b). */
static inline uint64_t qi_div_up(uint64_t a, uint64_t b) { return qi_div64(a, b) + (qi_mod64(a, b) != 0); }

/* False, and *sum untouched, if a + b does not fit. */
static inline bool qi_add(uint64_t a, uint64_t b, uint64_t *sum) { return !__builtin_add_overflow(a, b, sum); }
static inline bool qi_mul(uint64_t a, uint64_t b, uint64_t *product) { return !__builtin_mul_overflow(a, b, product); }

/* Page frame of an address, rounded down / up. */
static inline quire_pfn_t qi_pfn_down(quire_phys_t address, unsigned page_shift) { return address >> page_shift; }
static inline quire_pfn_t qi_pfn_up(quire_phys_t address, unsigned page_shift)
{
	return (address >> page_shift) + ((address & (((quire_phys_t)1 << page_shift) - 1)) != 0);
}

/*
 * Formatted print into a buffer of `size` bytes, always NUL-terminated when size > 0. Knows %s %c %d %i %u %x %p %% with
 * the length modifiers l, ll and z, the flags - 0 # and space, width and precision (also *). Returns the length the full
 * text has.
 * "%#x" prints 0x also before zero, as the field's logs do.
 */
int qi_vsnprintf(char *buffer, size_t size, const char *format, va_list arguments);
int qi_snprintf(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* One line to the platform's log; lines longer than 511 bytes are cut. A NULL platform or log is fine. */
void (qi_log)(const struct quire_platform *platform, enum quire_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A broken invariant: format a message and hand it to the platform's panic; loops for ever without one. */
void qi_panic(const struct quire_platform *platform, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

#ifdef QUIRE_WITHOUT_MESSAGES
/* Arguments are checked as ever, and never computed. */
#define qi_log(...) do { if (0) (qi_log)(__VA_ARGS__); } while (0)
#define QI_TEXT(text) ""
#else
/* A sentence that a message will carry. */
#define QI_TEXT(text) text
#endif

#endif
