/* What else the kernel needs to execute a file: the dynamic linker of a program, or what stands
 * behind the #! of a script. */
#ifndef FOOTPRINT_SUPERVISE_INTERP_H
#define FOOTPRINT_SUPERVISE_INTERP_H

#include "proto/session_memory.h"

/* Copies the path as it stands in the file. Returns its length; 0: a program that needs nothing
 * else, or of a kind whose headers are not read here (32-bit); -ENOEXEC: neither a program nor a
 * script. */
int interpreter_of(int fd, char path[FP_PATH_SIZE_MAX]);

#endif
