/* The process whose call is being recorded, about which directories.c asks /proc. */
#ifndef FOOTPRINT_SUPERVISE_CALLER_H
#define FOOTPRINT_SUPERVISE_CALLER_H

#include "proto/session_memory.h"

extern int caller_pid;

/* What the caller, which has a root of its own (image.root), sees a directory of its own as, in
 * `path`. NULL: there is no such root, or the directory is outside of it. */
const char *caller_sees(int dirfd, char path[FP_PATH_SIZE_MAX]);

#endif
