/*
 * A kernel started by EFI firmware. kernel.efi is an EFI application with the kernel's image inside: it puts the image where
 * it can run, gathers what firmware says in a struct efi_handover, ends the boot services, and jumps.
 *
 * All of it but the first and the last instruction (image.S) is C that runs where firmware has put it and knows addresses
 * only relative to itself. It keeps nothing in variables of its own, and everything it asks firmware for it asks through the
 * system table: the tests stand in for firmware.
 */
#ifndef EFI_LOADER_H
#define EFI_LOADER_H

#include "efi.h"
#include "handover.h"

/*
 * At the beginning of the kernel's image, or behind what other loaders want to see there (EFI_HEAD_AT). Addresses are
 * physical, those that it was linked for.
 */
struct efi_head {
	char magic[8];			/* EFI_HEAD_MAGIC */
	uint64_t start, end;		/* of the memory it needs; what is not in the file it zeroes itself */
	uint64_t entry;			/* what is jumped to, with the address of the hand-over */
	uint64_t step;			/* it may lie higher by a multiple of this many bytes; 0: it may not */
	uint64_t limit;			/* it ends at or below this, and so does the hand-over */
};
#define EFI_HEAD_MAGIC "QUIREKRN"
#ifdef __aarch64__
#define EFI_HEAD_AT 64u
#else
#define EFI_HEAD_AT 0u
#endif

/* What there is to start: the kernel's image, as in its file. */
struct efi_kernel {
	const void *file;
	uint64_t bytes;
};

/* Where to go. */
struct efi_start {
	uint64_t entry;
	struct efi_handover *handover;
};

/*
 * The whole road. EFI_SUCCESS: boot services have ended, or firmware would not end them, and the kernel is left to say so
 * (handover->released): nobody but the kernel may go on. Anything else: a sentence was said, everything is given back, and
 * firmware may be returned to with this status.
 */
efi_status efi_prepare(void *image, struct efi_system *system, const struct efi_kernel *kernel, struct efi_start *start);

/* --- words.c: text ---------------------------------------------------------------------------------------------------- */

/* A line on firmware's console, ASCII. */
void efi_say(const struct efi_system *system, const char *text);

/*
 * The command line, NUL-terminated: the load options; if there are none, the file cmdline.txt in the root directory of the
 * volume the loader came from; else nothing. What is longer is cut; characters that are no text become blanks. Options that
 * are no text at all are told and passed over.
 */
void efi_command_line(void *image, const struct efi_system *system, char text[EFI_COMMAND_LINE]);

/* --- image.S, main.c -------------------------------------------------------------------------------------------------- */

/* The kernel's file inside ours: where that is can be told without a table of addresses. */
extern const char efi_kernel_file[] __attribute__((visibility("hidden")));
extern const char efi_kernel_file_end[] __attribute__((visibility("hidden")));

/* From image.S. */
efi_status efi_main(void *image, struct efi_system *system, struct efi_start *start);

/* --- of the architecture ---------------------------------------------------------------------------------------------- */

/* The machine's own last word when there is no kernel to say it: exit code `code` (METAL_EXIT_*), if somebody listens. */
void efi_exit_code(unsigned code);

/* [at, at + bytes) is in memory as we see it, for a kernel that begins with caches off; instructions, too. */
void efi_write_back(uint64_t at, uint64_t bytes);

#endif
