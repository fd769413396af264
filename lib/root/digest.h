/* SHA-256 of a file's content. */
#ifndef FOOTPRINT_ROOT_DIGEST_H
#define FOOTPRINT_ROOT_DIGEST_H

#include <stdint.h>

#define DIGEST_SIZE_MAX (4ll << 30) /* a hostile file can claim any size */
/* Holes cost nothing to make, but as much to hash as data: past this the file is not hashed. */
#define DIGEST_HOLES_MAX (64ll << 20)

/* Loads what libcrypto needs for it, which digest_file() does as well. But libcrypto (3.0) crashes
 * if it has no memory for its own beginnings, which is less likely when a process starts. 0,
 * -ENOMEM or -ENOTSUP. */
int digest_prepare(void);

/*
 * Reads fd from its start to where it ends now, with pread; fd's offset stays. 0 or negative errno:
 * -EFBIG for a file past DIGEST_SIZE_MAX, or with more holes than DIGEST_HOLES_MAX; -ENOTSUP where
 * libcrypto has no SHA-256.
 */
int digest_file(int fd, uint8_t ret_sha256[static 32]);

#endif
