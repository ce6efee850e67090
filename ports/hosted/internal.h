/* What the files of the hosted port share. */
#ifndef QI_HOSTED_INTERNAL_H
#define QI_HOSTED_INTERNAL_H

#include <pthread.h>

#include "hosted.h"

/* A stretch of RAM: [base, base + size) is at `offset` of the file, and at `address` once somebody asked. */
struct qi_hosted_ram {
	quire_phys_t base, size;
	uint64_t offset;
	char *address;		/* read without the lock, written under it */
};

/* Metadata large enough to be mapped on its own: most of it may never be touched. */
struct qi_hosted_piece {
	struct qi_hosted_piece *next;
	void *address;
	size_t size;
};

struct quire_hosted {
	struct quire_platform platform;
	int file;
	uint64_t file_size;
	struct qi_hosted_ram *ram;	/* ascending, disjoint, not touching */
	size_t ram_count;
	quire_phys_t direct_map_end;
	void *window;			/* reserved address space, page descriptors */
	size_t window_size;
	void *window_space;		/* the mapping that holds it, before alignment */
	size_t window_space_size;
	uint64_t window_mapped;
	uint64_t outside;
	struct qi_hosted_piece *pieces;	/* under the lock */
	bool huge;
	pthread_mutex_t lock;
	uint64_t calls[QUIRE_HOSTED_CALLS];
	uint64_t fail_at[QUIRE_HOSTED_CALLS];	/* fails when calls reaches it; 0: never */
	void (*log)(void *ctx, enum quire_log_level level, const char *text, size_t length);
	void (*panic)(void *ctx, const char *text);
	void *ctx;
};

/* Count a call; true if this is the one that must fail. */
bool qi_hosted_must_fail(struct quire_hosted *h, enum quire_hosted_call call);

/* Where in the file [phys, phys + size) is; false if not all of it is in one stretch of RAM. */
bool qi_hosted_find(const struct quire_hosted *h, quire_phys_t phys, quire_phys_t size, struct qi_hosted_ram **ram);

/* memory.c: the callbacks about memory. */
void *qi_hosted_phys_to_virt(void *ctx, quire_phys_t phys, quire_phys_t size);
void *qi_hosted_meta_alloc(void *ctx, size_t size, size_t align, int nid);
void qi_hosted_meta_free(void *ctx, void *address, size_t size);
enum quire_status qi_hosted_vmemmap_map(void *ctx, void *va, quire_phys_t phys, quire_phys_t size);
void qi_hosted_vmemmap_unmap(void *ctx, void *va, quire_phys_t size);

/* resident.c: remember a mapped piece of metadata, and forget it. False: no memory to remember it in. */
bool qi_hosted_remember(struct quire_hosted *h, void *address, size_t size);
void qi_hosted_forget(struct quire_hosted *h, const void *address);

/* runtime.c: CPUs, time, messages. */
void qi_hosted_runtime(struct quire_hosted *h, const struct quire_hosted_options *options);

#endif
