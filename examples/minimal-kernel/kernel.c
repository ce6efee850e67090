/*
 * The glue: all that an operating system writes to have Quire manage its memory. docs/embedding.md walks through it.
 *
 * A real kernel has the first part already (a serial port, a way to stop) and does more in the second (NUMA tables, several
 * CPUs); ports/metal/ shows that. The third is the whole of what is about Quire.
 */
#include <quire/firmware.h>
#include <quire/quire.h>
#include <quire/report.h>

#define MAPPED (64ull << 30)		/* entry.S maps so much, each address to itself */

/* --- 1. what every kernel has ----------------------------------------------------------------------------------------- */

extern char image_start[], image_end[];

void kernel_main(uint32_t start_info);

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" :: "a"(value), "Nd"(port));
}

static void print(void *ctx, const char *text, size_t length)
{
	(void)ctx;
	for (size_t i = 0; i < length; i++)
		out8(0x3f8, (uint8_t)text[i]);		/* the serial port; QEMU's is always ready */
}

static void print_line(const char *text)
{
	while (*text)
		print(NULL, text++, 1);
	print(NULL, "\n", 1);
}

static void power_off(int code)
{
	print_line(code ? "minimal kernel: failed" : "minimal kernel: done");
	out8(0xf4, (uint8_t)code);			/* QEMU's isa-debug-exit */
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* --- 2. what the loader says ------------------------------------------------------------------------------------------ */

struct start_info {				/* of PVH */
	uint32_t magic, version, flags, modules;
	uint64_t module_list, command_line, rsdp, map;
	uint32_t map_count;
};

static struct quire_memory_range map[64];
static struct quire_reservation reservations[4];
static struct quire_machine machine;

static void read_machine(const struct start_info *start)
{
	const struct quire_machine_storage storage = {
		.map = map, .map_max = 64, .reservations = reservations, .reservation_max = 4,
	};
	const struct { uint64_t base, size; uint32_t type, unused; } *entry = (void *)start->map;
	uint64_t image = (uint64_t)image_start;

	quire_machine_init(&machine, QUIRE_ARCH_X86_64, &storage);
	for (uint32_t i = 0; i < start->map_count; i++)
		if (quire_machine_add_range(&machine, entry[i].base, entry[i].size,
					    entry[i].type == 1 ? QUIRE_MEMORY_RAM : QUIRE_MEMORY_RESERVED, 0,
					    QUIRE_NO_NODE) != QUIRE_OK)
			print_line("the memory map is too long: its end is not used");
	quire_machine_add_reservation(&machine, &(struct quire_reservation){
		.base = image, .size = (uint64_t)image_end - image, .kind = QUIRE_RESERVE_KERNEL, .name = "kernel" });
}

/* --- 3. Quire --------------------------------------------------------------------------------------------------------- */

static void *phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size)
{
	(void)ctx;
	return phys < MAPPED && size <= MAPPED - phys ? (void *)phys : NULL;
}

static void log_line(void *ctx, enum quire_log_level level, const char *text, size_t length)
{
	(void)level;
	print(ctx, text, length);
	print(ctx, "\n", 1);
}

static void panic(void *ctx, const char *text)
{
	(void)ctx;
	print_line(text);
	power_off(1);
}

static const struct quire_platform platform = { .phys_to_virt = phys_to_virt, .log = log_line, .panic = panic };
static struct quire q;

static enum quire_status start_quire(void)
{
	struct quire_config config;
	enum quire_status status;

	quire_config_defaults(&config, QUIRE_ARCH_X86_64, QUIRE_RULES_6_12);
	config.model = QUIRE_MODEL_SPARSEMEM_EXTREME;		/* VMEMMAP would want a window of page tables */
	config.options.mem = (struct quire_amount){ .given = true, .bytes = MAPPED };
	status = quire_e820_sanitize(&machine, &config.options, NULL);
	if (status == QUIRE_OK)
		status = quire_init(&q, &config, &machine, &platform);
	return status == QUIRE_OK ? quire_boot(&q) : status;
}

void kernel_main(uint32_t start_info)
{
	const struct quire_report_sink sink = { .write = print };
	enum quire_status status;
	quire_pfn_t pfn;

	read_machine((const void *)(uint64_t)start_info);
	status = start_quire();
	if (status == QUIRE_OK)
		status = quire_alloc_frames(&q, QUIRE_NO_NODE, 0, QUIRE_GFP_KERNEL | QUIRE_GFP_ZERO, &pfn);
	if (status == QUIRE_OK) {
		*(uint64_t *)(pfn << 12) = 42;			/* a page of memory, to do with as we please */
		status = quire_free_frames(&q, pfn, 0);
	}
	if (status != QUIRE_OK)
		print_line(quire_status_string(status));
	quire_report_buddyinfo(&q, &sink);
	power_off(status != QUIRE_OK);
}
