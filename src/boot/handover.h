/* From memblock to the zones' free trees. Internal; see handover.c. */
#ifndef QI_HANDOVER_H
#define QI_HANDOVER_H

#include <quire/quire.h>

/* Open every populated zone and give it what is free. On failure all zones are closed again. */
enum quire_status qi_hand_over(struct quire *q);
void qi_hand_over_undo(struct quire *q);

/* frames.c: from now on hotplug may ask the zones for frames. */
#ifdef QUIRE_WITHOUT_HOTPLUG
static inline void qi_frames_open(struct quire *q) { (void)q; }
#else
void qi_frames_open(struct quire *q);
#endif

#endif
