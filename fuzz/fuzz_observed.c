/* Kernel logs as verify reads them: whatever the bytes, every record stays within its buffers. */
#include <stdint.h>

#include "../tools/quire/verify/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_list events;
	struct observed o;

	if (observed_from_log(&o, data, size) != QUIRE_OK)
		return 0;
	if (events_read(&events, &o, size & 1) == QUIRE_OK)
		events_free(&events);
	observed_free(&o);
	return 0;
}
