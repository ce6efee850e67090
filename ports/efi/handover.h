/*
 * What the EFI loader leaves for the kernel, in the kernel's byte order. It lies in memory of the loader's, which is RAM
 * like any other in the map: the kernel reads everything here before it uses any memory but its image.
 */
#ifndef EFI_HANDOVER_H
#define EFI_HANDOVER_H

#include <stdint.h>

/* Bytes of a command line, its end included. */
#define EFI_COMMAND_LINE	4096u

#define EFI_HANDOVER_MAGIC	0x49464551u	/* "QEFI" */

struct efi_handover {
	uint32_t magic;
	/* Boot services have ended. 0: firmware would not let go; the machine cannot be used. */
	uint32_t released;
	/* Physical addresses; 0: firmware named none. */
	uint64_t rsdp, fdt;
	/* The memory map: its first byte, length, and length of one descriptor, all in bytes. */
	uint64_t map, map_bytes, descriptor_bytes;
	/* NUL-terminated, ASCII. Never 0. */
	uint64_t command_line;
};

#endif
