#define _GNU_SOURCE
#include "preload/session/hello.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/utsname.h>

#include "preload/clock.h"
#include "preload/image.h"
#include "preload/linker/loaded.h"
#include "preload/mapping.h"
#include "preload/programs/program.h"
#include "preload/rawcall.h"
#include "preload/record/encode.h"
#include "preload/root.h"
#include "preload/session/layout.h"
#include "preload/text.h"

#define HEAD_ROOM  4 /* bytes that a field's number and length take, at most */
#define PATH_SIZE  FP_PATH_SIZE_MAX
#define PATHS_SIZE (5 * PATH_SIZE) /* two paths, each in a working directory, and SPOOL_BESIDE */
/* Bytes of argv[0] and of a script's path, at most: with the other paths they fit
 * FP_HELLO_SIZE_MAX. */
#define INVOKED_AS_SIZE 1024
#define SCRIPT_SIZE	1024
#define SPOOL_BESIDE	"/spool"
/* Bytes of all texts of a hello in a cell, with the copies of its settings. */
#define CELL_TEXT_MAX  900
#define CELL_PATH_MAX  512
#define RANDOM_AT_ONCE 1 /* GRND_NONBLOCK: <sys/random.h> is younger than the oldest libc */

/* Completes a field whose content a system call has written HEAD_ROOM bytes behind the end
 * (room_for_content): writes the field's head, and moves the content up to it. */
static void write_in_place(struct writer *w, unsigned field, long size)
{
	unsigned char *content = w->at + w->size + HEAD_ROOM;

	if (size <= 0)
		return;
	write_bytes_head(w, field, (size_t)size);
	memmove(w->at + w->size, content, (size_t)size);
	w->size += (size_t)size;
}

static long room_for_content(struct writer *w)
{
	return (long)(w->at + w->size + HEAD_ROOM);
}

void hello_write_text(struct writer *w, enum hello_field field, const char *text, size_t limit)
{
	if (text)
		write_bytes(w, field, text, text_length_limited(text, limit - 1));
}

/* A protobuf string has to be UTF-8. In a name that is not, '?' replaces what is not ASCII. */
void hello_write_name(struct writer *w, enum hello_field field, const char *name)
{
	size_t size = name ? text_length_limited(name, FP_NAME_SIZE_MAX - 1) : 0;
	unsigned char *end;

	write_bytes(w, field, name, size);
	end = w->at + w->size;
	if (!text_is_utf8(end - size, size))
		for (unsigned char *p = end - size; p < end; p++)
			if (*p >= 0x80)
				*p = '?';
}

/*
 * Writes the working directory. False: it is longer than `room`. Also remembers its id, which the
 * hello defines. A directory that cannot be reached ("(unreachable)") is not written; the kernel is
 * asked again when a path is relative to it.
 */
static bool write_directory(struct writer *w, size_t room)
{
	char *path = (char *)room_for_content(w);
	long size = rawcall3(SYS_getcwd, (long)path, (long)room, 0) - 1;

	if (size == -ERANGE - 1)
		return false;
	if (size <= 0 || path[0] != '/')
		return true;
	image.directory = fp_directory_id(0, path, (size_t)size);
	write_in_place(w, HELLO_DIRECTORY, size);
	return true;
}

/* The path that execve was given. NULL: not known. */
static const char *asked_path(const struct entry *entry)
{
	return (const char *)entry_auxiliary(entry, AT_EXECFN);
}

/* Was it a script, whose interpreter we are? Then its path also stands among our arguments. */
static bool is_of_script(const struct entry *entry, const char *path)
{
	char **argument = entry->argv;

	while (argument && *argument && *++argument)
		if (text_equal(*argument, path))
			return true;
	return false;
}

/*
 * The path that execve was given, if that is certainly the program's own path. NULL: /proc has to
 * be asked, which costs more than all the rest here, because the kernel creates a process's entries
 * in /proc when they are first used.
 */
static const char *executed_path(const struct entry *entry)
{
	const char *path = asked_path(entry);

	return path && entry->argv && program_path_lasts(path) && !is_of_script(entry, path) ? path
											     : NULL;
}

/* Writes what /proc/self/exe says. False: it may be longer than `room`. */
static bool write_proc_exe(struct writer *w, unsigned field, size_t room)
{
	long size = rawcall3(SYS_readlink, (long)"/proc/self/exe", room_for_content(w), (long)room);

	if (size == (long)room)
		return false;
	write_in_place(w, field, size);
	return true;
}

/* Writes a path that was given when the program started, as an absolute path. */
static void write_absolute(struct writer *w, unsigned field, const char *path)
{
	char *to = (char *)room_for_content(w);
	size_t size = text_length_limited(path, PATH_SIZE / 2 - 1);
	long length = 0;

	if (path[0] != '/') {
		length = rawcall3(SYS_getcwd, (long)to, PATH_SIZE / 2, 0);
		if (length <= 0)
			return;
		to[length - 1] = '/';
	}
	memcpy(to + length, path, size);
	write_in_place(w, field, length + (long)size);
}

