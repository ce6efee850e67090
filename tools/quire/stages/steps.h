/*
 * What was done to a machine between two recordings of it: a capture's steps.txt as data.
 *
 * Each line is a command to the virtual machine ("qmp device_add {...}"), a line of shell that ran in it ("sh: echo ...
 * >/proc/sys/..."), or the recording itself ("dump NAME": the folder of that name). Of shell only what changes memory is
 * understood; anything else (sleep, insmod, a program that uses memory) is passed over.
 */
#ifndef QUIRE_TOOL_STEPS_H
#define QUIRE_TOOL_STEPS_H

#include "../input/textfile.h"
#include "../verify/findings.h"
#include "../verify/list.h"

enum step_kind {
	STEP_PLUG,			/* a DIMM: size, nid, address if it is given, name of the device */
	STEP_UNPLUG,			/* name */
	STEP_RESIZE,			/* a device that grows and shrinks (virtio-mem): size, name */
	STEP_ONLINE_ALL,		/* every offline block: word is the state written */
	STEP_BLOCK,			/* block `number`: word is the state written */
	STEP_SYSCTL,			/* /proc/sys/vm/name = word */
	STEP_CPU,			/* CPU `number`: word is "0" or "1" */
	STEP_DUMP,			/* name: the recording that shows all of the above */
};

struct step {
	enum step_kind kind;
	struct origin origin;
	char name[64], word[64];
	uint64_t size, address, number;
	bool has_address;
	int nid;
};

struct steps {
	LIST(struct step) list;
};

/* Read `directory`/steps.txt. False if there is none, or no recording in it. */
bool steps_read(struct steps *steps, const char *directory);
/* The same from text. */
void steps_from_text(struct steps *steps, const struct textfile *file);
void steps_free(struct steps *steps);

#endif
