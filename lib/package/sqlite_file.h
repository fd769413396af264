/*
 * An sqlite database behind a descriptor: read with pread alone, never written, locked or mapped,
 * and no other file is looked at. For databases of containers, whose paths mean nothing here.
 */
#ifndef FOOTPRINT_PACKAGE_SQLITE_FILE_H
#define FOOTPRINT_PACKAGE_SQLITE_FILE_H

#include <sqlite3.h>

/* Steps of sqlite's virtual machine that one database may cost: a damaged tree can be endless. */
#define SQLITE_FILE_STEPS_MAX (20u << 20)

/*
 * Opens it; `fd` must stay open and `steps`, where they are counted, must stay there as long.
 * value_max: bytes of one value. 0 or negative errno.
 */
int sqlite_file_open(int fd, int value_max, unsigned *steps, sqlite3 **ret);

#endif
