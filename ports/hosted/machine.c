/*
 * Making and unmaking a hosted machine: which stretches of RAM there are and where in the memory file each lies.
 *
 * The file is as long as the RAM, not as the highest address, and an entry of the table is all that RAM costs until it is
 * used.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define HOST_PAGE 4096ull
#define HUGE_PAGE (2ull << 20)

static int by_base(const void *a, const void *b)
{
	const struct qi_hosted_ram *x = a, *y = b;

	return x->base < y->base ? -1 : x->base > y->base;
}

/* Round inward to `page`; false if nothing is left. */
static bool round_inward(const struct quire_hosted_range *range, uint64_t page, struct qi_hosted_ram *ram)
{
	quire_phys_t start = (range->base + page - 1) & ~(page - 1), end = (range->base + range->size) & ~(page - 1);

	*ram = (struct qi_hosted_ram){ .base = start, .size = end - start };
	return start >= range->base && start < end;
}

/* Sort, merge, and give each stretch its place in the file. */
static void arrange(struct quire_hosted *h)
{
	size_t kept = 0;

	qsort(h->ram, h->ram_count, sizeof(*h->ram), by_base);
	for (size_t i = 0; i < h->ram_count; i++) {
		struct qi_hosted_ram *last = kept ? &h->ram[kept - 1] : NULL;
		quire_phys_t end = h->ram[i].base + h->ram[i].size;

		if (last && h->ram[i].base <= last->base + last->size) {
			if (end > last->base + last->size)
				last->size = end - last->base;
			continue;
		}
		h->ram[kept++] = h->ram[i];
	}
	h->ram_count = kept;
	for (size_t i = 0; i < kept; i++) {
		/* Huge frames stay huge-aligned in the file, so that the host may back them with huge pages. */
		h->file_size = (h->file_size + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
		h->file_size += h->ram[i].base & (HUGE_PAGE - 1);
		h->ram[i].offset = h->file_size;
		h->file_size += h->ram[i].size;
	}
}

static enum quire_status take_ranges(struct quire_hosted *h, const struct quire_hosted_range *ranges, size_t count,
				     uint64_t page)
{
	h->ram = calloc(count ? count : 1, sizeof(*h->ram));
	if (!h->ram)
		return QUIRE_ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].base + ranges[i].size < ranges[i].base)
			return QUIRE_EINVAL;
		if (round_inward(&ranges[i], page, &h->ram[h->ram_count]))
			h->ram_count++;
	}
	arrange(h);
	return QUIRE_OK;
}

