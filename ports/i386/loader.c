/* What the multiboot loader says: memory map, modules, command line. */
#include "i386.h"

#define HAS_COMMAND_LINE	0x04u
#define HAS_MODULES		0x08u
#define HAS_MAP			0x40u

#define MAP_ENTRIES 128u
#define MODULES 8u
#define E820_BYTES 20u
#define COMMAND_LINE_BYTES 2048u

struct info {
	uint32_t flags, memory_lower, memory_upper, boot_device, command_line;
	uint32_t module_count, modules;
	uint32_t symbols[4];
	uint32_t map_bytes, map;
};

/* `size` counts what follows it: 20 bytes as e820 has them, or more. */
struct map_entry {
	uint32_t size;
	uint8_t e820[E820_BYTES];
};

struct module {
	uint32_t start, end, text, reserved;
};

/* The loader's data, in the direct map; NULL if it lies where low memory does not reach. */
static const void *physical(quire_phys_t phys, quire_phys_t size)
{
	return arch_map_direct(phys, size) == QUIRE_OK ? arch_direct(phys) : NULL;
}

/* Still with paging off, where everything is at its physical address. */
const char *i386_command_line(uint32_t at)
{
	static char copy[COMMAND_LINE_BYTES];
	const struct info *info = (const struct info *)at;
	const char *text = (const char *)info->command_line;

	if (!(info->flags & HAS_COMMAND_LINE))
		return NULL;
	for (size_t i = 0; i + 1 < sizeof(copy) && text[i]; i++)
		copy[i] = text[i];
	return copy;
}

static enum quire_status read_map(const struct info *info, struct quire_machine *machine, const struct quire_reader_log *log)
{
	static uint8_t packed[MAP_ENTRIES * E820_BYTES];
	const uint8_t *map = info->flags & HAS_MAP ? physical(info->map, info->map_bytes) : NULL;
	unsigned count = 0;
	uint32_t at = 0;

	while (map && at + sizeof(struct map_entry) <= info->map_bytes && count < MAP_ENTRIES) {
		const struct map_entry *entry = (const struct map_entry *)(map + at);

		if (entry->size < E820_BYTES || entry->size > info->map_bytes)
			break;
		memcpy(packed + count++ * E820_BYTES, entry->e820, E820_BYTES);
		at += sizeof(entry->size) + entry->size;
	}
	if (!count) {
		metal_print("multiboot: the loader gave no memory map\n");
		return QUIRE_EFORMAT;
	}
	if (at < info->map_bytes)
		metal_print("multiboot: only the first %u entries of the memory map are used\n", count);
	return quire_read_e820(machine, packed, count * E820_BYTES, log);
}

enum quire_status arch_read_machine(const struct metal_boot *boot, struct quire_machine *machine,
				    const struct quire_reader_log *log)
{
	const struct info *info = physical(boot->info, sizeof(*info));
	uint32_t count = info && info->flags & HAS_MODULES ? (uint32_t)qi_min(info->module_count, MODULES) : 0;
	const struct module *module = count ? physical(info->modules, count * sizeof(*module)) : NULL;
	enum quire_status status = info ? read_map(info, machine, log) : QUIRE_EFORMAT;

	for (uint32_t i = 0; module && i < count && status == QUIRE_OK; i++)
		status = quire_machine_add_reservation(machine, &(struct quire_reservation){
			.base = module[i].start, .size = module[i].end - module[i].start, .kind = QUIRE_RESERVE_INITRD,
			.name = "module" });
	return status;
}
