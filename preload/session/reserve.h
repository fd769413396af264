/* The last resort of a process whose records no file takes: see proto/session_memory.h. */
#ifndef FOOTPRINT_PRELOAD_SESSION_RESERVE_H
#define FOOTPRINT_PRELOAD_SESSION_RESERVE_H

#include "preload/session/memory.h"

/* Leaves word of segment->head.lost in a slot of the reserve, or that there was none left, and
 * takes it off that count: it is told once. 0 or a negative errno: not even that. */
int reserve_tell(struct segment *segment);

#endif
