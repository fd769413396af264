/*
 * The Hello: describes who speaks. It stands in the segment, so that memory, socket and spool all
 * say the same.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_HELLO_H
#define FOOTPRINT_PRELOAD_SESSION_HELLO_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/entry.h"
#include "preload/session/memory.h"

/* Field numbers of footprint.Hello. */
enum hello_field {
	HELLO_PROTOCOL = 1,
	HELLO_SESSION = 2,
	HELLO_SEGMENT = 3,
	HELLO_APPLICATION = 4,
	HELLO_APPLICATION_VERSION = 5,
	HELLO_EXECUTABLE = 6,
	HELLO_INVOKED_AS = 7,
	HELLO_DIRECTORY = 8,
	HELLO_PID = 9,
	HELLO_PARENT_PID = 10,
	HELLO_UID = 11,
	HELLO_GID = 12,
	HELLO_HOST = 13,
	HELLO_STARTED_NS = 14,
	HELLO_ROOT_DEVICE = 15,
	HELLO_ROOT_INODE = 16,
	HELLO_LIBRARY_VERSION = 17,
	HELLO_INTERPRETER = 18,
	HELLO_WATCHED = 19,
	HELLO_SPOOL = 20,
	HELLO_ROOT_BIRTH_NS = 21,
	HELLO_LINKER_EXECUTED = 22,
	HELLO_SCRIPT = 23,
};

struct root_name; /* preload/root.h */

/* The values of FOOTPRINT_* in the environment; NULL: not set. */
struct settings {
	const char *socket; /* FOOTPRINT_SOCKET; never NULL */
	const char *spool;
	const char *application;
	const char *version;
};

/* Gives the session, in segment 0, an id that no other session has. */
void hello_name_session(struct segment *segment);

/* Copies the paths in `settings` into private memory: the environment changes, and those who share
 * the segment must not choose where we write. Before any hello. False: there is no memory. */
bool hello_keep_settings(const struct settings *settings);
/* Of an image that is over, in a process that goes on. */
void hello_forget_settings(void);

/* Writes the hello into segment 0, and opens its log. Sets image.directory. root: an O_PATH
 * descriptor of "/", or -1. */
void hello_write_first(struct segment *segment, const struct settings *settings,
	const struct entry *entry, int root);

/* The same in a cell of the pool, for a process with a root that is already known. False: the cell
 * has not room for all of it, and must not be used. */
bool hello_write_in_cell(struct segment *segment, const struct settings *settings,
	const struct entry *entry, const struct root_name *root);

/* A field of text: at most limit - 1 bytes of it, and no field for NULL. hello_write_name() is for
 * fields that protobuf requires to be UTF-8. */
void hello_write_text(struct writer *w, enum hello_field field, const char *text, size_t limit);
void hello_write_name(struct writer *w, enum hello_field field, const char *name);
void hello_write_root(struct writer *w, const struct root_name *root);
void hello_write_spool(struct writer *w);

/* Writes the hello into a further segment, of which ->number is set. */
void hello_write_next(struct segment *segment);

#endif
