/*
 * The part of libfdt that the device-tree reader uses, for builds that have no libfdt: kernels, cross builds.
 *
 * With this directory in front of the include path, firmware/fdt*.c compile unchanged and link with blob.c instead of
 * the library. The names are mapped to ones with our prefix, so that a program may hold both.
 *
 * As in libfdt, a blob must have passed fdt_check_full() before anything else may be asked of it. Nodes are offsets of
 * their begin token in the structure block; errors are negative numbers. Nothing is written, nothing recurses.
 */
#ifndef QI_BLOB_LIBFDT_H
#define QI_BLOB_LIBFDT_H

#include <stddef.h>
#include <stdint.h>

#define FDT_MAGIC 0xd00dfeedu

/* Why a blob is refused, or that there is nothing more. */
#define FDT_ERR_NOTFOUND	1
#define FDT_ERR_TRUNCATED	8
#define FDT_ERR_BADMAGIC	9
#define FDT_ERR_BADVERSION	10
#define FDT_ERR_BADSTRUCTURE	11

/* As it stands in memory, each field a big-endian word. Versions 16 and 17 are read. */
struct fdt_header {
	uint32_t magic;
	/* Bytes of the whole blob. */
	uint32_t totalsize;
	/* Where the three blocks are, in bytes from the start of the blob. */
	uint32_t off_dt_struct, off_dt_strings, off_mem_rsvmap;
	uint32_t version, last_comp_version;
	uint32_t boot_cpuid_phys;
	uint32_t size_dt_strings;
	/* Version 17 only; before, the structure block may reach to the end. */
	uint32_t size_dt_struct;
};

/* Fields of the header; at least a header's bytes must be there. */
uint32_t qi_blob_field(const void *blob, size_t offset);
#define fdt_magic(blob)			qi_blob_field(blob, offsetof(struct fdt_header, magic))
#define fdt_totalsize(blob)		qi_blob_field(blob, offsetof(struct fdt_header, totalsize))
#define fdt_off_dt_struct(blob)		qi_blob_field(blob, offsetof(struct fdt_header, off_dt_struct))
#define fdt_off_mem_rsvmap(blob)	qi_blob_field(blob, offsetof(struct fdt_header, off_mem_rsvmap))

/*
 * Judge a blob of at most `size` bytes: header, every token of the structure block, every name, the end of the list of
 * reservations. 0, or the negative error.
 */
int qi_blob_check(const void *blob, size_t size);
#define fdt_check_full qi_blob_check

/* A short sentence for an error. */
const char *qi_blob_error(int error);
#define fdt_strerror qi_blob_error

/* The node after `node` in the order of the blob; *depth follows. Negative when there is none. */
int qi_blob_next_node(const void *blob, int node, int *depth);
#define fdt_next_node qi_blob_next_node

/* A node's name, with its unit address. *length may be NULL. */
const char *qi_blob_name(const void *blob, int node, int *length);
#define fdt_get_name qi_blob_name

/* A property's value and length in bytes, or NULL and a negative error. */
const void *qi_blob_property(const void *blob, int node, const char *name, int *length);
#define fdt_getprop qi_blob_property

/* Entries of the list of reservations before the empty one that ends it; the n-th of them. */
int qi_blob_reservations(const void *blob);
int qi_blob_reservation(const void *blob, int n, uint64_t *base, uint64_t *size);
#define fdt_num_mem_rsv qi_blob_reservations
#define fdt_get_mem_rsv qi_blob_reservation

#endif
