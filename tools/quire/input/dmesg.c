/*
 * The kernel-log reader. One pass, line by line; each line is offered to the readers of its subject (memory map, EFI, NUMA,
 * reservations) and to those of this file (who wrote the log, CPUs). Lines that are not about the machine cost a few
 * comparisons and are forgotten.
 *
 * A file may hold several boots one after the other (kern.log, the journal). "Linux version" starts a new one; the last boot
 * that has a memory map is taken, because that is the machine as it is now.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "facts.h"

/* What a version or processor line tells about the architecture; -1 if nothing. */
static int arch_of_words(struct text_slice text)
{
	static const struct { const char *word; enum quire_arch arch; } words[] = {
		{ "686-pae", QUIRE_ARCH_I386_PAE }, { "x86_64", QUIRE_ARCH_X86_64 }, { "amd64", QUIRE_ARCH_X86_64 },
		{ "aarch64", QUIRE_ARCH_ARM64 }, { "arm64", QUIRE_ARCH_ARM64 }, { "riscv64", QUIRE_ARCH_RISCV64 },
		{ "-686", QUIRE_ARCH_I386 }, { "i686", QUIRE_ARCH_I386_PAE }, { "i386", QUIRE_ARCH_I386_PAE },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (text_contains(text, words[i].word))
			return (int)words[i].arch;
	}
	return -1;
}

static bool version_line(struct input_log_facts *log, struct text_slice text)
{
	struct text_slice word;

	if (!text_take(&text, "Linux version ") || !text_take_word(&text, &word))
		return false;
	input_replace_string(&log->release, input_slice_string(word));
	/*
	 * The release names the kernel's flavour; the compiler's name that follows may be a cross compiler's, still of
	 * the right kind.
	 */
	log->arch = arch_of_words(word);
	if (log->arch < 0)
		log->arch = arch_of_words(text);
	return true;
}

static bool command_line_line(struct input *in, struct input_log_facts *log, const char *path, size_t line,
			      struct text_slice text)
{
	if (!text_take(&text, "Command line: ") && !text_take(&text, "Kernel command line: "))
		return false;
	text = text_trim(text);
	if (!log->command_line) {
		log->command_line = input_slice_string(text);
	} else if (!text_equals(text, log->command_line) && !text_contains(text, log->command_line)) {
		input_note(in, QUIRE_LOG_WARNING, path, line,
			   "command line differs from the one printed earlier, which is kept");
	}
	return true;
}

/* The highest page frame an x86 kernel can address gives its kind away. */
static bool max_pfn_line(struct input_log_facts *log, struct text_slice text)
{
	uint64_t pfn;

	if (!text_take(&text, "last_pfn = ") || !text_take_through(&text, "max_arch_pfn = ") || !text_take_hex(&text, &pfn))
		return false;
	log->max_arch_pfn = pfn;
	return true;
}

static bool cpu_count_line(struct input_log_facts *log, struct text_slice text)
{
	uint64_t count, nodes;

	if (text_take(&text, "smpboot: Allowing ") || text_take(&text, "CPU topo: Allowing ") ||
	    text_take(&text, "SMP: Allowing ")) {
		uint64_t spare = 0;

		if (!text_take_number(&text, &count) || count == 0 || count > 65536)
			return false;
		/* Older wording counts hot-pluggable CPUs in, the newer says "4 present CPUs plus 0 hotplug CPUs". */
		if (text_take(&text, " CPUs, ") && text_take_number(&text, &spare) && spare < count)
			count -= spare;
		log->cpus_present = (unsigned)count;
		return true;
	}
	if (text_take(&text, "smp: Brought up ") || text_take(&text, "SMP: Brought up ") ||
	    text_take(&text, "Brought up ")) {
		if (!text_take_number(&text, &nodes))
			return false;
		if (!text_take(&text, " nodes, ") && !text_take(&text, " node, "))
			return false;
		if (!text_take_number(&text, &count) || count == 0 || count > 65536)
			return false;
		log->cpus_online = (unsigned)count;
		return true;
	}
	if (text_take(&text, "SMP: Total of ") && text_take_number(&text, &count) && count && count <= 65536) {
		log->cpus_online = (unsigned)count;
		return true;
	}
	return false;
}

