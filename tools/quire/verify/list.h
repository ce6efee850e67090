/* Growing arrays for the hosted tools: LIST(type) name; type *e = LIST_ADD(&name); NULL when memory runs out. */
#ifndef QUIRE_TOOL_LIST_H
#define QUIRE_TOOL_LIST_H

#include <stdlib.h>
#include <string.h>

#define LIST(type) \
	struct { \
		type *items; \
		size_t count, room; \
	}

/* Make room for one more zeroed element and count it; *items may move. NULL: out of memory, the list is as it was. */
static inline void *verify_list_grow(void **items, size_t *count, size_t *room, size_t size)
{
	if (*count == *room) {
		size_t wanted = *room ? *room * 2 : 8;
		void *moved;

		if (wanted > SIZE_MAX / size)
			return NULL;
		moved = realloc(*items, wanted * size);
		if (!moved)
			return NULL;
		*items = moved;
		*room = wanted;
	}
	return memset((char *)*items + (*count)++ * size, 0, size);
}

#define LIST_ADD(list) verify_list_grow((void **)&(list)->items, &(list)->count, &(list)->room, sizeof(*(list)->items))

#define LIST_FREE(list) \
	do { \
		free((list)->items); \
		(list)->items = NULL; \
		(list)->count = (list)->room = 0; \
	} while (0)

#endif