/* The script that was executed, which may be gone by the time that somebody looks for it. What is
 * told is not cut: a shorter name would be another one. */
static void write_script(struct writer *w, const char *path)
{
	size_t size = text_length_limited(path, SCRIPT_SIZE);

	if (size < SCRIPT_SIZE && (path[0] != '/' || program_path_lasts(path)))
		write_bytes(w, HELLO_SCRIPT, path, size);
}

/* False: there is no room for it. Without /proc, as in a chroot, this uses the path that execve was
 * given, or that of a script's interpreter, which stands in argv[0]. */
static bool write_executable(struct writer *w, const struct entry *entry, size_t room)
{
	const char *path = asked_path(entry);
	bool of_script = path && is_of_script(entry, path);
	size_t before = w->size;

	if (!write_proc_exe(w, HELLO_EXECUTABLE, room) ||
		(path && w->size == before && room < PATH_SIZE))
		return false;
	if (path && w->size == before)
		write_absolute(w, HELLO_EXECUTABLE, of_script ? entry->argv[0] : path);
	if (of_script)
		write_script(w, path);
	return true;
}

static bool write_programs(struct writer *w, const struct entry *entry, size_t room)
{
	const char *program = loaded_program(), *path = executed_path(entry);
	bool fits = true;

	/* `ld.so program`: the kernel executed the dynamic linker, and that has mapped the
	 * program. */
	if (program) {
		write_absolute(w, HELLO_EXECUTABLE, program);
		write_varint(w, HELLO_LINKER_EXECUTED, true);
		return write_proc_exe(w, HELLO_INTERPRETER, room);
	}
	if (path)
		hello_write_text(w, HELLO_EXECUTABLE, path, PATH_SIZE);
	else
		fits = write_executable(w, entry, room);
	hello_write_text(w, HELLO_INTERPRETER, loaded_interpreter(), PATH_SIZE);
	return fits;
}

static void write_identity(struct writer *w, const struct entry *entry)
{
	struct utsname system;

	write_varint(w, HELLO_PID, (unsigned)image.pid);
	write_varint(w, HELLO_PARENT_PID, (unsigned)rawcall3(SYS_getppid, 0, 0, 0));
	write_varint(w, HELLO_UID,
		entry->aux ? entry_auxiliary(entry, AT_EUID)
			   : (unsigned)rawcall3(SYS_geteuid, 0, 0, 0));
	write_varint(w, HELLO_GID,
		entry->aux ? entry_auxiliary(entry, AT_EGID)
			   : (unsigned)rawcall3(SYS_getegid, 0, 0, 0));
	if (rawcall3(SYS_uname, (long)&system, 0, 0) == 0)
		hello_write_name(w, HELLO_HOST, system.nodename);
	write_fixed64(w, HELLO_STARTED_NS, now_ns());
}

/* Does not wait, as getrandom() would while the system starts and has no randomness yet. Then, and
 * before Linux 3.17, which has no such call, the id is made of the time, the pid and an address. */
void hello_name_session(struct segment *segment)
{
	uint64_t name[2] = { now_ns(), image_time() };
	uint64_t where = (uint64_t)(uintptr_t)segment;

	if (rawcall3(SYS_getrandom, (long)segment->session, SESSION_ID_SIZE, RANDOM_AT_ONCE) ==
		SESSION_ID_SIZE)
		return;
	name[0] = fp_directory_id(name[0], (const char *)&where, sizeof(where));
	name[1] = fp_directory_id(name[1], (const char *)&image.pid, sizeof(image.pid));
	_Static_assert(sizeof(name) == SESSION_ID_SIZE, "an id is two words");
	memcpy(segment->session, name, sizeof(name));
}

void hello_write_root(struct writer *w, const struct root_name *root)
{
	write_fixed64(w, HELLO_ROOT_DEVICE, root->device);
	write_fixed64(w, HELLO_ROOT_INODE, root->inode);
	write_fixed64(w, HELLO_ROOT_BIRTH_NS, root->birth_ns);
}

/* Puts a terminated copy of a path at `to`, and returns where it ends. The copy is absolute, since
 * it is used later, in any working directory. */
static __attribute__((noinline)) char *keep_path(char *to, const char *path, size_t size)
{
	long length = 0;

	if (path[0] != '/') {
		length = rawcall3(SYS_getcwd, (long)to, PATH_SIZE, 0);
		if (length > 0)
			to[length - 1] = '/';
		else
			length = 0;
	}
	memcpy(to + length, path, size);
	to[length + (long)size] = '\0';
	return to + length + size;
}

