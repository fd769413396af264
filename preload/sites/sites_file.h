/*
 * Files beside the library that spare its starts work: libfootprint.so.KIND-BUILDID. Who may write
 * there could as well replace the library, so that such a file is trusted no more than that
 * (doc/decisions/sites.md). Files appear whole, by a rename, and are never written in place: other
 * processes may have them mapped.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_FILE_H
#define FOOTPRINT_PRELOAD_SITES_SITES_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "preload/sites/sites_object.h"
#include "preload/text.h"

#define SITES_PATH_SIZE	   1024
#define SITES_VERSION_SIZE 24

/* What such a file says of itself. */
struct sites_head {
	uint64_t magic;
	char version[SITES_VERSION_SIZE]; /* of the library that wrote it */
	uint8_t build_id[BUILD_ID_SIZE];
	uint32_t count;
};

struct sites_unfinished {
	char path[SITES_PATH_SIZE], unfinished[SITES_PATH_SIZE + TEXT_NUMBER_SIZE];
	int fd;
};

/* Opens the object's file of this kind (".sites-"); -1: there is none that may be believed. Its
 * size must be *size, when that is not 0; else it becomes what it is. */
int sites_file_open(const struct sites_object *object, const char *kind, uint64_t *size);

void sites_head_fill(struct sites_head *head, const struct sites_object *object, uint64_t magic);
/* Is it of this object, written by this version of the library? */
bool sites_head_fits(
	const struct sites_head *head, const struct sites_object *object, uint64_t magic);

/* Begins a file that nobody sees yet, of at most `size` bytes. False: none can be written. */
bool sites_file_begin(struct sites_unfinished *file, const struct sites_object *object,
	const char *kind, uint64_t size);
/* Writes it in one piece and gives it its name; NULL for `content`: removes it. */
void sites_file_end(struct sites_unfinished *file, const void *content, size_t size);

#endif
