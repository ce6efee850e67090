/*
 * "live": the machine one sits at. Most of what is wanted needs root's rights; each source that cannot be read is said
 * once, and the machine is pieced together from the rest. Only files whose reading changes nothing are read:
 * /proc/sys/vm/lowmem_reserve_ratio is not, because reading it makes the kernel recompute its reserves.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include <quire/firmware.h>

#include "facts.h"

static void say_unreadable(struct input *in, const char *path, enum quire_status status, const char *loss)
{
	const char *why = status == QUIRE_ENOENT ? "does not exist here" : status == QUIRE_EPLATFORM ? strerror(errno) :
			  quire_status_string(status);

	input_note(in, QUIRE_LOG_INFO, path, 0, "not read (%s): %s", why, loss);
}

static void read_text(struct input *in, const char *path,
		      enum quire_status (*reader)(struct input *, const struct textfile *), const char *loss)
{
	struct textfile file;
	enum quire_status status = textfile_read(&file, path, 0);

	if (status == QUIRE_OK)
		status = file.size ? reader(in, &file) : QUIRE_ETRUNCATED;
	if (status == QUIRE_OK)
		input_add_file(in, path);
	else
		say_unreadable(in, path, status, loss);
	textfile_free(&file);
}

static void read_table(struct input *in, const char *path, enum input_blob_kind kind, const char *loss)
{
	struct textfile file;
	enum quire_status status = textfile_read(&file, path, 0);

	if (status == QUIRE_OK && input_sniff_binary(file.data, file.size, &in->facts->efi_desc_size) != kind)
		status = QUIRE_EFORMAT;
	if (status == QUIRE_OK)
		status = input_add_blob(in, kind, path, file.data, file.size);
	if (status == QUIRE_OK)
		input_add_file(in, path);
	else
		say_unreadable(in, path, status, loss);
	textfile_free(&file);
}

/* The kernel's own log buffer, without going through the dmesg command. 3 and 10 are "read all" and "size of the buffer". */
static bool read_kernel_log(struct input *in)
{
	const char *name = "kernel log";
	int size = klogctl(10, NULL, 0);
	struct textfile file = { 0 };
	enum quire_status status = QUIRE_EPLATFORM;
	char *buffer = size > 0 ? malloc((size_t)size) : NULL;
	int got = buffer ? klogctl(3, buffer, size) : -1;

	if (got >= 0)
		status = textfile_from_memory(&file, name, buffer, (size_t)got);
	if (status == QUIRE_OK)
		status = input_read_dmesg(in, &file);
	if (status == QUIRE_OK)
		input_add_file(in, name);
	else
		say_unreadable(in, name, status, "what it says about memory at boot is missing");
	input_keep_text(in, &file);
	textfile_free(&file);
	free(buffer);
	return status == QUIRE_OK;
}

/*
 * But min_free_kbytes, which is what the kernel computed, and the reserves' ratios: reading those makes a kernel compute its
 * reserves anew.
 */
static void read_sysctls(struct input *in)
{
	char text[1024];
	size_t used = 0;
	struct textfile file;

	for (const struct quire_sysctl *known = quire_sysctls; known->name; known++) {
		char path[128];

		if (strcmp(known->name, "min_free_kbytes") == 0 || strcmp(known->name, "lowmem_reserve_ratio") == 0)
			continue;
		snprintf(path, sizeof(path), "/proc/sys/vm/%s", known->name);
		if (textfile_read(&file, path, 4096) == QUIRE_OK && used + file.size + 64 < sizeof(text)) {
			struct text_slice value = textfile_line(&file, 0);

			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %.*s\n", known->name,
						 TEXT_PRINTF(value));
		}
		textfile_free(&file);
	}
	if (textfile_from_memory(&file, "/proc/sys/vm", text, used) == QUIRE_OK) {
		input_read_sysctl_text(in, &file);
		textfile_free(&file);
	}
}

static void take_arch(struct input *in)
{
	struct utsname name;
	enum quire_arch arch;

	if (uname(&name) != 0 || in->facts->guessed_arch >= 0)
		return;
	if (input_arch_by_name(name.machine, &arch))
		in->facts->guessed_arch = (int)arch;
}

enum quire_status input_open_live(struct input *in)
{
	enum quire_status status;

	read_kernel_log(in);
	status = input_read_memmap_dir(in, "/sys/firmware/memmap");
	if (status == QUIRE_OK)
		input_add_file(in, "/sys/firmware/memmap");
	else
		say_unreadable(in, "/sys/firmware/memmap", status, "the firmware's memory map comes from elsewhere");
	read_text(in, "/proc/iomem", input_read_iomem, "addresses in it need root's rights");
	read_table(in, "/sys/firmware/fdt", INPUT_BLOB_FDT, "no device tree");
	read_table(in, "/sys/firmware/acpi/tables/SRAT", INPUT_BLOB_SRAT, "no proximity records");
	read_table(in, "/sys/firmware/acpi/tables/SLIT", INPUT_BLOB_SLIT, "distances come from the nodes' own files");
	read_table(in, "/sys/firmware/acpi/tables/APIC", INPUT_BLOB_MADT, "CPUs come from elsewhere");
	read_text(in, "/proc/cmdline", input_read_command_line, "the command line is taken as empty");
	read_text(in, "/proc/version", input_read_version, "the kernel's version comes from elsewhere");
	read_text(in, "/proc/cpuinfo", input_read_cpuinfo, "CPUs come from elsewhere");
	status = input_read_node_dir(in, "/sys/devices/system/node");
	if (status == QUIRE_OK)
		input_add_file(in, "/sys/devices/system/node");
	else
		say_unreadable(in, "/sys/devices/system/node", status, "which CPU is on which node comes from elsewhere");
	read_sysctls(in);
	take_arch(in);
	return QUIRE_OK;
}
