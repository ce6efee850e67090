/*
 * The mapping behind a pool: aligned so that blocks are aligned to their size, made of the pages that were asked for,
 * bound to a node.
 */
#define _GNU_SOURCE
#include "pool_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define HUGE (2ull << 20)
#define GIGANTIC (1ull << 30)
#define MAX_NODES 1024u

/* Round the size up to `unit`; QUIRE_EINVAL if that wraps. */
static enum quire_status round_size(struct qi_pool_memory *memory, uint64_t unit)
{
	uint64_t size = (memory->size + unit - 1) & ~(unit - 1);

	if (!size || size < memory->size || size > SIZE_MAX / 2)
		return QUIRE_EINVAL;
	memory->size = size;
	return QUIRE_OK;
}

/* Open the file and make it long enough; size 0 becomes its length. */
static enum quire_status open_file(struct qi_pool_memory *memory, const char *path, int *file, const char **why)
{
	struct statfs system;
	struct stat st;
	uint64_t unit = HUGE;

	*why = "the file cannot be opened";
	*file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*file < 0 || fstat(*file, &st) || fstatfs(*file, &system))
		return QUIRE_EPLATFORM;
	if (!memory->size)
		memory->size = (uint64_t)st.st_size;
	if (system.f_type == HUGETLBFS_MAGIC && (uint64_t)system.f_bsize > unit)
		unit = (uint64_t)system.f_bsize;
	*why = "the file is empty and no size was given";
	errno = 0;
	if (round_size(memory, unit) != QUIRE_OK)
		return QUIRE_EINVAL;
	*why = "the file cannot be made that long";
	if ((uint64_t)st.st_size < memory->size && ftruncate(*file, (off_t)memory->size))
		return QUIRE_EPLATFORM;
	return QUIRE_OK;
}

/* Address space of the size with this alignment; NULL: none. */
static char *reserve(uint64_t size, uint64_t align)
{
	char *space = mmap(NULL, size + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (space == MAP_FAILED)
		return NULL;
	before = -(uint64_t)(uintptr_t)space & (align - 1);
	if (before)
		munmap(space, before);
	munmap(space + before + size, align - before);
	return space + before;
}

/* Put memory over the reserved addresses. */
static enum quire_status fill(const struct qi_pool_memory *memory, const struct quire_pool_options *o, int file,
			      const char **why)
{
	int flags = MAP_FIXED | (file >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);

	if (file < 0 && o->pages == QUIRE_POOL_HUGETLB)
		flags |= MAP_HUGETLB | 21 << MAP_HUGE_SHIFT;
	else
		flags |= MAP_NORESERVE;
	*why = flags & MAP_HUGETLB ? "the host has not so many huge pages" : "the host gives no memory";
	if (mmap(memory->base, memory->size, PROT_READ | PROT_WRITE, flags, file, 0) == MAP_FAILED)
		return flags & MAP_HUGETLB ? QUIRE_EUNSUPPORTED : QUIRE_ENOMEM;
	/* Without transparent huge pages in the host neither advice matters. */
	if (file < 0 && o->pages != QUIRE_POOL_HUGETLB)
		madvise(memory->base, memory->size, o->pages == QUIRE_POOL_TRANSPARENT ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return QUIRE_OK;
}

static enum quire_status bind_to_node(const struct qi_pool_memory *memory, unsigned node, const char **why)
{
	unsigned long mask[MAX_NODES / (8 * sizeof(long))] = { 0 };

	*why = "there is no such node, or it has no memory";
	if (node >= MAX_NODES)
		return QUIRE_EINVAL;
	mask[node / (8 * sizeof(long))] = 1ul << node % (8 * sizeof(long));
	return syscall(SYS_mbind, memory->base, memory->size, MPOL_BIND, mask, MAX_NODES + 1ul, 0) ? QUIRE_EPLATFORM :
													      QUIRE_OK;
}

enum quire_status qi_pool_memory_map(struct qi_pool_memory *memory, const struct quire_pool_options *o, const char **why)
{
	enum quire_status status;
	int file = -1, error;

	*memory = (struct qi_pool_memory){ .size = o->size };
	errno = 0;
	*why = "the size makes no sense";
	status = o->path ? open_file(memory, o->path, &file, why) : round_size(memory, HUGE);
	if (status == QUIRE_OK) {
		*why = "the host has not so much address space";
		memory->base = reserve(memory->size, memory->size >= GIGANTIC ? GIGANTIC : HUGE);
		status = memory->base ? fill(memory, o, file, why) : QUIRE_ENOMEM;
	}
	if (status == QUIRE_OK && o->bind)
		status = bind_to_node(memory, o->node, why);
	error = errno;
	if (file >= 0)
		close(file);
	if (status != QUIRE_OK)
		qi_pool_memory_unmap(memory);
	errno = status == QUIRE_OK ? 0 : error;
	return status;
}

void qi_pool_memory_unmap(struct qi_pool_memory *memory)
{
	if (memory->base)
		munmap(memory->base, memory->size);
	memory->base = NULL;
}
