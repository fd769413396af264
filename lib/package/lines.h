/*
 * Reads the lines of a text file of any size, with one buffer: fresh memory for a whole file costs
 * more than reading it, and the lists of some packages have megabytes.
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
	size_t at, end;	       /* in the buffer: what was not returned yet */
	bool too_long;	       /* in the middle of a line that is skipped */
	int error;	       /* why the last file could not be read to its end */
	struct package_loader *loader;
	char path[LINES_PATH]; /* for a complaint */
};

void lines_deinit(struct lines *lines);

/* Opens a file, which counts for the loader's limit. 1: it is open. 0: there is no such file, or it
 * could not be opened, which was noted. -ENOMEM. */
int lines_open(struct lines *lines, struct package_loader *loader, const char *path);

/* The next line, without its newline, good until the next call. False at the end, and where the
 * file cannot be read further; it is closed then. */
bool lines_next(struct lines *lines, struct span *ret);

/* At the end: 0, also if something was noted, or -ENOMEM. */
int lines_end(struct lines *lines);

#endif
