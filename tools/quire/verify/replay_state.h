/* Between the two halves of the replay. */
#ifndef QUIRE_TOOL_REPLAY_STATE_H
#define QUIRE_TOOL_REPLAY_STATE_H

#include "replay.h"

static inline bool replay_is_x86(const struct quire *q)
{
	return q->config.arch == QUIRE_ARCH_X86_64 || q->config.arch == QUIRE_ARCH_I386 ||
	       q->config.arch == QUIRE_ARCH_I386_PAE;
}

/* Bring the ledger to where it was when the log begins: tables, and bounds of searches. */
enum quire_status replay_enter_initial(struct replay *r);

#endif