/* FOOTPRINT_SPOOL, or spool/ beside the socket. */
static void keep_spool_path(char *to, const char *spool)
{
	const char *socket = image.socket_path;
	size_t size = text_length(socket);

	image.spool_path = to;
	if (spool && *spool) {
		keep_path(to, spool, text_length_limited(spool, PATH_SIZE - 1));
		return;
	}
	while (size && socket[size - 1] != '/')
		size--;
	to = keep_path(to, socket, size ? size - 1 : 0);
	memcpy(to, SPOOL_BESIDE, sizeof(SPOOL_BESIDE));
}

/* Private memory for both paths. NULL: there is none. */
static char *room_for_paths(const struct settings *settings)
{
	const char *spool =
		settings->spool && *settings->spool ? settings->spool : settings->socket;
	size_t size = text_length(settings->socket) + text_length(spool) + sizeof(SPOOL_BESIDE) + 1;

	return *settings->socket == '/' && *spool == '/' && size <= sizeof(image.near_paths)
		       ? image.near_paths
		       : map_private(PATHS_SIZE);
}

void hello_forget_settings(void)
{
	if (image.socket_path && image.socket_path != image.near_paths)
		unmap((void *)image.socket_path, PATHS_SIZE);
	image.socket_path = image.spool_path = NULL;
}

bool hello_keep_settings(const struct settings *settings)
{
	char *room = room_for_paths(settings), *end;

	if (!room)
		return false;
	image.socket_path = room;
	end = keep_path(
		room, settings->socket, text_length_limited(settings->socket, PATH_SIZE - 1));
	keep_spool_path(end + 1, settings->spool);
	return true;
}

void hello_write_spool(struct writer *w)
{
	hello_write_text(w, HELLO_SPOOL, image.spool_path, PATH_SIZE);
}

static void write_who(struct writer *w, const struct segment *segment,
	const struct settings *settings, const struct entry *entry)
{
	write_varint(w, HELLO_PROTOCOL, FP_PROTOCOL);
	write_bytes(w, HELLO_SESSION, segment->session, SESSION_ID_SIZE);
	hello_write_name(w, HELLO_APPLICATION, settings->application);
	hello_write_name(w, HELLO_APPLICATION_VERSION, settings->version);
	hello_write_text(w, HELLO_INVOKED_AS, entry->argv ? entry->argv[0] : NULL, INVOKED_AS_SIZE);
	hello_write_name(w, HELLO_LIBRARY_VERSION, FOOTPRINT_VERSION_STRING);
}

void hello_write_first(struct segment *segment, const struct settings *settings,
	const struct entry *entry, int root)
{
	struct writer w = { (unsigned char *)(segment + 1), 0 };
	struct root_name name;

	write_who(&w, segment, settings, entry);
	write_programs(&w, entry, PATH_SIZE);
	write_directory(&w, PATH_SIZE);
	write_identity(&w, entry);
	if (root >= 0 && root_name(root, &name))
		hello_write_root(&w, &name);
	hello_write_spool(&w);
	segment_open_log(segment, sizeof(*segment), (uint32_t)w.size);
}

static size_t length_of(const char *text)
{
	return text ? text_length_limited(text, CELL_TEXT_MAX) : 0;
}

/* Are the texts short enough for a cell, so that most of it is left for records? */
static bool fits_cell(const struct settings *settings, const struct entry *entry)
{
	size_t texts = length_of(settings->socket) + length_of(settings->spool) +
		       length_of(settings->application) + length_of(settings->version) +
		       length_of(loaded_interpreter()) + length_of(asked_path(entry)) +
		       length_of(entry->argv ? entry->argv[0] : NULL);

	return !loaded_program() && settings->socket[0] == '/' &&
	       (!settings->spool || !*settings->spool || *settings->spool == '/') &&
	       texts < CELL_TEXT_MAX;
}

bool hello_write_in_cell(struct segment *segment, const struct settings *settings,
	const struct entry *entry, const struct root_name *root)
{
	struct writer w = { (unsigned char *)(segment + 1), 0 };

	if (!fits_cell(settings, entry))
		return false;
	write_who(&w, segment, settings, entry);
	if (!write_programs(&w, entry, CELL_PATH_MAX) || !write_directory(&w, CELL_PATH_MAX))
		return false;
	write_identity(&w, entry);
	hello_write_root(&w, root);
	hello_write_spool(&w);
	segment_open_log(segment, sizeof(*segment), (uint32_t)w.size);
	return true;
}

void hello_write_next(struct segment *segment)
{
	struct segment *before = segment_previous(segment);
	const struct layout *layout = segment_layout(before);
	struct writer w = { (unsigned char *)(segment + 1), layout->hello_size };

	memcpy(w.at, (char *)before + layout->hello_offset, w.size);
	/* Where a field is there twice, protobuf takes the last one. */
	write_varint(&w, HELLO_SEGMENT, segment->number);
	segment_open_log(segment, sizeof(*segment), (uint32_t)w.size);
}
