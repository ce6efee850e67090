/* Both tables in the field's format, so that a dump compares with a kernel log line by line. */
#include "memblock/internal.h"

struct emitter {
	void (*emit)(void *ctx, const char *line);
	void *ctx;
	int digits;		/* of an address */
};

static void dump_type(const struct emitter *out, const qi_type *type, const char *name)
{
	char line[160], node[32];

	qi_snprintf(line, sizeof(line), " %s.cnt  = 0x%zx", name, type->cnt);
	out->emit(out->ctx, line);
	for (size_t i = 0; i < type->cnt; i++) {
		const qi_region *region = &type->regions[i];

		node[0] = '\0';
		if (region->nid != QUIRE_NO_NODE)
			qi_snprintf(node, sizeof(node), " on node %d", region->nid);
		qi_snprintf(line, sizeof(line), " %s[0x%zx]\t[0x%0*llx-0x%0*llx], 0x%0*llx bytes%s flags: 0x%x", name, i,
			    out->digits,
			    (unsigned long long)region->base, out->digits, (unsigned long long)(qi_region_end(region) - 1),
			    out->digits, (unsigned long long)region->size, node, region->flags);
		out->emit(out->ctx, line);
	}
}

void quire_memblock_dump(const struct quire_memblock *mb, void (*emit)(void *ctx, const char *line), void *ctx)
{
	struct emitter out = { emit, ctx, mb->phys32 ? 8 : 16 };
	char line[96];

	emit(ctx, "MEMBLOCK configuration:");
	qi_snprintf(line, sizeof(line), " memory size = 0x%0*llx reserved size = 0x%0*llx", out.digits,
		    (unsigned long long)mb->memory.total_size, out.digits, (unsigned long long)mb->reserved.total_size);
	emit(ctx, line);
	dump_type(&out, &mb->memory, "memory");
	dump_type(&out, &mb->reserved, "reserved");
}
