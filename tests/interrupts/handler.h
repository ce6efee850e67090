/* An interrupt handler that allocates, by chance of several kinds; what it takes it gives back at once. */
#ifndef TESTS_INTERRUPTS_HANDLER_H
#define TESTS_INTERRUPTS_HANDLER_H

#include <quire/quire.h>

#define HANDLER_HOARD 256u

struct handler {
	struct quire *q;
	uint64_t random;
	uint64_t served;		/* requests */
	unsigned hoard;			/* one call in so many takes a pageblock and keeps it; 0: none */
	unsigned hoarded;
	quire_pfn_t kept[HANDLER_HOARD];
};

/* A number below n. */
uint64_t handler_draw(struct handler *h, uint64_t n);
/* One interrupt. False: the engine would not take something back. */
bool handler_run(struct handler *h);
void handler_give_back(struct handler *h);

#endif
