/* GFP flags by name, as kernels print them since 4.6: groups first ("GFP_KERNEL"), single flags ("__GFP_ZERO") after. */
#include <quire/page_alloc.h>

#include "replay/trace.h"

/* Bits of the field that the request flags here have no name for. */
#define FIELD_ZERO		0x100u
#define FIELD_WRITE		0x1000u
#define FIELD_NOWARN		0x2000u
#define FIELD_RETRY_MAYFAIL	0x4000u
#define FIELD_NOFAIL		0x8000u
#define FIELD_NORETRY		0x10000u
#define FIELD_COMP		0x40000u
#define FIELD_HARDWALL		0x100000u
#define FIELD_ACCOUNT		0x400000u

#define USER (QUIRE_GFP_KERNEL | FIELD_HARDWALL)
#define HIGHUSER (USER | QUIRE_GFP_HIGHMEM)
#define HIGHUSER_MOVABLE (HIGHUSER | QUIRE_GFP_MOVABLE)
#define TRANSHUGE_LIGHT \
	((HIGHUSER_MOVABLE | FIELD_COMP | QUIRE_GFP_NOMEMALLOC | FIELD_NOWARN) & ~QUIRE_GFP_RECLAIM)

static const struct gfp_name {
	const char *name;
	uint32_t bits;
} gfp_names[] = {
	{ "GFP_TRANSHUGE", TRANSHUGE_LIGHT | QUIRE_GFP_DIRECT_RECLAIM },
	{ "GFP_TRANSHUGE_LIGHT", TRANSHUGE_LIGHT },
	{ "GFP_HIGHUSER_MOVABLE", HIGHUSER_MOVABLE },
	{ "GFP_HIGHUSER", HIGHUSER },
	{ "GFP_USER", USER },
	{ "GFP_KERNEL_ACCOUNT", QUIRE_GFP_KERNEL | FIELD_ACCOUNT },
	{ "GFP_KERNEL", QUIRE_GFP_KERNEL },
	{ "GFP_NOFS", QUIRE_GFP_RECLAIM | QUIRE_GFP_IO },
	{ "GFP_ATOMIC", QUIRE_GFP_ATOMIC },
	{ "GFP_NOIO", QUIRE_GFP_RECLAIM },
	{ "GFP_NOWAIT", QUIRE_GFP_NOWAIT },
	{ "GFP_DMA", QUIRE_GFP_DMA },
	{ "GFP_DMA32", QUIRE_GFP_DMA32 },
	{ "__GFP_DMA", QUIRE_GFP_DMA },
	{ "__GFP_DMA32", QUIRE_GFP_DMA32 },
	{ "__GFP_HIGHMEM", QUIRE_GFP_HIGHMEM },
	{ "__GFP_MOVABLE", QUIRE_GFP_MOVABLE },
	{ "__GFP_RECLAIMABLE", QUIRE_GFP_RECLAIMABLE },
	{ "__GFP_HIGH", QUIRE_GFP_HIGH },
	{ "__GFP_IO", QUIRE_GFP_IO },
	{ "__GFP_FS", QUIRE_GFP_FS },
	{ "__GFP_ZERO", FIELD_ZERO },
	{ "__GFP_DIRECT_RECLAIM", QUIRE_GFP_DIRECT_RECLAIM },
	{ "__GFP_KSWAPD_RECLAIM", QUIRE_GFP_KSWAPD_RECLAIM },
	{ "__GFP_RECLAIM", QUIRE_GFP_RECLAIM },
	{ "__GFP_WRITE", FIELD_WRITE },
	{ "__GFP_NOWARN", FIELD_NOWARN },
	{ "__GFP_RETRY_MAYFAIL", FIELD_RETRY_MAYFAIL },
	{ "__GFP_NOFAIL", FIELD_NOFAIL },
	{ "__GFP_NORETRY", FIELD_NORETRY },
	{ "__GFP_MEMALLOC", QUIRE_GFP_MEMALLOC },
	{ "__GFP_COMP", FIELD_COMP },
	{ "__GFP_NOMEMALLOC", QUIRE_GFP_NOMEMALLOC },
	{ "__GFP_HARDWALL", FIELD_HARDWALL },
	{ "__GFP_THISNODE", QUIRE_GFP_THISNODE },
	{ "__GFP_ACCOUNT", FIELD_ACCOUNT },
	/* Without influence on the choice of a page, and with other bits in other kernels. */
	{ "__GFP_ATOMIC", 0 },
	{ "__GFP_ZEROTAGS", 0 },
	{ "__GFP_SKIP_ZERO", 0 },
	{ "__GFP_SKIP_KASAN", 0 },
	{ "__GFP_SKIP_KASAN_POISON", 0 },
	{ "__GFP_SKIP_KASAN_UNPOISON", 0 },
	{ "__GFP_NOLOCKDEP", 0 },
	{ "__GFP_NO_OBJ_EXT", 0 },
	{ "none", 0 },
};

static bool one_name(struct text_slice name, uint32_t *bits)
{
	uint64_t number;

	for (size_t i = 0; i < sizeof(gfp_names) / sizeof(gfp_names[0]); i++) {
		if (text_equals(name, gfp_names[i].name)) {
			*bits |= gfp_names[i].bits;
			return true;
		}
	}
	/* Bits a kernel has no name for are one hexadecimal number; they are not in the table's range. */
	return text_starts(name, "0x") && text_take_number(&name, &number) && !name.length;
}

uint32_t trace_gfp(struct text_slice names, unsigned *unknown)
{
	uint32_t bits = 0;

	while (names.length) {
		struct text_slice name = names;

		name.length = 0;
		while (name.length < names.length && names.at[name.length] != '|')
			name.length++;
		if (!one_name(name, &bits))
			++*unknown;
		names.at += name.length;
		names.length -= name.length;
		if (names.length) {
			names.at++;
			names.length--;
		}
	}
	return bits;
}
