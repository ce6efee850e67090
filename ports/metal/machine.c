/*
 * The machine as firmware describes it: the architecture's memory map, then, where there is an ACPI root pointer,
 * SRAT, SLIT and MADT. A table that is broken or does not fit costs what it would have said, not the boot.
 */
#include <quire/firmware.h>

#include "kernel.h"

#define MAP_ENTRIES 1024	/* sanitizing needs room for twice what firmware said (EFI: a lot) and the command line adds */
#define RESERVATIONS 64
#define AFFINITIES 256
#define CPUS 256
#define NODES 64
#define COMMAND_LINE_BYTES 2048

#define ROOT_BYTES 36
#define ROOT_BYTES_V1 20
#define FOUR_GIB ((quire_phys_t)1 << 32)

static struct quire_memory_range map[MAP_ENTRIES];
static struct quire_reservation reservations[RESERVATIONS];
static struct quire_memory_affinity affinities[AFFINITIES];
static struct quire_cpu cpus[CPUS];
static uint32_t domains[NODES];
static uint8_t distances[NODES * NODES];
static char command_line[COMMAND_LINE_BYTES];

static void emit(void *ctx, enum quire_log_level level, const char *source, size_t offset, const char *text)
{
	(void)ctx;
	if (level <= QUIRE_LOG_WARNING || metal.options.verbose)
		metal_print("%s: %s (at %zu)\n", source, text, offset);
}

/* Firmware's tables lie below 4 GiB or in an entry of the map; a pointer elsewhere is not followed. */
static bool plausible(quire_phys_t phys, size_t size)
{
	if (phys < FOUR_GIB && size <= FOUR_GIB - phys)
		return true;
	for (size_t i = 0; i < metal.machine.map_count; i++) {
		const struct quire_memory_range *r = &map[i];

		if (phys >= r->base && size <= r->size && phys - r->base <= r->size - size)
			return true;
	}
	return false;
}

static const void *map_table(void *ctx, quire_phys_t phys, size_t size)
{
	(void)ctx;
	if (!plausible(phys, size))
		return NULL;
	if (phys >= arch_info()->direct_end || size > arch_info()->direct_end - phys)
		return arch_map_far(phys, size);
	return metal_map(phys, size) == QUIRE_OK ? arch_direct(phys) : NULL;
}

static void read_table(const void *root, size_t root_size, const char *signature,
		       enum quire_status (*read)(struct quire_machine *m, const void *data, size_t size,
						 const struct quire_reader_log *log))
{
	const struct quire_reader_log log = { .emit = emit, .source = signature };
	enum quire_status status;
	const void *table;
	size_t size;

	status = quire_acpi_find_table(root, root_size, signature, map_table, NULL, &table, &size, &log);
	if (status == QUIRE_OK)
		status = read(&metal.machine, table, size, &log);
	if (status == QUIRE_ENOSPC)
		metal_print("%s names more nodes, CPUs or ranges than this kernel has room for (%d, %d, %d): ignored\n", signature,
			    NODES, CPUS, AFFINITIES);
	else if (status != QUIRE_OK && status != QUIRE_ENOENT)
		metal_print("%s is not used: %s\n", signature, quire_status_string(status));
}

static void read_acpi(quire_phys_t rsdp)
{
	const char *root = map_table(NULL, rsdp, ROOT_BYTES);

	if (!root) {
		metal_print("ACPI: nothing can be read at the root pointer's place %#llx\n", (unsigned long long)rsdp);
		return;
	}
	metal.machine.rsdp = rsdp;
	/* Revision 0 has only the first part; what lies behind it is anybody's. */
	read_table(root, root[15] < 2 ? ROOT_BYTES_V1 : ROOT_BYTES, "SRAT", quire_read_srat);
	read_table(root, root[15] < 2 ? ROOT_BYTES_V1 : ROOT_BYTES, "SLIT", quire_read_slit);
	read_table(root, root[15] < 2 ? ROOT_BYTES_V1 : ROOT_BYTES, "APIC", quire_read_madt);
}

static void copy_command_line(const char *text)
{
	size_t n = 0;

	for (; text && text[n] && n + 1 < sizeof(command_line); n++)
		command_line[n] = text[n];
	command_line[n] = '\0';
	if (text && text[n])
		metal_print("command line: cut after %zu bytes\n", n);
}

/* CPU 0 is the one that booted; the engine numbers CPUs in the order of the machine's records. */
static void boot_cpu_first(void)
{
	uint64_t hwid = arch_cpu_hwid();

	for (size_t i = 1; i < metal.machine.cpu_count; i++)
		if (cpus[i].hwid == hwid && !cpus[i].initiator) {
			struct quire_cpu boot = cpus[i];

			memmove(&cpus[1], &cpus[0], i * sizeof(cpus[0]));
			cpus[0] = boot;
		}
}

static enum quire_status must_have_ram(void)
{
	for (size_t i = 0; i < metal.machine.map_count; i++)
		if (map[i].type == QUIRE_MEMORY_RAM && map[i].size)
			return QUIRE_OK;
	metal_print("memory: firmware and the command line leave no usable memory\n");
	return QUIRE_ENOMEM;
}

const char *metal_command_line(void)
{
	return command_line;
}

void metal_machine_begin(const struct metal_boot *boot)
{
	const struct quire_machine_storage storage = {
		.map = map, .map_max = MAP_ENTRIES, .reservations = reservations, .reservation_max = RESERVATIONS,
		.affinities = affinities, .affinity_max = AFFINITIES, .cpus = cpus, .cpu_max = CPUS,
		.domains = domains, .domain_max = NODES, .distances = distances, .distance_max = NODES,
	};

	quire_machine_init(&metal.machine, arch_info()->arch, &storage);
	copy_command_line(boot->command_line);
	metal.machine.fdt = boot->fdt;
	metal.machine.guest = true;
}

enum quire_status metal_read_machine(const struct metal_boot *boot, const struct quire_config *config)
{
	const struct quire_reader_log log = { .emit = emit, .source = "memory map" };
	enum quire_status status = arch_read_machine(boot, &metal.machine, &log);

	if (status == QUIRE_OK)
		status = quire_machine_add_reservation(&metal.machine, &(struct quire_reservation){
			.base = boot->image_start, .size = boot->image_end - boot->image_start,
			.kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });
	if (status != QUIRE_OK)
		return status;
	if (metal.options.rsdp || boot->rsdp)
		read_acpi(metal.options.rsdp ? metal.options.rsdp : boot->rsdp);
	boot_cpu_first();
	metal.machine.command_line = command_line;
	status = quire_e820_sanitize(&metal.machine, &config->options, &log);
	return status == QUIRE_OK ? must_have_ram() : status;
}
