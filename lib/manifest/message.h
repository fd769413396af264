/* From an unpacked, validated message to a manifest. Private to lib/manifest. */
#ifndef FOOTPRINT_MANIFEST_MESSAGE_H
#define FOOTPRINT_MANIFEST_MESSAGE_H

#include "lib/manifest/manifest.h"

/* A new manifest with all that the message says. The message must have passed manifest_validate().
 * 0 or -ENOMEM. */
int manifest_from_message(const Footprint__Manifest *message, struct manifest **ret);

#endif
