/*
 * Files beside the library that save its starts some work: libfootprint.so.KIND-BUILDID. Whoever
 * may write there could as well replace the library, and the files are trusted no more than that
 * (doc/decisions/sites.md). A file appears complete, by a rename, and is never changed in place:
 * other processes may have it mapped.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_FILE_H
#define FOOTPRINT_PRELOAD_SITES_SITES_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/sites/sites_object.h"
#include "preload/text.h"

#define SITES_PATH_SIZE	   1024
#define SITES_VERSION_SIZE 24

/* The beginning of such a file. */
struct sites_head {
	uint64_t magic;
	char version[SITES_VERSION_SIZE]; /* of the library that wrote it */
	uint8_t build_id[BUILD_ID_SIZE];
	uint32_t count;
};

/* A file that is being made: its final path, its path until then, and its descriptor. */
struct sites_unfinished {
	char path[SITES_PATH_SIZE], unfinished[SITES_PATH_SIZE + TEXT_NUMBER_SIZE];
	int fd;
};

/* Opens the object's file of this kind (".sites-"). -1: there is none that can be trusted. If *size
 * is not 0, the file must have that size; otherwise *size becomes the file's size in bytes. */
int sites_file_open(const struct sites_object *object, const char *kind, uint64_t *size);

void sites_head_fill(struct sites_head *head, const struct sites_object *object, uint64_t magic);
/* Is the file for this object, and written by this version of the library? */
bool sites_head_fits(
	const struct sites_head *head, const struct sites_object *object, uint64_t magic);

/* Begins a file of at most `size` bytes, under a name that nobody looks for. False: none can be
 * written. */
bool sites_file_begin(struct sites_unfinished *file, const struct sites_object *object,
	const char *kind, uint64_t size);
/* Writes the content in one piece, and renames the file. NULL for `content`: removes it. */
void sites_file_end(struct sites_unfinished *file, const void *content, size_t size);

#endif
