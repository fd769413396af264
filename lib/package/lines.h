/*
 * The lines of a text file of any size, through a buffer of one: fresh memory for a whole file
 * costs more than reading it, and some list of a package has megabytes.
 */
#ifndef FOOTPRINT_PACKAGE_LINES_H
#define FOOTPRINT_PACKAGE_LINES_H

#include "lib/package/database.h"

#define LINES_BUFFER (64u << 10) /* longer lines are passed over */
#define LINES_PATH   512

/* Zero-initialised: none is open. The buffer serves one file after another. */
struct lines {
	char *buffer;
	int fd;
	uint64_t offset, size; /* of the file: read so far, and all */
	size_t at, end;	       /* in the buffer: what has not been given out */
	bool too_long;	       /* in the middle of a line that is passed over */
	int error;	       /* why the last file could not be read to its end */
	struct package_loader *loader;
	char path[LINES_PATH]; /* for a complaint */
};

void lines_deinit(struct lines *lines);

/* Opens a file against what is left of the loader's limit. 1: it is open. 0: there is no such file,
 * or it could not be opened and the complaint is made. -ENOMEM. */
int lines_open(struct lines *lines, struct package_loader *loader, const char *path);

/* The next line, without its newline, good until the next call. False at the end, and where the
 * file cannot be read further; it is closed then. */
bool lines_next(struct lines *lines, struct span *ret);

/* At the end: 0, also where the complaint is made, or -ENOMEM. */
int lines_end(struct lines *lines);

#endif
