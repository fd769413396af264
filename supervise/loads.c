#define _GNU_SOURCE
#include "supervise/loads.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/calls_table.h"
#include "preload/record/facts.h"
#include "preload/record/held.h"
#include "preload/record/recorder.h"
#include "preload/record/seen.h"
#include "preload/text.h"
#include "supervise/interp.h"
#include "supervise/target.h"

#define LINE_SIZE (FP_PATH_SIZE_MAX + 128) /* of /proc/PID/maps; what is longer is cut */

bool loads_begin(int pid)
{
	char name[TARGET_NAME_SIZE], path[FP_PATH_SIZE_MAX];
	int program CLEANUP_FD = -1;

	target_name(name, pid, "exe", -1);
	program = (int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC, 0);
	if (program < 0 || interpreter_of(program, path) <= 0)
		return false;
	record_load(LOADED_BY_START, path, NULL);
	return true;
}

/* --- the memory map --------------------------------------------------------------------------- */

/* The path in a line of the map, if a file is mapped to be executed. NULL: it is not, or has no
 * name any more. The line: "ADDRESS-ADDRESS r-xp OFFSET DEVICE INODE   PATH". */
static const char *executed_file(const char *line)
{
	const char *rights = line;

	while (*rights && *rights != ' ')
		rights++;
	if (text_length_limited(rights, 4) < 4 || rights[3] != 'x')
		return NULL;
	while (*rights && *rights != '/')
		rights++;
	return *rights && !held_is_nameless(rights, text_length(rights)) ? rights : NULL;
}

/* Paths in the map are as seen from our root. */
static void record_mapped(const char *path, enum loaded_by how)
{
	uint64_t root = image.root, key;
	struct place place;

	if (root == FP_DIRECTORY_UNKNOWABLE)
		return; /* what the linker has opened is a gap already */
	image.root = 0;
	if (place_find_from(&place, 0, path) &&
		!fact_is_known(seen_hash(place.hash, NULL, 0),
			FACT_ATTRIBUTES(RECORD_LOAD, LOADED_BY_START, 0), &key))
		record_load(how, path, NULL);
	image.root = root;
}

static void look_at_line(const char *line, const char *program, enum loaded_by how)
{
	const char *path = executed_file(line);

	if (path && !text_equal(path, program))
		record_mapped(path, how);
}

/* Looks at each whole line; returns the size of what is left behind the last one, moved to the
 * beginning. */
static size_t look_at_lines(char *text, size_t size, const char *program, enum loaded_by how)
{
	size_t begin = 0;

	for (size_t at = 0; at < size; at++) {
		if (text[at] != '\n')
			continue;
		text[at] = '\0';
		look_at_line(text + begin, program, how);
		begin = at + 1;
	}
	memmove(text, text + begin, size - begin);
	return size - begin;
}

bool loads_show(long number)
{
	enum meaning means = call_of(number)->means;

	return number == SYS_arch_prctl || means == END || means == EXECUTE;
}

/* glibc's linker calls arch_prctl when it has mapped what the program needs; musl's before that.
 * What comes later may have been opened by dlopen, or needed by that. */
void loads_look(int pid, long number)
{
	enum loaded_by how = number == SYS_arch_prctl ? LOADED_BY_START : LOADED_BY_NEEDED;
	char name[TARGET_NAME_SIZE], program[FP_PATH_SIZE_MAX];
	static char lines[LINE_SIZE];
	int map CLEANUP_FD = -1;
	size_t have = 0;
	long got;

	if (target_link(pid, "exe", -1, program, sizeof(program)) < 0)
		return;
	target_name(name, pid, "maps", -1);
	map = (int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_RDONLY | O_CLOEXEC, 0);
	while (map >= 0 && (got = rawcall3(SYS_read, map, (long)(lines + have),
				    (long)(sizeof(lines) - have))) > 0) {
		have = look_at_lines(lines, have + (size_t)got, program, how);
		if (have == sizeof(lines))
			have = 0;
	}
}
