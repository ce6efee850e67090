/*
 * A program of loops for scripts/icount-check.sh: `driver LOOP N` runs LOOP N times; without arguments it names the loops.
 * open() makes what must be there before them.
 */
#ifndef TESTS_ICOUNT_H
#define TESTS_ICOUNT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct icount_loop {
	const char *name;
	void (*run)(unsigned n);
};

static int icount_main(int argc, char **argv, const struct icount_loop *loops, size_t count, unsigned most,
		       void (*open)(void))
{
	unsigned n = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	for (size_t i = 0; argc == 1 && i < count; i++)
		puts(loops[i].name);
	if (argc == 1)
		return 0;
	for (size_t i = 0; i < count && n && n <= most; i++)
		if (!strcmp(argv[1], loops[i].name)) {
			open();
			loops[i].run(n);
			return 0;
		}
	return 2;
}

#endif
