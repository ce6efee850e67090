/*
 * The C entry, and the memory map. All of it is in the device tree; but where EFI firmware started the kernel, its map says
 * what is RAM and what is taken, and the tree only which node memory belongs to.
 */
#include "a64.h"
#include "efi/kernel.h"

/* An ELF file is started without a pointer; virt then leaves the tree at the beginning of RAM. */
#define RAM_BASE 0x40000000ull

/* An own tree at this address, put there by -device loader, instead of the machine's. */
#define TREE_OPTION "fdt="

extern char a64_image_start[], a64_image_end[];

/* The value of a word of the command line, or NULL. */
static const char *option(const char *text, const char *name)
{
	for (; text && *text; text++) {
		size_t n = 0;

		while (name[n] && text[n] == name[n])
			n++;
		if (!name[n])
			return text + n;
		while (*text && *text != ' ')
			text++;
		if (!*text)
			break;
	}
	return NULL;
}

/* Where the tree is, for good: 0 if nowhere. */
static quire_phys_t choose_tree(quire_phys_t given, const char **command_line)
{
	quire_phys_t fdt = given && a64_tree_open(given) ? given : a64_tree_open(RAM_BASE) ? RAM_BASE : 0;
	const char *other, *end;

	*command_line = a64_tree_text(a64_tree_named("chosen"), "bootargs");
	other = option(*command_line, TREE_OPTION);
	if (!other)
		return fdt;
	if (quire_parse_size(other, &fdt, &end) != QUIRE_OK || fdt % 8 || !a64_tree_open(fdt)) {
		metal_print("%s: there is no device tree at %#llx\n", TREE_OPTION, (unsigned long long)fdt);
		return 0;
	}
	return fdt;
}

/* By EFI: the tree is where its table says, and the command line is the loader's. */
static void take_handover(const struct efi_handover *handover, struct metal_boot *boot)
{
	efi_boot(handover, boot);
	boot->rsdp = 0;
	boot->fdt = handover->fdt && a64_tree_open(handover->fdt) ? handover->fdt : 0;
}

void a64_start(quire_phys_t given)
{
	const struct efi_handover *handover;
	struct metal_boot boot = { .image_start = (quire_phys_t)a64_image_start, .image_end = (quire_phys_t)a64_image_end };

	boot.info = given;
	handover = efi_handover(given);
	if (handover)
		take_handover(handover, &boot);
	else
		boot.fdt = choose_tree(given, &boot.command_line);
	a64_psci_setup();
	a64_gic_setup();
	a64_gic_cpu_setup();
	metal_main(&boot);
}

void a64_secondary_start(unsigned cpu)
{
	a64_gic_cpu_setup();
	metal_cpu_main(cpu);
}

const struct arch_info *arch_info(void)
{
	static const struct arch_info info = {
		.name = "aarch64", .arch = QUIRE_ARCH_ARM64, .direct_end = 1ull << DIRECT_BITS,
		.vmemmap_base = (void *)WINDOW_BASE, .vmemmap_size = 1ull << WINDOW_BITS, .stacks_base = (void *)STACKS_BASE,
		.huge = true,
	};

	return &info;
}

quire_phys_t arch_image_phys(const void *address)
{
	return (uintptr_t)address;
}

static bool overlaps(const struct quire_memory_range *a, const struct quire_memory_range *b)
{
	return a->base < b->base ? b->base - a->base < a->size : a->base - b->base < b->size;
}

/*
 * EFI's map in the place of the tree's. Firmware also lists devices that may be mapped like memory, virt's flash for one;
 * where the tree has memory at all, what lies elsewhere is none.
 */
static enum quire_status replace_map(const struct efi_handover *handover, struct quire_machine *machine,
				     const struct quire_reader_log *log)
{
	struct quire_memory_range *map = machine->map;
	size_t old = machine->map_count, kept = old;
	enum quire_status status = efi_read_map(handover, machine, log);

	for (size_t i = old; i < machine->map_count; i++) {
		bool memory = !old;

		for (size_t j = 0; j < old; j++)
			memory |= overlaps(&map[i], &map[j]);
		if (memory)
			map[kept++] = map[i];
	}
	memmove(map, map + old, (kept - old) * sizeof(*map));
	machine->map_count = kept - old;
	return status;
}

enum quire_status arch_read_machine(const struct metal_boot *boot, struct quire_machine *machine,
				    const struct quire_reader_log *log)
{
	const struct efi_handover *handover = efi_handover(boot->info);
	enum quire_status status;
	size_t size;
	const void *tree = a64_tree(&size);

	if (!boot->fdt || !tree) {
		metal_print(handover ? "no device tree from EFI, and we read ACPI on PCs only (QEMU: -machine acpi=off)\n" :
			    "no device tree: neither where the loader said nor at the beginning of RAM\n");
		return QUIRE_ENOENT;
	}
	status = quire_read_fdt(machine, tree, size, log);
	return status == QUIRE_OK && handover ? replace_map(handover, machine, log) : status;
}
