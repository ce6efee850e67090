/* The C entry. */
#include <quire/firmware.h>

#include "i386.h"

#define LOADED_BY_MULTIBOOT 0x2badb002u
#define MIB 20

extern char i386_image_start[], i386_image_end[];

/* A word that stands on the command line as it is. */
static bool has_word(const char *text, const char *word)
{
	while (text && *text) {
		size_t n = 0;

		while (word[n] && text[n] == word[n])
			n++;
		if (!word[n] && (!text[n] || text[n] == ' '))
			return true;
		while (*text && *text != ' ')
			text++;
		while (*text == ' ')
			text++;
	}
	return false;
}

/*
 * The direct map is what vmalloc space (128 MiB, or vmalloc= and a guard) leaves of the kernel's GiB. The engine, which
 * knows what else is up there, makes low memory end a little below.
 */
static quire_phys_t direct_end(const char *command_line)
{
	static struct quire_config config;
	quire_phys_t vmalloc = 128ull << MIB, gib = 1024ull << MIB;

	quire_config_defaults(&config, QUIRE_ARCH_I386, QUIRE_RULES_6_12);
	if (command_line)
		quire_cmdline_parse(&config, command_line, NULL, NULL);
	if (config.options.vmalloc)
		vmalloc = qi_min(config.options.vmalloc + (8ull << MIB), gib - (64ull << MIB));
	return qi_min(gib - vmalloc, DIRECT_MOST);
}

void i386_start(uint32_t magic, uint32_t info)
{
	struct metal_boot boot = { .image_start = (uintptr_t)i386_image_start, .image_end = (uintptr_t)i386_image_end,
				   .info = info };

	i386_console_setup();
	if (magic != LOADED_BY_MULTIBOOT) {
		metal_print("this kernel wants a multiboot loader (%#x)\n", (unsigned)magic);
		arch_exit(METAL_EXIT_MACHINE);
	}
	boot.command_line = i386_command_line(info);
	i386_exceptions_setup();
	i386_paging_setup(!has_word(boot.command_line, "nopae"), direct_end(boot.command_line));
	i386_time_setup();
	boot.rsdp = i386_find_rsdp();
	metal_main(&boot);
}

quire_phys_t arch_image_phys(const void *address)
{
	return (uintptr_t)address;
}
