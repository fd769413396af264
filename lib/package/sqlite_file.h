/*
 * An sqlite database that is open at a descriptor. It is only read, by pread, and never written,
 * locked or mapped, and no other file is looked at. For databases of containers, whose paths mean
 * nothing here.
 */
#ifndef FOOTPRINT_PACKAGE_SQLITE_FILE_H
#define FOOTPRINT_PACKAGE_SQLITE_FILE_H

#include <sqlite3.h>

/* Steps of sqlite's virtual machine that one database may cost: a damaged tree can be endless. */
#define SQLITE_FILE_STEPS_MAX (20u << 20)

/*
 * Opens it. `fd` must stay open, and `steps`, which counts them, must stay valid, as long as the
 * database is open. value_max: bytes of one value, at most. 0 or a negative errno.
 */
int sqlite_file_open(int fd, int value_max, unsigned *steps, sqlite3 **ret);

#endif