/* Address space for the descriptors of every frame up to the highest address. Without it the platform has no window. */
static void reserve_window(struct quire_hosted *h, const struct quire_hosted_options *o)
{
	const struct quire_config *c = o->config;
	quire_phys_t end = h->ram_count ? h->ram[h->ram_count - 1].base + h->ram[h->ram_count - 1].size : 0;
	uint64_t section = 1ull << quire_section_shift(c), bytes;

	if (o->highest_address > end)
		end = o->highest_address;
	end = (end + section - 1) & ~(section - 1);
	bytes = (end >> quire_page_shift(c)) * quire_page_stride(c);
	bytes = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	if (o->flags & QUIRE_HOSTED_NO_VMEMMAP || !bytes || bytes + HUGE_PAGE > SIZE_MAX)
		return;
	h->window_space_size = (size_t)(bytes + HUGE_PAGE);
	h->window_space = mmap(NULL, h->window_space_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (h->window_space == MAP_FAILED) {
		h->window_space = NULL;
		return;
	}
	h->window = (void *)(((uintptr_t)h->window_space + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1));
	h->window_size = (size_t)bytes;
	h->huge = !(o->flags & QUIRE_HOSTED_NO_HUGE);
	h->platform.vmemmap_base = h->window;
	h->platform.vmemmap_size = bytes;
	h->platform.vmemmap_map = qi_hosted_vmemmap_map;
	h->platform.vmemmap_unmap = qi_hosted_vmemmap_unmap;
}

enum quire_status quire_hosted_create(const struct quire_hosted_range *ranges, size_t count,
				      const struct quire_hosted_options *options, struct quire_hosted **hosted)
{
	struct quire_hosted *h;
	enum quire_status status;

	if (!options || !options->config)
		return QUIRE_EINVAL;
	h = calloc(1, sizeof(*h));
	if (!h)
		return QUIRE_ENOMEM;
	pthread_mutex_init(&h->lock, NULL);
	h->direct_map_end = options->direct_map_end ? options->direct_map_end : QUIRE_PHYS_MAX;
	h->file = memfd_create("quire-ram", MFD_CLOEXEC);
	status = take_ranges(h, ranges, count, 1ull << quire_page_shift(options->config));
	if (status == QUIRE_OK && (h->file < 0 || ftruncate(h->file, (off_t)h->file_size)))
		status = QUIRE_ENOMEM;
	if (status != QUIRE_OK) {
		quire_hosted_destroy(h);
		return status;
	}
	h->platform.ctx = h;
	h->platform.phys_to_virt = qi_hosted_phys_to_virt;
	if (options->flags & QUIRE_HOSTED_OUTSIDE_METADATA) {
		h->platform.meta_alloc = qi_hosted_meta_alloc;
		h->platform.meta_free = qi_hosted_meta_free;
	}
	qi_hosted_runtime(h, options);
	reserve_window(h, options);
	*hosted = h;
	return QUIRE_OK;
}

static quire_phys_t widest_address(const struct quire_config *config)
{
	return config->geometry.physmem_bits >= 64 ? QUIRE_PHYS_MAX : (quire_phys_t)1 << config->geometry.physmem_bits;
}

enum quire_status quire_hosted_create_machine(const struct quire_machine *machine,
					      const struct quire_hosted_options *options, struct quire_hosted **hosted)
{
	struct quire_hosted_range *ranges = calloc(machine->map_count ? machine->map_count : 1, sizeof(*ranges));
	enum quire_status status;
	size_t count = 0;

	if (!ranges)
		return QUIRE_ENOMEM;
	/* Entries that wrap, or go on beyond the widest address, are boot's to complain about; it cuts them there, too. */
	for (size_t i = 0; options && options->config && i < machine->map_count; i++) {
		const struct quire_memory_range *entry = &machine->map[i];
		quire_phys_t limit = widest_address(options->config);

		if (entry->base < limit)
			ranges[count++] = (struct quire_hosted_range){
				entry->base, entry->size < limit - entry->base ? entry->size : limit - entry->base };
	}
	status = quire_hosted_create(ranges, count, options, hosted);
	free(ranges);
	return status;
}

void quire_hosted_destroy(struct quire_hosted *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->ram_count; i++)
		if (h->ram[i].address)
			munmap(h->ram[i].address, h->ram[i].size);
	if (h->window_space)
		munmap(h->window_space, h->window_space_size);
	if (h->file >= 0)
		close(h->file);
	while (h->pieces) {
		struct qi_hosted_piece *piece = h->pieces;

		h->pieces = piece->next;
		munmap(piece->address, piece->size);
		free(piece);
	}
	pthread_mutex_destroy(&h->lock);
	free(h->ram);
	free(h);
}

enum quire_status quire_hosted_add_ram(struct quire_hosted *h, quire_phys_t base, quire_phys_t size)
{
	enum quire_status status = QUIRE_OK;
	struct qi_hosted_ram *grown;
	size_t at = 0;

	if (!size || base + size <= base || (base | size) & (HOST_PAGE - 1))
		return QUIRE_EINVAL;
	pthread_mutex_lock(&h->lock);
	while (at < h->ram_count && h->ram[at].base + h->ram[at].size <= base)
		at++;
	if (at < h->ram_count && h->ram[at].base < base + size)
		status = QUIRE_EEXIST;
	grown = status == QUIRE_OK ? realloc(h->ram, (h->ram_count + 1) * sizeof(*grown)) : NULL;
	if (status == QUIRE_OK && (!grown || ftruncate(h->file, (off_t)(h->file_size + size))))
		status = QUIRE_ENOMEM;
	if (grown)
		h->ram = grown;
	if (status == QUIRE_OK) {
		memmove(&h->ram[at + 1], &h->ram[at], (h->ram_count - at) * sizeof(*h->ram));
		h->ram[at] = (struct qi_hosted_ram){ .base = base, .size = size, .offset = h->file_size };
		h->ram_count++;
		h->file_size += size;
	}
	pthread_mutex_unlock(&h->lock);
	return status;
}

uint64_t quire_hosted_resident(const struct quire_hosted *h)
{
	struct stat st;

	return fstat(h->file, &st) ? 0 : (uint64_t)st.st_blocks * 512;
}
