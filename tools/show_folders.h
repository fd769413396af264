/*
 * Many files in few lines: which folders they are in.
 *
 * Start here: fold_files() begins with one line for all files, and opens folders, the fullest
 * first, while there is room for what is in them. So a page shows where an application has its
 * files, however many there are below the first folders of the alphabet.
 */
#ifndef FOOTPRINT_TOOLS_SHOW_FOLDERS_H
#define FOOTPRINT_TOOLS_SHOW_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/manifest.pb-c.h"

#define FOLD_LINES_MAX 32

/* One file, or a folder with all that is below it. */
struct fold {
	size_t first, n; /* which of the files */
	size_t prefix;	 /* bytes of the folder's path, with its last slash; 0: it is one file */
	size_t inside;	 /* lines that it takes when it is open; FOLD_LINES_MAX + 1: too many */
};

/* The files are sorted by path. Returns how many lines there are: at most `room`, at least one if
 * there are files, each file in one of them. `room` is at most FOLD_LINES_MAX. */
size_t fold_files(Footprint__File *const *files, size_t n, size_t room, struct fold lines[]);

#endif
