/*
 * Flattened device trees without libfdt, after the Devicetree Specification's chapter on the format.
 *
 * One function, next_token, knows what a token looks like and never reads beyond the structure block; checking and asking
 * are loops around it. After a check asking cannot meet a broken token; the bounds are judged again all the same, because
 * that costs nothing that matters here.
 */
#include "libfdt.h"

#include "base/base.h"

#define TOKEN_BEGIN	1u
#define TOKEN_END	2u
#define TOKEN_PROPERTY	3u
#define TOKEN_NOP	4u
#define TOKEN_FINISH	9u

#define RESERVATION_BYTES 16u
#define HEADER_16_BYTES offsetof(struct fdt_header, size_dt_struct)

/* A token at `offset` of the structure block; `next` is the offset behind it. */
struct token {
	uint32_t kind;
	uint32_t next;
	const char *name;		/* of a node or property */
	const uint8_t *value;		/* of a property */
	uint32_t length;
};

static uint32_t word(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint32_t qi_blob_field(const void *blob, size_t offset)
{
	return word((const uint8_t *)blob + offset);
}

#define FIELD(blob, name) qi_blob_field(blob, offsetof(struct fdt_header, name))

/* Version 16 does not say how long the structure block is. */
static uint32_t struct_size(const void *blob)
{
	return FIELD(blob, version) >= 17 ? FIELD(blob, size_dt_struct) :
					    FIELD(blob, totalsize) - FIELD(blob, off_dt_struct);
}

/* The text at `offset` of a block, if its NUL is inside it; *length without the NUL. */
static const char *text_in(const uint8_t *block, uint32_t size, uint32_t offset, uint32_t *length)
{
	for (uint32_t i = offset; i < size; i++)
		if (!block[i]) {
			*length = i - offset;
			return (const char *)block + offset;
		}
	return NULL;
}

static bool property_token(const void *blob, uint32_t size, uint32_t offset, struct token *t)
{
	const uint8_t *block = (const uint8_t *)blob + FIELD(blob, off_dt_struct);
	uint32_t name, unused;

	if (size - offset < 12)
		return false;
	t->length = word(block + offset + 4);
	name = word(block + offset + 8);
	if (t->length > size - offset - 12)
		return false;
	t->value = block + offset + 12;
	t->next = (uint32_t)qi_align_up((uint64_t)offset + 12 + t->length, 4);
	t->name = text_in((const uint8_t *)blob + FIELD(blob, off_dt_strings), FIELD(blob, size_dt_strings), name, &unused);
	return t->name && t->next <= size;
}

/* False if there is no sound token at `offset`. */
static bool next_token(const void *blob, uint32_t offset, struct token *t)
{
	const uint8_t *block = (const uint8_t *)blob + FIELD(blob, off_dt_struct);
	uint32_t size = struct_size(blob), length;

	if (offset % 4 || offset > size || size - offset < 4)
		return false;
	t->kind = word(block + offset);
	t->next = offset + 4;
	switch (t->kind) {
	case TOKEN_BEGIN:
		t->name = text_in(block, size, offset + 4, &length);
		if (!t->name)
			return false;
		t->next = (uint32_t)qi_align_up((uint64_t)offset + 4 + length + 1, 4);
		return t->next <= size;
	case TOKEN_PROPERTY:
		return property_token(blob, size, offset, t);
	case TOKEN_END:
	case TOKEN_NOP:
	case TOKEN_FINISH:
		return true;
	default:
		return false;
	}
}

/* [offset, offset + size) lies between the header and the end. */
static bool block_inside(const void *blob, uint32_t header, uint32_t offset, uint32_t size)
{
	uint32_t total = FIELD(blob, totalsize);

	return offset >= header && offset <= total && size <= total - offset;
}

static int check_header(const void *blob, size_t size)
{
	uint32_t header;

	if (size < HEADER_16_BYTES)
		return -FDT_ERR_TRUNCATED;
	if (FIELD(blob, magic) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	if (FIELD(blob, version) < 16 || FIELD(blob, last_comp_version) > 17 ||
	    FIELD(blob, last_comp_version) > FIELD(blob, version))
		return -FDT_ERR_BADVERSION;
	header = FIELD(blob, version) >= 17 ? sizeof(struct fdt_header) : HEADER_16_BYTES;
	if (size < header || FIELD(blob, totalsize) < header || FIELD(blob, totalsize) > INT32_MAX ||
	    FIELD(blob, totalsize) > size)
		return -FDT_ERR_TRUNCATED;
	if (!block_inside(blob, header, FIELD(blob, off_mem_rsvmap), 0) ||
	    !block_inside(blob, header, FIELD(blob, off_dt_strings), FIELD(blob, size_dt_strings)) ||
	    !block_inside(blob, header, FIELD(blob, off_dt_struct), 0) ||
	    !block_inside(blob, header, FIELD(blob, off_dt_struct), struct_size(blob)))
		return -FDT_ERR_TRUNCATED;
	return 0;
}

/* Nodes nest, one root without a name holds them all, and properties stand in nodes. */
static int check_structure(const void *blob)
{
	uint32_t offset = 0, depth = 0;
	bool rooted = false;
	struct token t;

	while (next_token(blob, offset, &t)) {
		offset = t.next;
		if (t.kind == TOKEN_FINISH)
			return rooted && !depth ? 0 : -FDT_ERR_BADSTRUCTURE;
		if (t.kind == TOKEN_NOP)
			continue;
		if (t.kind == TOKEN_BEGIN ? !depth && (rooted || t.name[0]) : !depth)
			return -FDT_ERR_BADSTRUCTURE;
		rooted = true;
		if (t.kind == TOKEN_BEGIN)
			depth++;
		else if (t.kind == TOKEN_END)
			depth--;
	}
	return -FDT_ERR_BADSTRUCTURE;
}

int qi_blob_check(const void *blob, size_t size)
{
	int error = check_header(blob, size);

	if (!error && qi_blob_reservations(blob) < 0)
		error = -FDT_ERR_TRUNCATED;
	return error ? error : check_structure(blob);
}

const char *qi_blob_error(int error)
{
	switch (-error) {
	case 0:				return "no error";
	case FDT_ERR_NOTFOUND:		return "it is not there";
	case FDT_ERR_TRUNCATED:		return "it ends too early";
	case FDT_ERR_BADMAGIC:		return "it does not begin like one";
	case FDT_ERR_BADVERSION:	return "its version is not understood";
	case FDT_ERR_BADSTRUCTURE:	return "its nodes and properties are out of order";
	default:			return "unknown error";
	}
}

int qi_blob_next_node(const void *blob, int node, int *depth)
{
	struct token t;

	/* Behind the node's own begin token. */
	if (!next_token(blob, (uint32_t)node, &t))
		return -FDT_ERR_BADSTRUCTURE;
	for (uint32_t offset = t.next; next_token(blob, offset, &t); offset = t.next) {
		if (t.kind == TOKEN_FINISH)
			return -FDT_ERR_NOTFOUND;
		if (t.kind == TOKEN_BEGIN) {
			++*depth;
			return (int)offset;
		}
		if (t.kind == TOKEN_END && --*depth < 0)
			return -FDT_ERR_NOTFOUND;
	}
	return -FDT_ERR_BADSTRUCTURE;
}

const char *qi_blob_name(const void *blob, int node, int *length)
{
	struct token t;

	if (!next_token(blob, (uint32_t)node, &t) || t.kind != TOKEN_BEGIN)
		return NULL;
	if (length) {
		*length = 0;
		while (t.name[*length])
			++*length;
	}
	return t.name;
}

static bool same(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

const void *qi_blob_property(const void *blob, int node, const char *name, int *length)
{
	struct token t;

	if (!next_token(blob, (uint32_t)node, &t) || t.kind != TOKEN_BEGIN) {
		*length = -FDT_ERR_BADSTRUCTURE;
		return NULL;
	}
	/* A node's properties stand before its children. */
	while (next_token(blob, t.next, &t) && (t.kind == TOKEN_PROPERTY || t.kind == TOKEN_NOP))
		if (t.kind == TOKEN_PROPERTY && same(t.name, name)) {
			*length = (int)t.length;
			return t.value;
		}
	*length = -FDT_ERR_NOTFOUND;
	return NULL;
}

int qi_blob_reservation(const void *blob, int n, uint64_t *base, uint64_t *size)
{
	uint64_t offset = FIELD(blob, off_mem_rsvmap) + (uint64_t)n * RESERVATION_BYTES;
	const uint8_t *entry = (const uint8_t *)blob + offset;

	if (offset + RESERVATION_BYTES > FIELD(blob, totalsize))
		return -FDT_ERR_TRUNCATED;
	*base = (uint64_t)word(entry) << 32 | word(entry + 4);
	*size = (uint64_t)word(entry + 8) << 32 | word(entry + 12);
	return 0;
}

int qi_blob_reservations(const void *blob)
{
	uint64_t base, size;

	for (int n = 0;; n++) {
		int error = qi_blob_reservation(blob, n, &base, &size);

		if (error)
			return error;
		if (!size)
			return n;
	}
}
