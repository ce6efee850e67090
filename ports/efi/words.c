/* Text between firmware, which has UCS-2, and a kernel that has ASCII. */
#include "loader.h"

#include "base/base.h"

#define PIECE 64u

void efi_say(const struct efi_system *system, const char *text)
{
	efi_char piece[PIECE + 1];
	struct efi_text_output *output = system->output;

	if (!output)
		return;
	while (*text) {
		unsigned n = 0;

		while (*text && n < PIECE)
			piece[n++] = (efi_char)*text++;
		piece[n] = 0;
		output->output(output, piece);
	}
	memcpy(piece, u"\r\n", 3 * sizeof(efi_char));
	output->output(output, piece);
}

static bool is_blank(efi_char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_text(efi_char c)
{
	return is_blank(c) || (c > ' ' && c < 0x7f);
}

/* True: there were words. */
static bool from_options(const struct efi_system *system, const struct efi_loaded_image *loaded, char text[EFI_COMMAND_LINE])
{
	const uint8_t *options = loaded->options;
	bool words = false;
	size_t n = 0;

	for (size_t i = 0; options && i + 1 < loaded->options_bytes; i += 2) {
		efi_char c = (efi_char)(options[i] | options[i + 1] << 8);

		if (!c)
			break;
		if (!is_text(c)) {
			efi_say(system, "EFI: the load options are no text: ignored");
			text[0] = '\0';
			return false;
		}
		words |= !is_blank(c);
		if (n + 1 < EFI_COMMAND_LINE)
			text[n++] = is_blank(c) ? ' ' : (char)c;
	}
	text[n] = '\0';
	return words;
}

static void from_file(const struct efi_system *system, const struct efi_loaded_image *loaded, char text[EFI_COMMAND_LINE])
{
	static const struct efi_guid protocol = EFI_FILE_SYSTEM;
	efi_uint bytes = EFI_COMMAND_LINE - 1;
	struct efi_file_system *volume;
	struct efi_file *root, *file;
	void *interface;

	text[0] = '\0';
	if (!loaded->device || system->boot->handle_protocol(loaded->device, &protocol, &interface) != EFI_SUCCESS)
		return;
	volume = interface;
	if (volume->open_volume(volume, &root) != EFI_SUCCESS)
		return;
	if (root->open(root, &file, u"\\cmdline.txt", EFI_FILE_READ, 0) == EFI_SUCCESS) {
		if (file->read(file, &bytes, text) != EFI_SUCCESS || bytes > EFI_COMMAND_LINE - 1) {
			efi_say(system, "EFI: cmdline.txt cannot be read: ignored");
			bytes = 0;
		}
		for (efi_uint i = 0; i < bytes; i++)
			if (!is_text((uint8_t)text[i]) || is_blank((uint8_t)text[i]))
				text[i] = ' ';
		text[bytes] = '\0';
		file->close(file);
	}
	root->close(root);
}

void efi_command_line(void *image, const struct efi_system *system, char text[EFI_COMMAND_LINE])
{
	static const struct efi_guid protocol = EFI_LOADED_IMAGE;
	const struct efi_loaded_image *loaded;
	void *interface;

	text[0] = '\0';
	if (system->boot->handle_protocol(image, &protocol, &interface) != EFI_SUCCESS) {
		efi_say(system, "EFI: firmware does not say how we were started: no command line");
		return;
	}
	loaded = interface;
	if (!from_options(system, loaded, text))
		from_file(system, loaded, text);
}
