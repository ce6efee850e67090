/* What PVH's start info says. */
#include "x86.h"

#define START_INFO_MAGIC 0x336ec578u
#define MAP_ENTRIES 128u
#define MODULES 8u

struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp, map;
	uint32_t map_count, reserved;
};
struct map_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};
struct module {
	uint64_t base, size, command_line, reserved;
};

/* Loaders put their data anywhere below 4 GiB; only the first GiB is mapped yet. NULL: no page table for it. */
static const void *at(uint64_t phys, uint64_t size)
{
	return phys && arch_map_direct(phys, size) == QUIRE_OK ? arch_direct(phys) : NULL;
}

bool x86_pvh_boot(struct metal_boot *boot)
{
	const struct start_info *start = at(boot->info, sizeof(*start));

	if (!start || start->magic != START_INFO_MAGIC)
		return false;
	boot->rsdp = start->rsdp;
	/* Its length is not told: two pages hold any command line this kernel can make sense of. */
	boot->command_line = at(start->command_line, 8192);
	return true;
}

/* Start info's entries are e820's with padding; the reader wants them without. */
static enum quire_status read_map(const struct start_info *start, struct quire_machine *machine,
				  const struct quire_reader_log *log)
{
	static uint8_t packed[MAP_ENTRIES * 20];
	uint32_t count = (uint32_t)qi_min(start->map_count, MAP_ENTRIES);
	const struct map_entry *map = at(start->map, count * sizeof(*map));

	if (!map || !count) {
		metal_print("PVH: the loader gave no memory map\n");
		return QUIRE_EFORMAT;
	}
	if (count < start->map_count)
		metal_print("PVH: %u map entries, only %u are looked at\n", start->map_count, count);
	for (uint32_t i = 0; i < count; i++)
		memcpy(packed + i * 20, &map[i], 20);
	return quire_read_e820(machine, packed, count * 20, log);
}

enum quire_status x86_pvh_read(const struct metal_boot *boot, struct quire_machine *machine,
			       const struct quire_reader_log *log)
{
	const struct start_info *start = arch_direct(boot->info);
	uint32_t modules = (uint32_t)qi_min(start->module_count, MODULES);
	const struct module *module = at(start->modules, modules * sizeof(*module));
	enum quire_status status = read_map(start, machine, log);

	for (uint32_t i = 0; module && i < modules && status == QUIRE_OK; i++)
		status = quire_machine_add_reservation(machine, &(struct quire_reservation){
			.base = module[i].base, .size = module[i].size, .kind = QUIRE_RESERVE_INITRD, .name = "module" });
	return status;
}
