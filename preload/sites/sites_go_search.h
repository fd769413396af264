/*
 * Is the program Go's, and where in its code are the system calls that can be redirected?
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_GO_SEARCH_H
#define FOOTPRINT_PRELOAD_SITES_SITES_GO_SEARCH_H

#include <stdbool.h>

#include "preload/entry.h"
#include "preload/sites/sites_search.h"

#define GO_SITE_SIZE 8 /* syscall; cmp $-4095, %rax */

/* The text of a program's note with Go's build-id; NULL: it has none. */
struct go_note {
	const uint8_t *text;
	size_t size;
};

/* Is the program Go's? If so, fills in its note. */
bool sites_go_is_program(const struct entry *entry, struct go_note *ret_note);

/* Finds its sites, from the file of an earlier search if there is one, and returns how many there
 * are. A search takes a millisecond for some 5 MB of code. The object gets a build-id from the note
 * if it has no other. */
unsigned sites_go_find(
	struct sites_object *object, const struct go_note *note, uint32_t ret_offsets[SITES_MAX]);

#endif
