/* One ledger and what it says, new for every test. */
#ifndef TEST_MEMBLOCK_LEDGER_H
#define TEST_MEMBLOCK_LEDGER_H

#include "common.h"

static struct quire_memblock mb;
static struct messages messages;
static const struct quire_platform platform = { .ctx = &messages, .log = keep_message };

static int setup(void **state)
{
	(void)state;
	memset(&mb, 0, sizeof(mb));
	memset(&messages, 0, sizeof(messages));
	mb.platform = &platform;
	return 0;
}

#endif
