#include "aggregator/sessions/directories.h"

#include <errno.h>
#include <stdlib.h>

#include "aggregator/roots/root.h"
#include "lib/base/hash.h"
#include "proto/session_memory.h"

#define DIRECTORY_SLOTS_MIN 16u

/* Ids are hashes, but a peer chooses them. */
static uint32_t home(const struct directories *directories, uint64_t id)
{
	return hash_bytes(&id, sizeof(id)) & directories->mask;
}

void directories_deinit(struct directories *directories)
{
	for (uint32_t i = 0; directories->slots && i <= directories->mask; i++)
		path_unref(directories->slots[i].path);
	free(directories->slots);
	*directories = (struct directories){ 0 };
}

/* The slot with this id, or the free one where it belongs. */
static struct directory_slot *slot_of(const struct directories *directories, uint64_t id)
{
	uint32_t i = home(directories, id);

	while (directories->slots[i].id && directories->slots[i].id != id)
		i = (i + 1) & directories->mask;
	return &directories->slots[i];
}

const struct path *directories_find(const struct directories *directories, uint64_t id)
{
	return directories->slots ? slot_of(directories, id)->path : NULL;
}

static int grow(struct directories *directories)
{
	struct directories grown = {
		.count = directories->count,
		.size = directories->size,
		.n_unkept = directories->n_unkept,
	};

	grown.mask = directories->slots ? directories->mask * 2 + 1 : DIRECTORY_SLOTS_MIN - 1;
	grown.slots = calloc((size_t)grown.mask + 1, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (uint32_t i = 0; directories->slots && i <= directories->mask; i++)
		if (directories->slots[i].id)
			*slot_of(&grown, directories->slots[i].id) = directories->slots[i];
	free(directories->slots);
	*directories = grown;
	return 0;
}

/* There is room for all numbers even when there is none for other ids: a process uses a number for
 * whatever it does in that directory, and nearly all other ids never. */
static bool has_room(const struct directories *directories, uint64_t id, const struct path *path)
{
	uint32_t more = id <= UINT32_MAX ? FP_PREFIXES_MAX : 0;

	return directories->count < DIRECTORIES_MAX + more &&
	       directories->size + path->size <=
		       DIRECTORIES_SIZE_MAX + (uint64_t)more * FP_PATH_SIZE_MAX;
}

int directories_add(struct directories *directories, uint64_t id, struct path *path)
{
	struct directory_slot *slot;

	if (!id || directories_find(directories, id))
		return 0;
	if (!has_room(directories, id, path))
		return -ENOSPC;
	if ((!directories->slots || directories->count >= directories->mask / 4 * 3) &&
		grow(directories) < 0)
		return -ENOMEM;
	slot = slot_of(directories, id);
	/* Does not keep `kept`: directories_forget_kept() does not look whether a slot is free. */
	*slot = (struct directory_slot){ .id = id, .path = path };
	path->references++;
	directories->count++;
	directories->size += path->size;
	directories->n_unkept++;
	return 0;
}

void directories_forget_kept(struct directories *directories)
{
	for (uint32_t i = 0; directories->slots && i <= directories->mask; i++)
		directories->slots[i].kept = false;
	directories->n_unkept = directories->count;
}

void directories_remove(struct directories *directories, uint64_t id)
{
	struct directory_slot *hole, *slot;
	uint32_t i;

	if (!directories_find(directories, id))
		return;
	hole = slot_of(directories, id);
	directories->size -= hole->path->size;
	path_unref(hole->path);
	directories->count--;
	*hole = (struct directory_slot){ 0 };
	/* Entries that had to move on because of it move back (linear probing). */
	for (i = (uint32_t)(hole - directories->slots + 1) & directories->mask;
		directories->slots[i].id; i = (i + 1) & directories->mask) {
		struct directory_slot moved = directories->slots[i];

		directories->slots[i] = (struct directory_slot){ 0 };
		slot = slot_of(directories, moved.id);
		*slot = moved;
	}
}
