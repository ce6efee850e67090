/* What a request's flags mean: zones, mobility, how far into the reserves. */
#include <quire/explain.h>
#include <quire/page_alloc.h>
#include <quire/topology.h>

#include "page_alloc/page_alloc.h"

/* The zone itself, or what stands in for it where there is none of that type. */
static enum quire_zone_type existing_zone(uint32_t zone_mask, enum quire_zone_type type)
{
	if (zone_mask >> type & 1)
		return type;
	return type == QUIRE_ZONE_DMA32 && !(zone_mask >> QUIRE_ZONE_NORMAL & 1) ? QUIRE_ZONE_DMA : QUIRE_ZONE_NORMAL;
}

enum quire_status quire_gfp_zone(uint32_t zone_mask, quire_gfp_t gfp, enum quire_zone_type *highest)
{
	quire_gfp_t low = gfp & (QUIRE_GFP_DMA | QUIRE_GFP_HIGHMEM | QUIRE_GFP_DMA32);

	if (low & (low - 1))
		return QUIRE_EINVAL;
	if (low == QUIRE_GFP_DMA)
		*highest = existing_zone(zone_mask, QUIRE_ZONE_DMA);
	else if (low == QUIRE_GFP_DMA32)
		*highest = existing_zone(zone_mask, QUIRE_ZONE_DMA32);
	else if (low == QUIRE_GFP_HIGHMEM && (gfp & QUIRE_GFP_MOVABLE))
		*highest = QUIRE_ZONE_MOVABLE;
	else if (low == QUIRE_GFP_HIGHMEM)
		*highest = existing_zone(zone_mask, QUIRE_ZONE_HIGHMEM);
	else
		*highest = QUIRE_ZONE_NORMAL;
	return QUIRE_OK;
}

enum quire_status quire_gfp_migratetype(quire_gfp_t gfp, enum quire_migratetype *type)
{
	if ((gfp & QUIRE_GFP_MOVABLE) && (gfp & QUIRE_GFP_RECLAIMABLE))
		return QUIRE_EINVAL;
	*type = (enum quire_migratetype)((gfp & (QUIRE_GFP_MOVABLE | QUIRE_GFP_RECLAIMABLE)) >> 3);
	return QUIRE_OK;
}

static const struct { quire_gfp_t bits; const char *name; } gfp_names[] = {
	{ QUIRE_GFP_KERNEL, "KERNEL" }, { QUIRE_GFP_DMA, "DMA" }, { QUIRE_GFP_DMA32, "DMA32" },
	{ QUIRE_GFP_HIGHMEM, "HIGHMEM" }, { QUIRE_GFP_MOVABLE, "MOVABLE" }, { QUIRE_GFP_RECLAIMABLE, "RECLAIMABLE" },
	{ QUIRE_GFP_HIGH, "HIGH" }, { QUIRE_GFP_MEMALLOC, "MEMALLOC" }, { QUIRE_GFP_NOMEMALLOC, "NOMEMALLOC" },
	{ QUIRE_GFP_IO, "IO" }, { QUIRE_GFP_FS, "FS" }, { QUIRE_GFP_DIRECT_RECLAIM, "DIRECT_RECLAIM" },
	{ QUIRE_GFP_KSWAPD_RECLAIM, "KSWAPD_RECLAIM" }, { QUIRE_GFP_THISNODE, "THISNODE" },
};

const char *quire_gfp_names(quire_gfp_t gfp, char *text, size_t size)
{
	size_t at = 0;

	qi_snprintf(text, size, gfp ? "" : "0");
	for (unsigned i = 0; i < QI_ARRAY_SIZE(gfp_names) && at < size; i++) {
		if ((gfp & gfp_names[i].bits) != gfp_names[i].bits)
			continue;
		gfp &= ~gfp_names[i].bits;
		at += (size_t)qi_snprintf(text + at, size - at, "%s%s", at ? "|" : "", gfp_names[i].name);
	}
	if (gfp && at < size)
		qi_snprintf(text + at, size - at, "%s%#x", at ? "|" : "", gfp);
	return text;
}
