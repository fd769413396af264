/* Records of programs that are executed: written before the call, because a call that succeeds does
 * not return. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#include "preload/image.h"
#include "preload/programs/program.h"
#include "preload/record/directories.h"
#include "preload/record/facts.h"
#include "preload/record/held.h"
#include "preload/record/pointers.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

/* directory_path(), also below a filter: see filters.h. */
static long path_of_descriptor(int fd, char *path, size_t size)
{
	if (!image.memory_only || image.unwelcome)
		return directory_path(fd, path, size);
	program_name(fd, path, size);
	return *path == '/' ? (long)text_length(path) : -ENOENT;
}

/* The place of a program that is executed by its descriptor. A script that has no name is recorded
 * as its interpreter. A name for which there is no room becomes a gap. */
static bool place_of_descriptor(struct place *ret, int fd, char *buffer)
{
	char link[DESCRIPTOR_LINK_SIZE];
	long size = path_of_descriptor(fd, buffer, USUAL_PATH);

	if (size == -ERANGE)
		return place_find_from(ret, FP_DIRECTORY_UNKNOWABLE, ".");
	if (size <= 0)
		return false;
	if (held_is_nameless(buffer, (size_t)size) && !directory_holds(AT_FDCWD, buffer) &&
		directory_link(fd, link) && program_interpreter(link, buffer, USUAL_PATH))
		return place_find(ret, AT_FDCWD, buffer);
	return directory_place(ret, buffer);
}

/* Is the path relative to a working directory that may be another one than what we remember? musl's
 * posix_spawn changes the child's past the sites. */
static bool is_of_child(int dirfd, const char *path)
{
	return dirfd == AT_FDCWD && *path != '/' && !image_is_ours();
}

/* The place of a program. For an empty path (fexecve), or one of the process's own links, this is
 * what the descriptor's link in /proc says, in `buffer`. If the execution succeeds, that counts
 * even if no directory has that name any more, or ever had; if it has failed, such a program is not
 * recorded. */
static bool program_place(struct place *ret, int dirfd, const char *path, int error, char *buffer)
{
	struct held held = { .kind = HELD_FD, .fd = dirfd, .rest = "" };

	if (path && *path && (!held_find(path, &held) || *held.rest))
		return is_of_child(dirfd, path)
			       ? place_find_from(ret, directory_ask(AT_FDCWD), path)
			       : place_find(ret, dirfd, path);
	if (error || held.kind == HELD_ROOT)
		return held_place(&held, ret, buffer, USUAL_PATH);
	return place_of_descriptor(ret, held.fd, buffer);
}

/* An attempt that is known to fail is not recorded here: by the time that it fails, its record may
 * be in the spool, where it cannot be taken back. */
uint64_t record_exec_begin(int dirfd, const char *path, enum program_glance glance)
{
	char buffer[USUAL_PATH];
	struct place place;

	if (glance == GLANCE_NONE)
		return EXEC_WILL_FAIL;
	/* A path by which program_glance() has found a program can be read. Any other may be a bad
	 * pointer. */
	if (!image_segment() || (path && glance != GLANCE_DYNAMIC && !path_is_readable(path)) ||
		!program_place(&place, dirfd, path, 0, buffer))
		return 0;
	return fact_exec(&place);
}

/* An empty path, relative to no descriptor. */
static bool names_nothing(int dirfd, const char *path, int error)
{
	return error == ENOENT && dirfd == AT_FDCWD && path && !*path;
}

/* Does the program exist? What a descriptor names does, whatever has become of its name. */
static bool is_there(int dirfd, const char *path)
{
	return !path || !*path || directory_holds(dirfd, path);
}

/* absent: the program was not there just before. */
static void record_outcome(int dirfd, const char *path, int error, bool absent)
{
	char buffer[USUAL_PATH];
	struct place place;
	uint64_t key;

	if (!image_segment() || fact_says_nothing(error) ||
		(error && path && !path_was_read(path, error)) ||
		names_nothing(dirfd, path, error) ||
		!program_place(&place, dirfd, path, error, buffer) ||
		fact_is_known(place.hash, FACT_ATTRIBUTES(RECORD_EXECUTE, 0, error), &key))
		return;
	/* The kernel answers ENOENT, too, if the interpreter of a script or the dynamic linker of a
	 * program is missing. */
	if (error == ENOENT && !absent && is_there(dirfd, path)) {
		error = ENOEXEC;
		if (fact_is_known(place.hash, FACT_ATTRIBUTES(RECORD_EXECUTE, 0, error), &key))
			return;
	}
	fact_record(&(struct record){ .kind = RECORD_EXECUTE,
			    .error = (unsigned)error,
			    .directory = place.directory,
			    .path = place.path,
			    .path_size = place.size },
		key);
}

void record_exec_failed(uint64_t ticket, int dirfd, const char *path, int error)
{
	bool absent = ticket == EXEC_WILL_FAIL;

	if (!absent)
		fact_exec_undo(ticket);
	record_outcome(dirfd, path, error, absent);
}

void record_spawned(int dirfd, const char *path, int error)
{
	record_outcome(dirfd, path, error, false);
	directory_parent_runs();
}