static bool hint_line(struct input_log_facts *log, struct text_slice text)
{
	uint64_t address;

	if (text_starts(text, "memblock_reserve: [") || text_starts(text, "memblock_add: [")) {
		log->memblock_trace = true;
		return true;
	}
	if (text_take(&text, "ACPI: RSDP 0x") && text_take_hex(&text, &address)) {
		log->rsdp = address;
		return true;
	}
	if (log->arch < 0 && (text_starts(text, "Booting Linux on physical CPU 0x") || text_starts(text, "GICv")))
		log->arch = QUIRE_ARCH_ARM64;
	else if (log->arch < 0 && (text_starts(text, "riscv: ") || text_starts(text, "SBI ")))
		log->arch = QUIRE_ARCH_RISCV64;
	else
		return false;
	return true;
}

static void start_boot(struct input_log_facts *log)
{
	memset(log, 0, sizeof(*log));
	log->arch = -1;
	log->e820.headless = true;
}

static bool has_map(const struct input_log_facts *log)
{
	return log->e820.count || log->efi.count || log->nodes.count;
}

/* A message that begins in the middle of a line, behind what another CPU or a user-space program was writing. */
static struct text_slice find_interleaved(struct text_slice text)
{
	static const char *const marks[] = { "BIOS-e820: [mem ", "ACPI: SRAT: Node ", "SRAT: PXM " };
	struct text_slice found = text;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		struct text_slice rest = text;

		if (!text_take_through(&rest, marks[i]))
			continue;
		size_t length = strlen(marks[i]);

		found.at = rest.at - length;
		found.length = rest.length + length;
		return found;
	}
	return text;
}

static bool offer_line(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	return input_log_map_line(in, log, path, line, text) || input_log_efi_line(in, log, path, line, text) ||
	       input_log_numa_line(in, log, path, line, text) || input_log_reserved_line(in, log, path, line, text) ||
	       command_line_line(in, log, path, line, text) || max_pfn_line(log, text) || cpu_count_line(log, text) ||
	       hint_line(log, text);
}

static void read_line(struct input *in, struct input_log_facts *log, const char *path, size_t line, struct text_slice text)
{
	if (offer_line(in, log, path, line, text)) {
		log->lines_used++;
		return;
	}
	struct text_slice inner = find_interleaved(text);

	if (inner.at != text.at && offer_line(in, log, path, line, inner)) {
		input_note(in, QUIRE_LOG_WARNING, path, line, "two messages on one line; read the second: \"%.*s\"",
			   TEXT_PRINTF(inner));
		log->lines_used++;
	}
}

/* Hand the boot that was chosen to the facts. */
static enum quire_status keep_log(struct input *in, struct input_log_facts *log, const char *path)
{
	struct input_facts *facts = in->facts;
	enum quire_status status = QUIRE_OK;

	if (facts->log_path) {
		input_note(in, QUIRE_LOG_WARNING, path, 0, "a second kernel log after %s; only its memory map is added",
			   facts->log_path);
	} else {
		facts->log_path = strdup(path);
	}
	struct { enum input_map_source source; struct input_ranges *ranges; } maps[] = {
		{ INPUT_MAP_LOG, &log->e820 }, { INPUT_MAP_EFI, &log->efi }, { INPUT_MAP_NODES, &log->nodes },
	};
	for (size_t i = 0; i < 3 && status == QUIRE_OK; i++) {
		if (!maps[i].ranges->count)
			continue;
		maps[i].ranges->source = strdup(path);
		status = input_take_map(in, maps[i].source, maps[i].ranges);
	}
	if (facts->log.lines_used == 0) {
		input_log_facts_free(&facts->log);
		facts->log = *log;
	} else {
		input_log_facts_free(log);
	}
	return status;
}

enum quire_status input_read_dmesg(struct input *in, const struct textfile *file)
{
	struct input_log_facts log, kept;
	size_t boots = 0;

	start_boot(&log);
	start_boot(&kept);
	for (size_t i = 0; i < file->line_count; i++) {
		struct text_slice text = textfile_message(file, i);

		if (!text.length)
			continue;
		if (text_starts(text, "Linux version ")) {
			if (has_map(&log)) {
				input_log_facts_free(&kept);
				kept = log;
				boots++;
			} else {
				input_log_facts_free(&log);
			}
			start_boot(&log);
			version_line(&log, text);
			log.lines_used++;
			continue;
		}
		read_line(in, &log, file->path, i + 1, text);
	}
	if (!has_map(&log) && has_map(&kept)) {
		input_log_facts_free(&log);
		log = kept;
		boots--;
	} else {
		input_log_facts_free(&kept);
	}
	if (boots)
		input_note(in, QUIRE_LOG_INFO, file->path, 0, "holds %zu boots; the last complete one is taken", boots + 1);
	if (log.lines_used == 0) {
		input_log_facts_free(&log);
		return QUIRE_EFORMAT;
	}
	return keep_log(in, &log, file->path);
}
