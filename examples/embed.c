/*
 * The smallest embedder: a boot loader's memory map in, nodes, zones and free memory out.
 *
 * Here the "machine" is 256 MiB of this process's own memory; in a kernel phys_to_virt is the direct map and log the serial
 * port. Everything else is the same, and all that the engine needs beyond this file is memcpy, memmove, memset and memcmp.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <quire/quire.h>

#define RAM_BASE 0x100000ull
#define RAM_SIZE (256ull << 20)

static char *ram;

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	return phys >= RAM_BASE && size <= RAM_SIZE && phys - RAM_BASE <= RAM_SIZE - size ? ram + (phys - RAM_BASE) : NULL;
}

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)ctx;
	if (level <= QUIRE_LOG_INFO)
		printf("%.*s\n", (int)length, text);
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

static struct quire q;

int main(void)
{
	static struct quire_memory_range map[16];
	static struct quire_reservation reservations[4];
	static const struct quire_platform platform = { .phys_to_virt = phys_to_virt, .log = log_line, .panic = panic };
	const struct quire_machine_storage storage = {
		.map = map, .map_max = 16, .reservations = reservations, .reservation_max = 4
	};
	struct quire_machine machine;
	struct quire_config config;
	enum quire_status status;

	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (ram == MAP_FAILED)
		return 1;

	/* What the boot loader said, and where it put our image. */
	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	quire_machine_add_range(&machine, RAM_BASE, RAM_SIZE, QUIRE_MEMORY_RAM, 0, QUIRE_NO_NODE);
	quire_machine_add_reservation(&machine, &(struct quire_reservation){
		.base = RAM_BASE, .size = 2 << 20, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = QUIRE_MODEL_SPARSEMEM_EXTREME;
	status = quire_init(&q, &config, &machine, &platform);
	if (status == QUIRE_OK)
		status = quire_boot(&q);
	if (status != QUIRE_OK) {
		fprintf(stderr, "boot: %s\n", quire_status_string(status));
		return 1;
	}
	for (int type = 0; type < QUIRE_ZONE_TYPES; type++) {
		const struct quire_zone *zone = &q.topology.nodes[0]->zones[type];

		if (quire_zone_populated(zone))
			printf("zone %s: %llu pages present, %llu managed\n", quire_zone_name(type),
			       (unsigned long long)zone->present, (unsigned long long)zone->managed);
	}
	return 0;
}
