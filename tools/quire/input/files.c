/*
 * One file that is not a directory: binary tables by their signature, texts by the lines they have.
 */
#include <errno.h>
#include <string.h>

#include "facts.h"

/* Complain about a file that cannot be read, in a way that says what to do. */
static enum quire_status unreadable(struct input *in, const char *path, enum quire_status status)
{
	const char *why = status == QUIRE_ENOENT ? "no such file" : status == QUIRE_ERANGE ? "larger than 64 MiB" :
			  status == QUIRE_ENOMEM ? "out of memory" : strerror(errno);

	input_note(in, QUIRE_LOG_ERROR, path, 0, "cannot be read: %s", why);
	return status;
}

/* "00001000-0009fbff : System RAM" in the first lines */
static bool looks_like_iomem(const struct textfile *file)
{
	for (size_t i = 0; i < file->line_count && i < 8; i++) {
		struct text_slice line = textfile_line(file, i);
		uint64_t first, last;

		if (text_take_hex(&line, &first) && text_take(&line, "-") && text_take_hex(&line, &last) &&
		    text_starts(line, " : "))
			return true;
	}
	return false;
}

/* "0 0x0 0x9fbff System RAM" on the first line */
static bool looks_like_memmap(const struct textfile *file)
{
	struct text_slice line = textfile_line(file, 0);
	uint64_t number;

	return text_take_number(&line, &number) && text_starts(line, " 0x") && text_take_number(&line, &number) &&
	       text_starts(line, " 0x");
}

static enum quire_status read_text(struct input *in, const struct textfile *file)
{
	if (looks_like_iomem(file))
		return input_read_iomem(in, file);
	if (looks_like_memmap(file))
		return input_read_memmap_text(in, file);
	return input_read_dmesg(in, file);
}

static const char *why_not(const struct textfile *file)
{
	const unsigned char *p = (const unsigned char *)file->data;

	if (file->size == 0)
		return "is empty";
	if (file->size >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		return "is compressed (gzip): unpack it first";
	if (file->size >= 6 && memcmp(p, "\xfd" "7zXZ", 5) == 0)
		return "is compressed (xz): unpack it first";
	if (file->size >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
		return "is compressed (zstd): unpack it first";
	if (memchr(p, '\0', file->size))
		return "is binary, of no known kind (known: device tree, SRAT, SLIT, MADT, boot_params, e820, EFI map)";
	return "says nothing about a machine's memory (known: kernel log, /proc/iomem, firmware memory map)";
}

enum quire_status input_open_file(struct input *in, const char *path)
{
	struct textfile file;
	enum quire_status status = textfile_read(&file, path, 0);
	enum input_blob_kind kind;

	if (status != QUIRE_OK)
		return unreadable(in, path, status);
	kind = input_sniff_binary(file.data, file.size, &in->facts->efi_desc_size);
	if (kind != INPUT_BLOB_NONE)
		status = input_add_blob(in, kind, path, file.data, file.size);
	else
		status = read_text(in, &file);
	if (status == QUIRE_EFORMAT)
		input_note(in, QUIRE_LOG_ERROR, path, 0, "%s (%zu bytes, %zu lines)", why_not(&file), file.size,
			   file.line_count);
	else if (status == QUIRE_OK)
		input_add_file(in, path);
	if (strcmp(path, "-") == 0)
		input_keep_text(in, &file);
	textfile_free(&file);
	return status;
}
