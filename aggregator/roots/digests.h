/* Digests of files that were read before, remembered by device, inode, change time and size. */
#ifndef FOOTPRINT_AGGREGATOR_ROOTS_DIGESTS_H
#define FOOTPRINT_AGGREGATOR_ROOTS_DIGESTS_H

#include <stdint.h>
#include <sys/stat.h>

#define DIGESTS_MAX 32768u /* how many are remembered; past this, all are forgotten */

struct digest_entry;

/* Zero-initialised, it is empty. */
struct digests {
	struct digest_entry *slots;
	uint32_t n_slots;
	uint32_t count;
};

/* The digest of the regular file open at `fd`, whose status is `status`. 0 or a negative errno. */
int digests_get(
	struct digests *digests, int fd, const struct stat *status, uint8_t ret_sha256[static 32]);
void digests_deinit(struct digests *digests);

#endif
