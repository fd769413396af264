/* Digests of files that were read before: by device, inode, change time and size. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_DIGESTS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_DIGESTS_H

#include <stdint.h>
#include <sys/stat.h>

#define DIGESTS_MAX 32768u /* remembered; past it all are forgotten */

struct digest_entry;

/* Zero-initialised: none. */
struct digests {
	struct digest_entry *slots;
	uint32_t count;
};

/* The digest of the regular file open at fd, whose status is given. 0 or negative errno. */
int digests_get(
	struct digests *digests, int fd, const struct stat *status, uint8_t ret_sha256[static 32]);
void digests_deinit(struct digests *digests);

#endif
