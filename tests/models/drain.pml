/*
 * The per-CPU fronts' protocol, as src/zone/front.h (qi_front_enter, qi_front_leave) and src/zone/front_cpus.c have it:
 * owners go in and out with plain stores; others drain their fronts, switch them off, and send CPUs away.
 *
 * Memory is that of a processor with store buffers: an owner's store to `busy` waits in its buffer, and may become visible
 * after its load of `taken`. barrier_all() empties every owner's buffer. `taken` is written by a CPU that calls the
 * barrier afterwards, or whose store only lets owners in again, so it is visible at once here.
 *
 * What must hold: no owner is in a front that somebody drains; a front that was switched off, or whose CPU is away, is and
 * stays empty; nobody waits for ever. -DNO_BARRIER, -DNO_WAIT and -DFORGET leave out what holds it together: then spin must
 * find a way to break it (tests/models/run.sh).
 */
#define CPUS 2
#ifndef ROUNDS
#define ROUNDS 1
#endif

chan buffer[CPUS] = [4] of { bit };	/* stores to busy that nobody else sees yet */
bit busy[CPUS], taken[CPUS];		/* as memory has them */
bit away[CPUS];
byte kept[CPUS];			/* blocks in a front */
bit inside[CPUS], draining[CPUS];	/* ghosts: who works on a front */
bit off[CPUS];				/* ghost: it has been promised that the front stays empty */
bit drain_lock;
byte disabled;

/* A store buffer gives its oldest store to memory, some time. */
active proctype memory()
{
	bit value;
end:	do
	:: atomic { buffer[0]?value -> busy[0] = value }
	:: atomic { buffer[1]?value -> busy[1] = value }
	od
}

/* An owner: enter, take or keep something, leave. */
proctype owner(byte me)
{
	byte round = 0;

	do
	:: round < ROUNDS ->
		round++;
		buffer[me]!1;				/* busy = 1 */
		if
		:: taken[me] == 0 ->
			inside[me] = 1;
			assert(!draining[me]);
			assert(!off[me]);
			if
			:: kept[me] < 2 -> kept[me]++
			:: kept[me] > 0 -> kept[me]--
			fi;
			inside[me] = 0;
			buffer[me]!0			/* busy = 0, after what was done inside */
		:: taken[me] == 1 ->
			buffer[me]!0			/* stays out: the tree serves it */
		fi
	:: round == ROUNDS -> break
	od
}

/* Every CPU has executed a barrier since the call. */
inline barrier_all()
{
#ifndef NO_BARRIER
	bar = 0;
	do
	:: bar < CPUS ->
		atomic {
			do
			:: buffer[bar]?seen -> busy[bar] = seen
			:: empty(buffer[bar]) -> break
			od;
			bar++
		}
	:: bar == CPUS -> break
	od
#else
	skip
#endif
}

/* take_fronts(): fronts first .. last are taken, seen to be, and emptied. */
inline take_fronts(first, last)
{
	cpu = first;
	do
	:: cpu <= last -> taken[cpu] = 1; cpu++
	:: cpu > last -> break
	od;
	barrier_all();
	cpu = first;
	do
	:: cpu <= last ->
#ifndef NO_WAIT
		busy[cpu] == 0;
#endif
		draining[cpu] = 1;
		assert(!inside[cpu]);
		kept[cpu] = 0;
		draining[cpu] = 0;
		cpu++
	:: cpu > last -> break
	od
}

inline release_fronts()
{
	cpu = 0;
	do
	:: cpu < CPUS ->
#ifndef FORGET
		taken[cpu] = (disabled > 0 || away[cpu]);
#else
		taken[cpu] = 0;
#endif
		cpu++
	:: cpu == CPUS -> break
	od
}

inline lock()   { atomic { drain_lock == 0 -> drain_lock = 1 } }
inline unlock() { drain_lock = 0 }

/* A request that is short of memory: somebody else is draining already, or it does. */
proctype drainer()
{
	byte cpu = 0, bar = 0;
	bit seen = 0;

	if
	:: atomic { drain_lock == 0 -> drain_lock = 1 };
		take_fronts(0, CPUS - 1);
		release_fronts();
		unlock()
	:: drain_lock == 1 -> skip
	fi
}

/* Fronts switched off and on: a range is isolated. Two do so at the same time. */
proctype isolator()
{
	byte cpu = 0, bar = 0;
	bit seen = 0;

	lock();
	if
	:: disabled == 0 -> take_fronts(0, CPUS - 1)
	:: else -> skip
	fi;
	disabled++;
	off[0] = 1;
	off[1] = 1;
	unlock();

	assert(kept[0] == 0 && kept[1] == 0);

	lock();
	disabled--;
	off[0] = (disabled > 0 || away[0]);
	off[1] = (disabled > 0);
	release_fronts();
	unlock()
}

/* CPU 0 goes away and comes back. */
proctype hotplug()
{
	byte cpu = 0, bar = 0;
	bit seen = 0;

	lock();
	take_fronts(0, 0);
	away[0] = 1;
	off[0] = 1;
	unlock();

	assert(kept[0] == 0);

	lock();
	away[0] = 0;
	off[0] = (disabled > 0);
	release_fronts();
	unlock()
}

init {
	atomic {
		run owner(0);
		run owner(1);
		run drainer();
		run isolator();
#ifdef SECOND
		run isolator()
#else
		run hotplug()
#endif
	}
}
