#include "aggregator/roots/digests.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/root/digest.h"

#define SLOTS_MIN 64u
#define SLOTS_MAX (DIGESTS_MAX * 2)

/* What changes whenever a file's content does. No padding: it is hashed and compared as bytes. */
struct digest_key {
	uint64_t device, inode, size;
	int64_t changed_s, changed_ns;
};

struct digest_entry {
	struct digest_key key; /* size and inode 0: free */
	uint8_t sha256[32];
};

static struct digest_key key_of(const struct stat *status)
{
	return (struct digest_key){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = (uint64_t)status->st_size,
		.changed_s = status->st_ctim.tv_sec,
		.changed_ns = status->st_ctim.tv_nsec,
	};
}

/* The entry with this key, or the free one where it belongs. */
static struct digest_entry *slot_of(struct digests *digests, const struct digest_key *key)
{
	uint32_t i = hash_bytes(key, sizeof(*key)) % digests->n_slots;

	while (digests->slots[i].key.inode &&
		memcmp(&digests->slots[i].key, key, sizeof(*key)) != 0)
		i = (i + 1) % digests->n_slots;
	return &digests->slots[i];
}

/* Most roots have few files that are read, so the table begins small. False: it stays as it is. */
static bool grow(struct digests *digests)
{
	struct digests grown = { .n_slots = digests->n_slots ? digests->n_slots * 2 : SLOTS_MIN };

	if (grown.n_slots > SLOTS_MAX)
		return false;
	grown.slots = calloc(grown.n_slots, sizeof(*grown.slots));
	if (!grown.slots)
		return false;
	for (uint32_t i = 0; i < digests->n_slots; i++)
		if (digests->slots[i].key.inode)
			*slot_of(&grown, &digests->slots[i].key) = digests->slots[i];
	grown.count = digests->count;
	free(digests->slots);
	*digests = grown;
	return true;
}

/* At most half of the slots are in use. Where there can be no more of them, all are forgotten. */
static bool make_room(struct digests *digests)
{
	if (digests->count < digests->n_slots / 2 || grow(digests))
		return true;
	if (digests->slots)
		memset(digests->slots, 0, digests->n_slots * sizeof(*digests->slots));
	digests->count = 0;
	return digests->slots;
}

/* A file may be written while it is read: the digest is only remembered if the file has not
 * changed. */
static bool unchanged(int fd, const struct digest_key *key)
{
	struct digest_key now;
	struct stat status;

	if (fstat(fd, &status) < 0)
		return false;
	now = key_of(&status);
	return !memcmp(&now, key, sizeof(now));
}

int digests_get(
	struct digests *digests, int fd, const struct stat *status, uint8_t ret_sha256[static 32])
{
	struct digest_key key = key_of(status);
	struct digest_entry *entry = NULL;
	int r;

	/* Without memory to remember it, the digest can still be made. */
	if (key.inode && make_room(digests))
		entry = slot_of(digests, &key);
	if (entry && entry->key.inode) {
		memcpy(ret_sha256, entry->sha256, sizeof(entry->sha256));
		return 0;
	}
	r = digest_file(fd, ret_sha256);
	if (r < 0 || !entry || !unchanged(fd, &key))
		return r;
	entry->key = key;
	memcpy(entry->sha256, ret_sha256, sizeof(entry->sha256));
	digests->count++;
	return 0;
}

void digests_deinit(struct digests *digests)
{
	free(digests->slots);
	*digests = (struct digests){ 0 };
}
