/* The callbacks about memory: the direct map, the descriptor window, metadata outside the machine. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"

bool qi_hosted_must_fail(struct quire_hosted *h, enum quire_hosted_call call)
{
	uint64_t now = __atomic_add_fetch(&h->calls[call], 1, __ATOMIC_RELAXED);

	return now == __atomic_load_n(&h->fail_at[call], __ATOMIC_RELAXED);
}

bool qi_hosted_find(const struct quire_hosted *h, quire_phys_t phys, quire_phys_t size, struct qi_hosted_ram **ram)
{
	size_t low = 0, high = h->ram_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct qi_hosted_ram *r = &h->ram[middle];

		if (phys < r->base) {
			high = middle;
		} else if (phys - r->base >= r->size) {
			low = middle + 1;
		} else {
			*ram = r;
			return size <= r->size - (phys - r->base);
		}
	}
	return false;
}

/* Map a stretch of RAM that nobody asked for before. */
static char *map_ram(struct quire_hosted *h, struct qi_hosted_ram *ram)
{
	char *address;

	pthread_mutex_lock(&h->lock);
	address = ram->address;
	if (!address && ram->size <= SIZE_MAX) {
		address = mmap(NULL, (size_t)ram->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, h->file,
			       (off_t)ram->offset);
		if (address == MAP_FAILED)
			address = NULL;
		__atomic_store_n(&ram->address, address, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&h->lock);
	return address;
}

void *qi_hosted_phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	struct quire_hosted *h = ctx;
	struct qi_hosted_ram *ram;
	char *address;

	if (qi_hosted_must_fail(h, QUIRE_HOSTED_PHYS_TO_VIRT))
		return NULL;
	if (phys >= h->direct_map_end || size > h->direct_map_end - phys || !qi_hosted_find(h, phys, size, &ram))
		return NULL;
	address = __atomic_load_n(&ram->address, __ATOMIC_ACQUIRE);
	if (!address)
		address = map_ram(h, ram);
	return address ? address + (phys - ram->base) : NULL;
}

/* Small pieces come from the heap, so that a sanitizer watches their edges; large ones are mapped and cost what is
 * touched. */
#define HEAP_LIMIT (256u << 10)

void *qi_hosted_meta_alloc(void *ctx, size_t size, size_t align, int nid)
{
	struct quire_hosted *h = ctx;
	void *address = NULL;

	(void)nid;
	if (qi_hosted_must_fail(h, QUIRE_HOSTED_META_ALLOC) || !size)
		return NULL;
	if (size < HEAP_LIMIT) {
		if (posix_memalign(&address, align < sizeof(void *) ? sizeof(void *) : align, size))
			return NULL;
		memset(address, 0, size);
	} else {
		size_t slack = align > 4096 ? align : 0, before;
		int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
		char *space = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, flags, -1, 0);

		if (space == MAP_FAILED)
			return NULL;
		before = slack ? (size_t)(-(uintptr_t)space & (align - 1)) : 0;
		if (before)
			munmap(space, before);
		if (slack > before)
			munmap(space + before + ((size + 4095) & ~(size_t)4095), slack - before);
		address = space + before;
		if (!qi_hosted_remember(h, address, size)) {
			munmap(address, size);
			return NULL;
		}
	}
	__atomic_add_fetch(&h->outside, size, __ATOMIC_RELAXED);
	return address;
}

void qi_hosted_meta_free(void *ctx, void *address, size_t size)
{
	struct quire_hosted *h = ctx;

	if (!address)
		return;
	__atomic_sub_fetch(&h->outside, size, __ATOMIC_RELAXED);
	if (size < HEAP_LIMIT) {
		free(address);
		return;
	}
	qi_hosted_forget(h, address);
	munmap(address, size);
}

static bool in_window(const struct quire_hosted *h, const void *va, quire_phys_t size)
{
	uintptr_t offset = (uintptr_t)va - (uintptr_t)h->window;

	return (uintptr_t)va >= (uintptr_t)h->window && offset <= h->window_size && size <= h->window_size - offset;
}

enum quire_status qi_hosted_vmemmap_map(void *ctx, void *va, quire_phys_t phys, quire_phys_t size)
{
	struct quire_hosted *h = ctx;
	struct qi_hosted_ram *ram;
	bool found = phys != QUIRE_PHYS_MAX && qi_hosted_find(h, phys, size, &ram);
	int flags = MAP_FIXED | MAP_NORESERVE;
	void *mapped;

	if (qi_hosted_must_fail(h, QUIRE_HOSTED_VMEMMAP_MAP))
		return QUIRE_EPLATFORM;
	if (!in_window(h, va, size))
		return QUIRE_ERANGE;
	if (size > 65536 && !h->huge)
		return QUIRE_EUNSUPPORTED;
	/* A simulation may plug in memory that has no RAM behind it: what lies there is kept outside, too. */
	if (!found && (phys == QUIRE_PHYS_MAX || h->platform.meta_alloc)) {
		mapped = mmap(va, (size_t)size, PROT_READ | PROT_WRITE, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	} else {
		if (!found)
			return QUIRE_ERANGE;
		mapped = mmap(va, (size_t)size, PROT_READ | PROT_WRITE, flags | MAP_SHARED, h->file,
			      (off_t)(ram->offset + (phys - ram->base)));
	}
	if (mapped == MAP_FAILED)
		return QUIRE_EPLATFORM;
	__atomic_add_fetch(&h->window_mapped, size, __ATOMIC_RELAXED);
	return QUIRE_OK;
}

/* Back to bare address space; should the host refuse even that, the old mapping stays, which harms nobody. */
void qi_hosted_vmemmap_unmap(void *ctx, void *va, quire_phys_t size)
{
	struct quire_hosted *h = ctx;

	if (!in_window(h, va, size))
		return;
	mmap(va, (size_t)size, PROT_NONE, MAP_FIXED | MAP_NORESERVE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__atomic_sub_fetch(&h->window_mapped, size, __ATOMIC_RELAXED);
}

enum quire_status quire_hosted_discard(struct quire_hosted *h, quire_phys_t base, quire_phys_t size)
{
	struct qi_hosted_ram *ram;

	if (!size || !qi_hosted_find(h, base, size, &ram))
		return QUIRE_EINVAL;
	return fallocate(h->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(ram->offset + (base - ram->base)),
			 (off_t)size) ? QUIRE_EPLATFORM : QUIRE_OK;
}

uint64_t quire_hosted_window_mapped(const struct quire_hosted *h)
{
	return __atomic_load_n(&h->window_mapped, __ATOMIC_RELAXED);
}

uint64_t quire_hosted_outside(const struct quire_hosted *h)
{
	return __atomic_load_n(&h->outside, __ATOMIC_RELAXED);
}

void quire_hosted_fail(struct quire_hosted *h, enum quire_hosted_call call, uint64_t n)
{
	__atomic_store_n(&h->fail_at[call], n ? quire_hosted_calls(h, call) + n : 0, __ATOMIC_RELAXED);
}

uint64_t quire_hosted_calls(const struct quire_hosted *h, enum quire_hosted_call call)
{
	return __atomic_load_n(&h->calls[call], __ATOMIC_RELAXED);
}
