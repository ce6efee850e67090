/*
 * The few questions this port asks the device tree itself, before and beside the engine's reader: command line, how firmware
 * is called, where the interrupt controller is.
 */
#include <libfdt.h>

#include "a64.h"

/* A tree is to fit into 2 MiB (the boot protocol says so); a length beyond is damage. */
#define LONGEST (2u << 20)

static const void *tree;
static bool sound;

bool a64_tree_open(quire_phys_t phys)
{
	const void *blob;

	if (arch_map_direct(phys, sizeof(struct fdt_header)) != QUIRE_OK)
		return false;
	blob = arch_direct(phys);
	if (fdt_magic(blob) != FDT_MAGIC)
		return false;
	tree = blob;
	sound = fdt_totalsize(blob) <= LONGEST && arch_map_direct(phys, fdt_totalsize(blob)) == QUIRE_OK &&
		!fdt_check_full(blob, fdt_totalsize(blob));
	return true;
}

const void *a64_tree(size_t *size)
{
	*size = tree ? (size_t)qi_min(fdt_totalsize(tree), LONGEST) : 0;
	return tree;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

/* One of the texts of a list, each of which ends in a NUL. */
static bool lists(int node, const char *property, const char *what)
{
	int length, start = 0;
	const char *list = fdt_getprop(tree, node, property, &length);

	for (int i = 0; list && i < length; i++) {
		if (list[i])
			continue;
		if (same(list + start, what))
			return true;
		start = i + 1;
	}
	return false;
}

int a64_tree_compatible(const char *what)
{
	int depth = 0;

	if (!sound)
		return -FDT_ERR_NOTFOUND;
	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(tree, node, &depth))
		if (lists(node, "compatible", what))
			return node;
	return -FDT_ERR_NOTFOUND;
}

int a64_tree_named(const char *name)
{
	int depth = 0;

	if (!sound)
		return -FDT_ERR_NOTFOUND;
	for (int node = 0; node >= 0 && depth >= 0; node = fdt_next_node(tree, node, &depth))
		if (depth == 1 && same(fdt_get_name(tree, node, NULL), name))
			return node;
	return -FDT_ERR_NOTFOUND;
}

const char *a64_tree_text(int node, const char *property)
{
	int length;
	const char *text = node < 0 ? NULL : fdt_getprop(tree, node, property, &length);

	return text && length > 0 && !text[length - 1] ? text : NULL;
}

static uint64_t number(const uint8_t *p, unsigned words)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 4 * words; i++)
		value = value << 8 | p[i];
	return value;
}

static unsigned cells(const char *property, unsigned otherwise)
{
	int length;
	const uint8_t *p = fdt_getprop(tree, 0, property, &length);

	return p && length == 4 && number(p, 1) <= 2 ? (unsigned)number(p, 1) : otherwise;
}

bool a64_tree_reg(int node, unsigned index, quire_phys_t *base, quire_phys_t *size)
{
	unsigned address = cells("#address-cells", 2), extent = cells("#size-cells", 1), bytes = 4 * (address + extent);
	int length;
	const uint8_t *reg = fdt_getprop(tree, node, "reg", &length);

	if (!reg || (unsigned)length < (index + 1) * bytes)
		return false;
	*base = number(reg + index * bytes, address);
	*size = number(reg + index * bytes + 4 * address, extent);
	return true;
}
