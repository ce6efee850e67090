/* What a request's flags mean: zones, mobility, how far into the reserves. */
#include <quire/page_alloc.h>
#include <quire/topology.h>

#include "base/base.h"

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
