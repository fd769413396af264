/* SHA-256 of a file's content. */
#ifndef FOOTPRINT_ROOT_DIGEST_H
#define FOOTPRINT_ROOT_DIGEST_H

#include <stdint.h>

/* Reads fd from its start to its end with pread; fd's offset stays. 0 or negative errno. */
int digest_file(int fd, uint8_t ret_sha256[static 32]);

#endif
