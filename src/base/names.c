/* Names of statuses, architectures, zones, migratetypes and results, as logs and reports print them. */
#include <quire/compaction.h>

#include "base/base.h"

static const char *const status_text[QUIRE_STATUSES] = {
	[QUIRE_OK] = "success",
	[QUIRE_ENOMEM] = "no memory satisfies the request",
	[QUIRE_EINVAL] = "invalid argument",
	[QUIRE_ERANGE] = "beyond what the geometry can describe",
	[QUIRE_ENOSPC] = "table full",
	[QUIRE_EEXIST] = "already there",
	[QUIRE_ENOENT] = "not there",
	[QUIRE_EBUSY] = "in use",
	[QUIRE_EFORMAT] = "malformed data",
	[QUIRE_ETRUNCATED] = "data ends too early",
	[QUIRE_ECHECKSUM] = "checksum wrong",
	[QUIRE_ECONFLICT] = "contradictory input",
	[QUIRE_EUNSUPPORTED] = "not supported here",
	[QUIRE_EPLATFORM] = "the platform failed",
	[QUIRE_EPERM] = "refused",
	[QUIRE_EINTR] = "stopped at the caller's wish",
	[QUIRE_ECORRUPT] = "broken invariant",
};

static const char *const arch_text[QUIRE_ARCHES] = {
	[QUIRE_ARCH_X86_64] = "x86_64",	  [QUIRE_ARCH_I386] = "i386",	    [QUIRE_ARCH_I386_PAE] = "i386-pae",
	[QUIRE_ARCH_ARM64] = "arm64",	  [QUIRE_ARCH_RISCV64] = "riscv64",
};

static const char *const zone_text[QUIRE_ZONE_TYPES] = {
	[QUIRE_ZONE_DMA] = "DMA",	    [QUIRE_ZONE_DMA32] = "DMA32",     [QUIRE_ZONE_NORMAL] = "Normal",
	[QUIRE_ZONE_HIGHMEM] = "HighMem",  [QUIRE_ZONE_MOVABLE] = "Movable", [QUIRE_ZONE_DEVICE] = "Device",
};

static const char *const migratetype_text[QUIRE_MIGRATE_TYPES] = {
	[QUIRE_MIGRATE_UNMOVABLE] = "Unmovable",   [QUIRE_MIGRATE_MOVABLE] = "Movable",
	[QUIRE_MIGRATE_RECLAIMABLE] = "Reclaimable", [QUIRE_MIGRATE_HIGHATOMIC] = "HighAtomic",
	[QUIRE_MIGRATE_CMA] = "CMA",		   [QUIRE_MIGRATE_ISOLATE] = "Isolate",
};

static const char *const compact_text[QUIRE_COMPACT_RESULTS] = {
	[QUIRE_COMPACT_SKIPPED] = "skipped",		[QUIRE_COMPACT_DEFERRED] = "deferred",
	[QUIRE_COMPACT_NO_SUITABLE] = "no_suitable_page", [QUIRE_COMPACT_COMPLETE] = "complete",
	[QUIRE_COMPACT_PARTIAL] = "partial_skipped",	[QUIRE_COMPACT_CONTENDED] = "contended",
	[QUIRE_COMPACT_SUCCESS] = "success",
};

static const char *name_of(const char *const *names, size_t count, size_t index)
{
	return index < count && names[index] ? names[index] : "?";
}

const char *quire_status_string(enum quire_status status)
{
	return name_of(status_text, QI_ARRAY_SIZE(status_text), (size_t)status);
}

const char *quire_arch_name(enum quire_arch arch)
{
	return name_of(arch_text, QI_ARRAY_SIZE(arch_text), (size_t)arch);
}

const char *quire_zone_name(enum quire_zone_type type)
{
	return name_of(zone_text, QI_ARRAY_SIZE(zone_text), (size_t)type);
}

const char *quire_migratetype_name(enum quire_migratetype type)
{
	return name_of(migratetype_text, QI_ARRAY_SIZE(migratetype_text), (size_t)type);
}

const char *quire_compact_result_name(enum quire_compact_result result)
{
	return name_of(compact_text, QI_ARRAY_SIZE(compact_text), (size_t)result);
}
