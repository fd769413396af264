/* Where a command's manifest goes: a file that is replaced at once, or a pipe or device. */
#ifndef FOOTPRINT_TOOLS_OUTPUT_H
#define FOOTPRINT_TOOLS_OUTPUT_H

#include "lib/base/error.h"
#include "lib/manifest/manifest.h"

/* Whether a manifest can be written to `path`, as far as that can be told before: to be asked
 * before hours of work. 0, or negative errno with err. */
int output_check(const char *path, struct error *err);

/* Writes it there. A file is replaced as manifest_write() does it, through symlinks; what is
 * neither a file nor a directory (a pipe, /dev/stdout, /dev/null) is written into. 0, or negative
 * errno with err. */
int output_write(struct manifest *m, const char *path, struct error *err);

#endif
