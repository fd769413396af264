/* What the directory ids of a session mean (fp_directory_id in proto/session_memory.h). */
#ifndef FOOTPRINT_AGGREGATOR_SESSIONS_DIRECTORIES_H
#define FOOTPRINT_AGGREGATOR_SESSIONS_DIRECTORIES_H

#include <stdbool.h>
#include <stdint.h>

struct path;

/* Directories of one session, besides those that have a number (FP_PREFIXES_MAX). What is relative
 * to any further one is a gap. */
#define DIRECTORIES_MAX	     (1u << 18)
#define DIRECTORIES_SIZE_MAX (32u << 20) /* bytes of their paths */

struct directory_slot {
	uint64_t id; /* 0: free */
	struct path *path;
	bool kept; /* in the atlas */
};

/* A table of them. Zero-initialised, it is empty. It holds references to its paths. */
struct directories {
	struct directory_slot *slots;
	uint32_t mask;
	uint32_t count;
	uint64_t size;	   /* bytes of the paths */
	uint32_t n_unkept; /* entries that are not in the atlas */
};

void directories_deinit(struct directories *directories);
/* The path of the directory, as the process gave it. NULL: the id is not known. */
const struct path *directories_find(const struct directories *directories, uint64_t id);
/* 0, -ENOMEM, or -ENOSPC past the limit. Takes a reference. */
int directories_add(struct directories *directories, uint64_t id, struct path *path);
/* The atlas is written anew: none of the directories is in it. */
void directories_forget_kept(struct directories *directories);
/* The id turned out to be that of something else: removes it. */
void directories_remove(struct directories *directories, uint64_t id);

#endif
