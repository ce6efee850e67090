/* The C entry. */
#include <quire/firmware.h>
#include <quire/topology.h>

#include "i386.h"

#define LOADED_BY_MULTIBOOT 0x2badb002u

/* However large vmalloc= is, the image must be mapped. */
#define DIRECT_LEAST (64u << 20)

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

/* The direct map holds low memory and nothing else, and how much that can be depends on vmalloc=. */
static quire_phys_t direct_end(const char *command_line, bool pae)
{
	static struct quire_config config;

	quire_config_defaults(&config, pae ? QUIRE_ARCH_I386_PAE : QUIRE_ARCH_I386, QUIRE_RULES_6_12);
	if (command_line)
		quire_cmdline_parse(&config, command_line, NULL, NULL);
	return qi_clamp(quire_i386_lowmem_limit(&config), DIRECT_LEAST, DIRECT_MOST);
}

void i386_start(uint32_t magic, uint32_t info)
{
	struct metal_boot boot = { .image_start = (uintptr_t)i386_image_start, .image_end = (uintptr_t)i386_image_end,
				   .info = info };
	bool pae;

	pc_console_setup();
	if (magic != LOADED_BY_MULTIBOOT) {
		metal_print("this kernel wants a multiboot loader (%#x)\n", (unsigned)magic);
		arch_exit(METAL_EXIT_MACHINE);
	}
	boot.command_line = i386_command_line(info);
	i386_exceptions_setup();
	pae = i386_has_pae() && !has_word(boot.command_line, "nopae");
	i386_paging_setup(pae, direct_end(boot.command_line, pae));
	pc_time_setup();
	boot.rsdp = i386_find_rsdp();
	metal_main(&boot);
}

quire_phys_t arch_image_phys(const void *address)
{
	return (uintptr_t)address;
}
