/* Writes a command's manifest: to a file, which is replaced in one step, or to a pipe or device, or
 * to standard output, which is called `-`. */
#ifndef FOOTPRINT_TOOLS_OUTPUT_H
#define FOOTPRINT_TOOLS_OUTPUT_H

#include <stdbool.h>

#include "lib/base/error.h"
#include "lib/manifest/manifest.h"

/* Can a manifest be written to `path`, as far as that can be known before? To be asked before hours
 * of work. 0, or a negative errno with err. */
int output_check(const char *path, struct error *err);

/* What messages call it. */
const char *output_name(const char *path);

/* Does writing to `path` wait for a reader, perhaps for ever? */
bool output_may_wait(const char *path);

/* Writes the manifest. A file is replaced as by manifest_write(), also at the end of symlinks. What
 * is neither a file nor a directory (a pipe, /dev/stdout, /dev/null) is written into. 0, or a
 * negative errno with err. */
int output_write(struct manifest *m, const char *path, struct error *err);

#endif
