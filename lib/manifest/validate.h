/* Whether an unpacked message is a manifest in canonical form. Private to lib/manifest. */
#ifndef FOOTPRINT_MANIFEST_VALIDATE_H
#define FOOTPRINT_MANIFEST_VALIDATE_H

#include "lib/base/error.h"
#include "proto/manifest.pb-c.h"

/* 0; -EPROTONOSUPPORT for another schema or fields unknown to this one; -EBADMSG, with err saying
 * which entry of which list is wrong and why. */
int manifest_validate(const Footprint__Manifest *m, struct error *err);

#endif
