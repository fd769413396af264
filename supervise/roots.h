/*
 * The root directories of callers. Paths are recorded as seen from ours, which the hello of each
 * image names. A caller may have another root by chroot, and the same one with other mounts below
 * it, in a mount namespace of its own; it may also have been executed so.
 */
#ifndef FOOTPRINT_SUPERVISE_ROOTS_H
#define FOOTPRINT_SUPERVISE_ROOTS_H

#include <stdbool.h>
#include <stdint.h>

/* Is the root of this process another one than ours? */
bool roots_differ(int pid);

/* The id of the root of this process (image.root), recorded in the entered image. 0: it is ours;
 * FP_DIRECTORY_UNKNOWABLE: no path of ours leads there, so what is below it is a gap. */
uint64_t roots_id(int pid);

#endif
