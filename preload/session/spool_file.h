/*
 * The spool file: finds and locks it, and checks that there is room for what is to be appended
 * (proto/WIRE.md). Nothing here waits.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SPOOL_FILE_H
#define FOOTPRINT_PRELOAD_SESSION_SPOOL_FILE_H

#include <stdint.h>

/*
 * Before the root changes: makes and holds a file of this process's own in the spool, since it will
 * not reach the others by their names any more. From then on, all that it spools goes there.
 * (Holding the folder would be simpler, but would lead out of the new root whoever has taken over
 * the program.) spool_file_let_go(): the root did not change after all.
 */
void spool_file_hold(void);
void spool_file_let_go(void);

/* Opens the file, locked for appending `size` bytes. The caller closes the descriptor. A negative
 * errno on failure. */
int spool_file_open(uint64_t size);

/* The same for records. These leave some of the file system free, for others and for the entries
 * that say that records were lost. */
int spool_file_open_for_records(uint64_t size);

void spool_file_close(int *fd);
#define SPOOL_FILE_CLEANUP __attribute__((cleanup(spool_file_close)))

/* May `size` bytes more be appended? 0: yes; it is a regular file of our user, or the one that we
 * hold, has a name, and RLIMIT_FSIZE allows it. -ESTALE: the aggregator has taken the file.
 * Otherwise another negative errno. */
int spool_file_takes(int fd, uint64_t size);

/* Is there room for more records? 0 or a negative errno. */
int spool_file_has_space(int fd);

#endif
