/*
 * As much of UEFI's interface as the loader calls or looks at, by the UEFI specification 2.10. Names are the specification's
 * in our spelling; what we do not use keeps its place as a pointer or a number.
 */
#ifndef EFI_H
#define EFI_H

#include <stddef.h>
#include <stdint.h>

/* How firmware is called. */
#ifdef __x86_64__
#define EFI_CALL __attribute__((ms_abi))
#else
#define EFI_CALL
#endif

typedef uintptr_t efi_uint;		/* as wide as a pointer */
typedef efi_uint efi_status;
typedef uint16_t efi_char;		/* UCS-2 */

#define EFI_ERROR(n)		((efi_status)1 << (sizeof(efi_status) * 8 - 1) | (n))
#define EFI_SUCCESS		((efi_status)0)
#define EFI_LOAD_ERROR		EFI_ERROR(1)
#define EFI_INVALID_PARAMETER	EFI_ERROR(2)
#define EFI_BUFFER_TOO_SMALL	EFI_ERROR(5)
#define EFI_OUT_OF_RESOURCES	EFI_ERROR(9)
#define EFI_NOT_FOUND		EFI_ERROR(14)

struct efi_guid {
	uint32_t a;
	uint16_t b, c;
	uint8_t d[8];
};

#define EFI_ACPI20_TABLE	{ 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 } }
#define EFI_ACPI10_TABLE	{ 0xeb9d2d30, 0x2d88, 0x11d3, { 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } }
#define EFI_DEVICE_TREE		{ 0xb1b621d5, 0xf19c, 0x41a5, { 0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0 } }
#define EFI_LOADED_IMAGE	{ 0x5b1b31a1, 0x9562, 0x11d2, { 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } }
#define EFI_FILE_SYSTEM		{ 0x964e5b22, 0x6459, 0x11d2, { 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b } }

struct efi_header {
	uint64_t signature;
	uint32_t revision, bytes, checksum, reserved;
};

/* --- memory ----------------------------------------------------------------------------------------------------------- */

#define EFI_PAGE		4096u

enum efi_allocate { EFI_ANY_PAGES, EFI_BELOW, EFI_AT };

enum efi_memory_type { EFI_LOADER_CODE = 1, EFI_LOADER_DATA = 2, EFI_CONVENTIONAL = 7 };

/* Firmware's may be longer: steps are what get_memory_map() says. */
struct efi_descriptor {
	uint32_t type, reserved;
	uint64_t base, virtual_base, pages, attributes;
};

/* --- protocols -------------------------------------------------------------------------------------------------------- */

struct efi_text_output {
	void *reset;
	efi_status (EFI_CALL *output)(struct efi_text_output *self, const efi_char *text);
};

struct efi_loaded_image {
	uint32_t revision;
	void *parent, *system;
	void *device;
	void *path, *reserved;
	uint32_t options_bytes;
	void *options;			/* by custom UCS-2 text, by rights anything; not aligned */
};

#define EFI_FILE_READ		1u

struct efi_file {
	uint64_t revision;
	efi_status (EFI_CALL *open)(struct efi_file *self, struct efi_file **file, const efi_char *name, uint64_t mode,
				    uint64_t attributes);
	efi_status (EFI_CALL *close)(struct efi_file *self);
	void *remove;
	efi_status (EFI_CALL *read)(struct efi_file *self, efi_uint *bytes, void *to);
};

struct efi_file_system {
	uint64_t revision;
	efi_status (EFI_CALL *open_volume)(struct efi_file_system *self, struct efi_file **root);
};

/* --- tables ----------------------------------------------------------------------------------------------------------- */

struct efi_boot_services {
	struct efi_header header;
	void *raise_priority, *restore_priority;
	efi_status (EFI_CALL *allocate_pages)(enum efi_allocate how, uint32_t type, efi_uint pages, uint64_t *at);
	efi_status (EFI_CALL *free_pages)(uint64_t at, efi_uint pages);
	efi_status (EFI_CALL *get_memory_map)(efi_uint *bytes, void *map, efi_uint *key, efi_uint *descriptor_bytes,
					      uint32_t *version);
	void *allocate_pool, *free_pool;
	void *events[6];
	void *install_protocol, *reinstall_protocol, *uninstall_protocol;
	efi_status (EFI_CALL *handle_protocol)(void *handle, const struct efi_guid *protocol, void **interface);
	void *reserved, *notify, *locate_handle, *locate_path, *install_table;
	void *load_image, *start_image, *exit, *unload_image;
	efi_status (EFI_CALL *exit_boot_services)(void *image, efi_uint key);
};

struct efi_table {
	struct efi_guid guid;
	void *table;
};

struct efi_system {
	struct efi_header header;
	efi_char *vendor;
	uint32_t vendor_revision;
	void *input_handle, *input;
	void *output_handle;
	struct efi_text_output *output;
	void *error_handle;
	struct efi_text_output *error;
	void *runtime;
	struct efi_boot_services *boot;
	efi_uint table_count;
	struct efi_table *tables;
};

#endif
