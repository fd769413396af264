/* The reserve: the last resort of a process whose records no spool file takes
 * (proto/session_memory.h). */
#ifndef FOOTPRINT_PRELOAD_SESSION_RESERVE_H
#define FOOTPRINT_PRELOAD_SESSION_RESERVE_H

#include "preload/session/memory.h"

/* Writes how many records are lost (segment->head.lost) into a slot of the reserve; if no slot is
 * free, only counts this process there. Then takes the number off head.lost, so that it is told
 * once. 0 or a negative errno: not even that was possible. */
int reserve_tell(struct segment *segment);

#endif
