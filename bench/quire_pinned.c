/* The same adapter with the engine pinned to one geometry and one memory model. */
//! CFLAGS: -Iinclude -Isrc -ffreestanding -Wno-unused-parameter -DQUIRE_PIN_PAGE_SHIFT=12 -DQUIRE_PIN_MODEL=QUIRE_MODEL_SPARSEMEM_VMEMMAP -DQUIRE_PIN_PAGE_STRIDE=16 -ffunction-sections
//! SRCS: src/zone/tree.c src/zone/tree_add.c src/zone/tree_alloc.c src/zone/tree_directory.c src/zone/tree_free.c
//! SRCS: src/zone/tree_type.c src/zone/front.c src/zone/front_cpus.c src/zone/front_size.c src/zone/front_words.c src/zone/tree_withhold.c src/zone/node.c
//! SRCS: src/boot/meta.c src/base/lock.c src/base/log.c src/base/format.c src/base/division.c
//! LDFLAGS: -Wl,--gc-sections
#define ADAPTER_NAME "quire_pinned"
#include "quire.c"
