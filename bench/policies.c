/*
 * What an init policy costs the roads that are taken often, for counting instructions:
 *
 *	valgrind --tool=callgrind bench_policies POLICY WHAT TURNS
 *
 * with two numbers of turns; the difference is what a turn costs. POLICY: eager, deferred, lazy. WHAT: pair (one frame taken
 * and given back), owned (the same, its descriptor looked up and written), huge (2 MiB taken and given back), fresh (2 MiB
 * that nobody had before, taken and kept).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memmap_rig.h"

static struct rig rig;

static void turn(const char *what)
{
	unsigned order = *what == 'h' || *what == 'f' ? 9 : 0;
	quire_pfn_t pfn;

	rig_check(quire_alloc_frames(&rig.q, 0, order, QUIRE_GFP_KERNEL, &pfn) == QUIRE_OK, "allocation");
	if (*what == 'o')
		quire_pfn_to_page(&rig.q.memmap, pfn)->owner = pfn;
	if (*what != 'f')
		rig_check(quire_free_frames(&rig.q, pfn, order) == QUIRE_OK, "free");
}

int main(int argc, char **argv)
{
	static const char *const names[QUIRE_INIT_POLICIES] = { "eager", "deferred", "lazy" };
	enum quire_init_policy init = QUIRE_INIT_EAGER;

	if (argc != 4) {
		puts("policies: needs POLICY WHAT TURNS; see bench/policies.c");
		return 0;
	}
	while (init < QUIRE_INIT_POLICIES && strcmp(names[init], argv[1]))
		init++;
	rig_check(init < QUIRE_INIT_POLICIES && strchr("pohf", *argv[2]), "understanding the arguments");
	rig_make(&rig, (uint64_t)8 << 30, 1, QUIRE_MODEL_SPARSEMEM_VMEMMAP, init, RIG_FLAT);
	rig.q.config.cpus = 1;
	rig.q.config.workers = 1;
	rig_boot(&rig, QUIRE_STAGE_LATE);
	for (long turns = strtol(argv[3], NULL, 10); turns > 0; turns--)
		turn(argv[2]);
	rig_drop(&rig);
	return 0;
}
