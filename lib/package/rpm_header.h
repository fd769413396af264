/*
 * An RPM header as it stands in the database: counts, an index of tags, a store of values, all in
 * network order (rpm's doc/manual/format.md, "Header structure"). Bounds are checked at every step.
 */
#ifndef FOOTPRINT_PACKAGE_RPM_HEADER_H
#define FOOTPRINT_PACKAGE_RPM_HEADER_H

#include "lib/package/database.h"

#define RPM_HEADER_SIZE_MAX (32u << 20) /* the largest of real packages have a few megabytes */

/* Adds the package and its files. 0, -ENOMEM, -E2BIG, or -EBADMSG: damaged, and nothing or a part
 * of it was added. */
int rpm_header_load(struct package_loader *loader, const uint8_t *header, size_t size);

#endif
