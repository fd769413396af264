/* What the directory ids of a session mean (fp_directory_id in proto/session_memory.h). */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_DIRECTORIES_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_DIRECTORIES_H

#include <stdbool.h>
#include <stdint.h>

struct path;

#define DIRECTORIES_MAX (1u << 18) /* of one session; later ones become gaps when they are used */

struct directory_slot {
	uint64_t id; /* 0: free */
	struct path *path;
	bool kept; /* in the atlas */
};

/* Zero-initialised: none. Holds references to its paths. */
struct directories {
	struct directory_slot *slots;
	uint32_t mask;
	uint32_t count;
	uint32_t n_unkept; /* added since all were in the atlas */
};

void directories_deinit(struct directories *directories);
/* The directory's path as it was given, or NULL. */
const struct path *directories_find(const struct directories *directories, uint64_t id);
/* 0, -ENOMEM, or -ENOSPC past the limit. Takes a reference. */
int directories_add(struct directories *directories, uint64_t id, struct path *path);
/* The atlas begins anew. */
void directories_forget_kept(struct directories *directories);
/* It turned out to be no directory. */
void directories_remove(struct directories *directories, uint64_t id);

#endif
