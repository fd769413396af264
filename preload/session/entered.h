/*
 * Another root: a directory that has become "/" for this process, and that no path from the hello's
 * root is known to lead to (pivot_root, setns, a mount namespace of its own). The aggregator gets a
 * descriptor of it, and from then on paths are relative to the id that this gives it (Entered in
 * record.proto). With it come the mounts that tell which files these are: as they were before the
 * call, and behind it.
 *
 * To be used by a process that has one thread. entered_prepare() comes before the call, since there
 * may be no /proc behind it; entered_tell() or entered_forget() after it.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_ENTERED_H
#define FOOTPRINT_PRELOAD_SESSION_ENTERED_H

#include <stdbool.h>
#include <stdint.h>

void entered_prepare(void);
void entered_forget(void);

/* Is "/" the top of another mount now? */
bool entered_is_mount(void);

/* from: the id of the root until now; 0: that of the hello. everyone: other processes that had it
 * have the new one, too. Returns the id of the new one; 0: the aggregator could not be told. */
uint64_t entered_tell(uint64_t from, bool everyone);

#endif
