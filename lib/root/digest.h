/* SHA-256 of a file's content. */
#ifndef FOOTPRINT_ROOT_DIGEST_H
#define FOOTPRINT_ROOT_DIGEST_H

#include <stdint.h>

#define DIGEST_SIZE_MAX (64ll << 30) /* a sparse file can claim any size */

/*
 * Reads fd from its start to where it ends now, with pread; fd's offset stays. 0 or negative errno:
 * -EFBIG for a file past DIGEST_SIZE_MAX.
 */
int digest_file(int fd, uint8_t ret_sha256[static 32]);

#endif
