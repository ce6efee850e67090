/*
 * Directories: a capture (a log and what /proc, /sys and the firmware said beside it), the ACPI tables of sysfs or of a
 * dump, or /sys/firmware/memmap. Which one it is shows in the names of the files; what each file is, in its content.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "facts.h"

struct member {
	const char *name;
	enum quire_status (*read)(struct input *in, const struct textfile *file);	/* NULL: a binary table */
	enum input_blob_kind kind;
};

static const struct member members[] = {
	{ "dmesg.txt", input_read_dmesg, INPUT_BLOB_NONE },
	{ "firmware_memmap.txt", input_read_memmap_text, INPUT_BLOB_NONE },
	{ "iomem.txt", input_read_iomem, INPUT_BLOB_NONE },
	{ "cmdline_kernel.txt", input_read_command_line, INPUT_BLOB_NONE },
	{ "version.txt", input_read_version, INPUT_BLOB_NONE },
	{ "cpuinfo.txt", input_read_cpuinfo, INPUT_BLOB_NONE },
	{ "sysctl.txt", input_read_sysctl_text, INPUT_BLOB_NONE },
	{ "node.txt", input_read_node_text, INPUT_BLOB_NONE },
	{ "boot_params.bin", NULL, INPUT_BLOB_BOOT_PARAMS },
	{ "fdt.dtb", NULL, INPUT_BLOB_FDT },
	{ "srat.bin", NULL, INPUT_BLOB_SRAT },
	{ "slit.bin", NULL, INPUT_BLOB_SLIT },
	{ "apic.bin", NULL, INPUT_BLOB_MADT },
	{ "SRAT", NULL, INPUT_BLOB_SRAT },
	{ "SLIT", NULL, INPUT_BLOB_SLIT },
	{ "APIC", NULL, INPUT_BLOB_MADT },
	{ "srat.dat", NULL, INPUT_BLOB_SRAT },
	{ "slit.dat", NULL, INPUT_BLOB_SLIT },
	{ "apic.dat", NULL, INPUT_BLOB_MADT },
};

static enum quire_status take_table(struct input *in, const struct member *member, const struct textfile *file)
{
	enum input_blob_kind kind = input_sniff_binary(file->data, file->size, &in->facts->efi_desc_size);

	/* boot_params as an EFI stub fills it lacks the signature; its reader judges the rest. */
	if (kind == member->kind || (member->kind == INPUT_BLOB_BOOT_PARAMS && file->size >= 4096))
		return input_add_blob(in, member->kind, file->path, file->data, file->size);
	input_note(in, QUIRE_LOG_ERROR, file->path, 0, "not the table its name says (%zu bytes); not used", file->size);
	return QUIRE_OK;
}

/*
 * Read one member. A file that is missing or empty says nothing; one that makes no sense is noted, and the others still
 * count.
 */
static enum quire_status read_member(struct input *in, const char *directory, const struct member *member, size_t *found)
{
	struct textfile file;
	enum quire_status status;
	char path[4096];
	size_t trim = strlen(directory);
	int length;

	while (trim > 1 && directory[trim - 1] == '/')
		trim--;
	length = snprintf(path, sizeof(path), "%.*s/%s", (int)(trim < sizeof(path) ? trim : sizeof(path)), directory,
			  member->name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return QUIRE_ERANGE;
	status = textfile_read(&file, path, 0);
	if (status == QUIRE_ENOENT)
		return QUIRE_OK;
	if (status != QUIRE_OK) {
		input_note(in, QUIRE_LOG_WARNING, path, 0, "cannot be read (%s); left out",
			   status == QUIRE_EPLATFORM ? strerror(errno) : quire_status_string(status));
		return status == QUIRE_ENOMEM ? status : QUIRE_OK;
	}
	++*found;
	if (file.size) {
		if (member->read && member->read != input_read_dmesg && textfile_drop_messages(&file))
			input_note(in, QUIRE_LOG_INFO, path, 0, "kernel messages were written into it; taken out");
		status = member->read ? member->read(in, &file) : take_table(in, member, &file);
		if (status == QUIRE_EFORMAT) {
			input_note(in, QUIRE_LOG_WARNING, path, 0, "nothing in it could be used");
			status = QUIRE_OK;
		}
		input_add_file(in, path);
	}
	textfile_free(&file);
	return status;
}

static bool is_memmap_dir(const char *path)
{
	char start[4096];
	struct stat st;
	int length = snprintf(start, sizeof(start), "%s/0/start", path);

	return length > 0 && (size_t)length < sizeof(start) && stat(start, &st) == 0;
}

enum quire_status input_open_directory(struct input *in, const char *path)
{
	enum quire_status status = QUIRE_OK;
	size_t found = 0;

	if (is_memmap_dir(path)) {
		input_add_file(in, path);
		status = input_read_memmap_dir(in, path);
		if (status == QUIRE_EFORMAT)
			input_note(in, QUIRE_LOG_ERROR, path, 0, "no readable memory-map entry in it");
		return status;
	}
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && status == QUIRE_OK; i++)
		status = read_member(in, path, &members[i], &found);
	if (status == QUIRE_OK && !found) {
		input_note(in, QUIRE_LOG_ERROR, path, 0,
			   "no capture: holds neither dmesg.txt nor firmware_memmap.txt, iomem.txt, fdt.dtb, srat.bin …");
		return QUIRE_EFORMAT;
	}
	return status;
}
