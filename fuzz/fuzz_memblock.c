/*
 * The input is a program for the ledger: 18 bytes an instruction, an operation, an option and two operands. Whatever it
 * does, the checker must stay content, and what is allocated must have been free memory in the range asked for.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <quire/memblock.h>

#define RAM_SIZE 0x100000u
#define INSTRUCTION 18
#define MAX_STEPS 2000

static char ram[RAM_SIZE];

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	return phys < RAM_SIZE && size <= RAM_SIZE - phys ? ram + phys : NULL;
}

static void ignore_line(void *ctx, const char *line)
{
	(void)ctx;
	(void)line;
}

static void require(bool good)
{
	if (!good)
		abort();
}

/* Small operands far more often than 64-bit ones: random large ranges hardly ever meet. */
static quire_phys_t operand(const uint8_t *data, unsigned kind)
{
	quire_phys_t value;

	memcpy(&value, data, sizeof(value));
	return kind == 0 ? value : kind == 1 ? QUIRE_PHYS_MAX - (value & 0xffff) : value & (RAM_SIZE - 1);
}

static void allocate(struct quire_memblock *mb, quire_phys_t a, quire_phys_t b, uint8_t option)
{
	quire_phys_t size = b & 0x3fff, align = (quire_phys_t)1 << (option & 15), found;
	int nid = (option >> 4 & 3) - 1;
	uint64_t cursor = 0;
	struct quire_memblock_range range;

	found = quire_memblock_find_in_range_node(mb, size, align, a, 0, nid, 0);
	if (found && size) {
		require(found >= a && found % align == 0 && !quire_memblock_is_region_reserved(mb, found, size));
		require(quire_memblock_is_region_memory(mb, found, size));
	}
	while (quire_memblock_next_range(mb, &cursor, nid, 0, &mb->memory, &mb->reserved, &range))
		require(range.start < range.end);
	quire_memblock_alloc_try_nid(mb, size, align, a, 0, nid, &found);
	quire_memblock_alloc_exact_nid_raw(mb, size, option & 64 ? align : b, a, b, nid);
}

static void step(struct quire_memblock *mb, const uint8_t *data)
{
	uint8_t option = data[1];
	quire_phys_t a = operand(data + 2, option & 7), b = operand(data + 10, option >> 3 & 7);
	size_t first, last;

	switch (data[0] % 20) {
	case 0: quire_memblock_add(mb, a, b); break;
	case 1: quire_memblock_add_node(mb, a, b, option, data[0] >> 3); break;
	case 2: quire_memblock_reserve(mb, a, b); break;
	case 3: quire_memblock_remove(mb, a, b & 0xffff); break;
	case 4: quire_memblock_phys_free(mb, a, b); break;
	case 5: quire_memblock_mark_hotplug(mb, a, b); break;
	case 6: quire_memblock_mark_nomap(mb, a, b); break;
	case 7: quire_memblock_clear_nomap(mb, a, b); break;
	case 8: quire_memblock_mark_mirror(mb, a, b); break;
	case 9: quire_memblock_reserved_mark_noinit(mb, a, b); break;
	case 10: quire_memblock_set_node(mb, a, b, option & 1 ? &mb->memory : &mb->reserved, option >> 1); break;
	case 11: quire_memblock_isolate(mb, option & 1 ? &mb->memory : &mb->reserved, a, b, &first, &last); break;
	case 12: quire_memblock_trim_memory(mb, b); break;
	case 13: quire_memblock_cap_memory_range(mb, a, b); break;
	case 14: quire_memblock_enforce_memory_limit(mb, b); break;
	case 15: quire_memblock_set_bottom_up(mb, option & 1); break;
	case 16: quire_memblock_set_current_limit(mb, a); break;
	case 17: mb->movable_node = option & 1; break;
	default: allocate(mb, a, b, option); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct quire_memblock mb;
	struct quire_platform platform = { .phys_to_virt = phys_to_virt };

	if (size < 2)
		return 0;
	memset(&mb, 0, sizeof(mb));
	mb.platform = &platform;
	mb.mirror_wanted = data[0] & 1;
	quire_memblock_add(&mb, 0, RAM_SIZE);
	if (data[0] & 2)
		quire_memblock_allow_resize(&mb);
	data++;
	size--;
	for (unsigned i = 0; i < MAX_STEPS && size >= INSTRUCTION; i++, data += INSTRUCTION, size -= INSTRUCTION) {
		step(&mb, data);
		require(quire_check_memblock(&mb) == QUIRE_OK);
	}
	quire_memblock_dump(&mb, ignore_line, NULL);
	return 0;
}
