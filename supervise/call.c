#define _GNU_SOURCE
#include "supervise/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/programs/supervised_filter.h"
#include "preload/rawcall.h"
#include "preload/record/calls.h"
#include "preload/record/calls_table.h"
#include "preload/record/held.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "supervise/caller.h"
#include "supervise/images.h"
#include "supervise/outcome.h"
#include "supervise/rights.h"
#include "supervise/target.h"

#define MESSAGES_MAX 1024u /* messages of a sendmmsg: the kernel looks at no more (UIO_MAXIOV) */

/* The path stands behind room for the path to its directory (way_by_proc). */
struct name {
	char room[TARGET_NAME_SIZE + FP_PATH_SIZE_MAX];
	char from_root[FP_PATH_SIZE_MAX]; /* the same as an absolute path (seen_from_root) */
};

/* The call that was read last. */
static struct {
	const struct call *row;
	const struct announced *announced;
	long arguments[6]; /* the pointers among them point to the copies below */
	struct name name, to_name;
	bool by_proc; /* a name was looked up by way of /proc */
	bool refused; /* the caller's directory may not be looked at */
	struct open_how how;
	char address[FP_ADDRESS_SIZE_MAX];
	unsigned address_size;
} called;

static char *path_of(struct name *name)
{
	return name->room + TARGET_NAME_SIZE;
}

static int copy_path(unsigned which, struct name *name)
{
	char *to = path_of(name);
	long size;

	if (which == NONE)
		return 0;
	if (!called.arguments[which - 1])
		return -EFAULT; /* names nothing */
	size = target_string(
		called.announced->pid, (uint64_t)called.arguments[which - 1], to, FP_PATH_SIZE_MAX);
	called.arguments[which - 1] = size < 0 ? 0 : (long)to;
	return size < 0 ? (int)size : 0;
}

static int copy_how(void)
{
	uint64_t size = (uint64_t)called.arguments[3];
	int error;

	memset(&called.how, 0, sizeof(called.how));
	if (size < sizeof(called.how))
		return -EINVAL;
	error = target_bytes(called.announced->pid, (uint64_t)called.arguments[2], &called.how,
		sizeof(called.how));
	called.arguments[2] = (long)&called.how;
	return error;
}

static int copy_address(uint64_t address, uint64_t size)
{
	called.address_size = 0;
	if (!address || size > sizeof(called.address))
		return -EINVAL;
	called.address_size = (unsigned)size;
	return target_bytes(called.announced->pid, address, called.address, size);
}

/* 0 or a negative errno: the kernel will refuse the call, too, or the memory may not be read. */
static int copy_arguments(void)
{
	const struct call *row = called.row;
	int error;

	switch (row->means) {
	case ADDRESS:
		return copy_address((uint64_t)called.arguments[1], (unsigned)called.arguments[2]);
	case SEND:
		return copy_address((uint64_t)called.arguments[4], (unsigned)called.arguments[5]);
	case SEND_MESSAGE:
	case SEND_SEVERAL:
		return 0;
	case OPEN_HOW:
		error = copy_how();
		if (error)
			return error;
		break;
	default:
		break;
	}
	error = copy_path(row->path, &called.name);
	return error ? error : copy_path(row->to_path, &called.to_name);
}

/* Is the call announced for what it does, and not for a name in it? */
static bool names_nothing(const struct call *row)
{
	switch (row->means) {
	case NOTHING:
	case END:
	case FILTER:
		return true;
	case DIRECTORY:
		return row->path == NONE; /* fchdir */
	default:
		return false;
	}
}

bool call_read(const struct announced *announced, int *ret_error)
{
	int error;

	called.row = call_of(announced->number);
	called.announced = announced;
	for (int i = 0; i < 6; i++)
		called.arguments[i] = (long)announced->arguments[i];
	*ret_error = 0;
	if (!supervised_filter_announces(announced->number) || names_nothing(called.row))
		return false;
	error = copy_arguments();
	if (target_refuses(error))
		*ret_error = error;
	return !error;
}

/* --- where names begin ------------------------------------------------------------------------ */

/* How a relative name is looked up: by one lookup that begins in /proc, or from a descriptor. The
 * first costs less, but its errors may be those of the way there: a caller that was killed has no
 * directory. */
enum approach { BY_PROC, BY_DESCRIPTOR };

static int open_directory(int dirfd)
{
	char name[TARGET_NAME_SIZE];
	int fd;

	if (dirfd == AT_FDCWD)
		target_name(name, called.announced->pid, "cwd", -1);
	else if (dirfd >= 0)
		target_name(name, called.announced->pid, "fd", dirfd);
	else
		return -EBADF;
	fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_PATH | O_CLOEXEC, 0);
	called.refused |= target_refuses(fd);
	return fd;
}

/* Writes the path of the caller's working directory in /proc before the path, which stands in a
 * struct name. */
static const char *way_by_proc(const char *path)
{
	char way[TARGET_NAME_SIZE];
	size_t size;

	target_name(way, called.announced->pid, "cwd/", -1);
	size = text_length(way);
	called.by_proc = true;
	return memcpy((char *)path - size, way, size);
}

/* Where an absolute path of the caller begins. */
static struct spot absolute_spot(const char *path)
{
	int root = images_root(called.announced->pid);

	return root > 0 ? (struct spot){ root, path, true, 0 }
			: (struct spot){ AT_FDCWD, path, false, 0 };
}

/* The absolute form of a relative path, which stands in a struct name, as a caller with a root of
 * its own sees it: looked up from that root, its links lead where they lead the caller. NULL: the
 * caller has no such root, or the directory is outside of it. */
static const char *seen_from_root(int dirfd, const char *path)
{
	char room[FP_PATH_SIZE_MAX];
	const char *directory = caller_sees(dirfd, room);
	struct name *name = (struct name *)((char *)path - TARGET_NAME_SIZE);
	char *to = name->from_root, *end = to + sizeof(name->from_root);

	if (!directory || text_length(directory) + 1 + text_length(path) >= FP_PATH_SIZE_MAX)
		return NULL;
	text_append(text_append(text_append(to, end, directory), end, "/"), end, path);
	return to;
}

static struct spot relative_spot(const char *path, unsigned directory, enum approach approach)
{
	int dirfd = directory == NONE ? AT_FDCWD : (int)called.arguments[directory - 1];
	const char *seen = seen_from_root(dirfd, path);

	if (seen)
		return absolute_spot(seen);
	if (dirfd == AT_FDCWD && approach == BY_PROC)
		return (struct spot){ AT_FDCWD, way_by_proc(path), false, 0 };
	return (struct spot){ open_directory(dirfd), path, false, 0 };
}

/* Where a path through /proc/self begins, for the caller. */
static struct spot held_spot(const struct held *held)
{
	static char link[TARGET_NAME_SIZE];
	int fd;

	if (held->kind == HELD_ROOT)
		return absolute_spot(*held->rest ? held->rest - 1 : "/");
	fd = open_directory(held->fd);
	if (*held->rest)
		return (struct spot){ fd, held->rest, false, 0 };
	fd_close(&fd);
	if (held->kind == HELD_FD)
		target_name(link, called.announced->pid, "fd", held->fd);
	else
		target_name(link, called.announced->pid, "cwd", -1);
	return (struct spot){ AT_FDCWD, link, false, 0 };
}

static struct spot spot_of(const char *path, unsigned directory, enum approach approach)
{
	struct held held;

	if (!path || !*path)
		return (struct spot){ AT_FDCWD, path, false, 0 };
	if (*path != '/')
		return relative_spot(path, directory, approach);
	return held_find(path, &held) ? held_spot(&held) : absolute_spot(path);
}

/* What openat2 was told about how far a path may lead. Except RESOLVE_CACHED: that is about what
 * the kernel has in memory, and we look anyway. */
static uint64_t told_to_resolve(void)
{
	return called.row->means == OPEN_HOW ? called.how.resolve & ~(uint64_t)RESOLVE_CACHED : 0;
}

static struct spot resolved_spot(const char *path, unsigned directory)
{
	uint64_t resolve = told_to_resolve();
	bool from_root = *path == '/' && !(resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH));
	struct spot spot = { -1, path, false, 0 };

	if (from_root)
		spot = absolute_spot(path);
	else
		spot.fd = open_directory((int)called.arguments[directory - 1]);
	spot.resolve = resolve | (spot.below ? RESOLVE_IN_ROOT : 0);
	spot.below = true;
	return spot;
}

static const char *path_argument(unsigned which)
{
	return which == NONE ? NULL : (const char *)called.arguments[which - 1];
}

/* The path of the Unix address that the call has. NULL: it has none. */
static const char *socket_path(void)
{
	const struct sockaddr_un *address = (const void *)called.address;
	size_t head = offsetof(struct sockaddr_un, sun_path);
	size_t size;

	if (called.address_size <= head || address->sun_family != AF_UNIX || !address->sun_path[0])
		return NULL;
	size = text_length_limited(address->sun_path, called.address_size - head);
	memcpy(path_of(&called.name), address->sun_path, size);
	path_of(&called.name)[size] = '\0';
	return path_of(&called.name);
}

/* --- recording -------------------------------------------------------------------------------- */

static int open_flags(void)
{
	switch (called.row->means) {
	case OPEN:
		return (int)called.arguments[called.row->flags - 1];
	case OPEN_HOW:
		return (int)called.how.flags;
	default:
		return O_CREAT | O_WRONLY | O_TRUNC;
	}
}

static bool has_capabilities(const struct spot *spot)
{
	char link[TARGET_NAME_SIZE];
	long fd = rawcall4(SYS_openat, spot->fd, (long)spot->path, O_PATH | O_CLOEXEC, 0);
	long size;

	if (fd < 0)
		return false;
	target_name(link, (int)rawcall3(SYS_getpid, 0, 0, 0), "fd", fd);
	size = rawcall4(SYS_getxattr, (long)link, (long)"security.capability", 0, 0);
	rawcall3(SYS_close, fd, 0, 0);
	return size > 0;
}

/* May the program give rights to its caller, whose ones are taken? */
static bool gives_privileges(const struct spot *spot, const struct stat *status)
{
	uid_t user = rights_user();
	gid_t group = rights_group();

	return (status->st_mode & S_ISUID && status->st_uid != user) ||
	       (status->st_mode & S_ISGID && status->st_mode & S_IXGRP &&
		       status->st_gid != group) ||
	       (user != 0 && has_capabilities(spot));
}

/* Under no_new_privs, which our filter may have required, a program has no rights of its own: that
 * is a gap. */
static void note_privileges(const struct spot *spot)
{
	struct stat status;
	bool gives;

	if (!spot->path || spot->below)
		return;
	if (images_rights_differ())
		rights_take(called.announced->pid);
	gives = rawcall4(SYS_newfstatat, spot->fd, (long)spot->path, (long)&status, 0) == 0 &&
		gives_privileges(spot, &status);
	rights_return();
	if (gives)
		record_gap("setuid-program", path_argument(called.row->path),
			"ran below a supervised program, where it may have no privileges");
}

static void record_execution(const struct spot *spot, int error)
{
	int directory = called.row->directory == NONE
				? AT_FDCWD
				: (int)called.arguments[called.row->directory - 1];

	record_spawned(directory, path_argument(called.row->path), error);
	if (!error)
		note_privileges(spot);
}

static bool has_address(const struct call *row)
{
	return row->means == ADDRESS || row->means == SEND;
}

/* Is it fexecve: an empty path, which means the descriptor? */
static bool executes_descriptor(const struct call *row)
{
	return row->means == EXECUTE && row->flags != NONE &&
	       called.arguments[row->flags - 1] & AT_EMPTY_PATH && !*path_argument(row->path);
}

static struct spot first_spot(enum approach approach)
{
	const struct call *row = called.row;
	struct held descriptor = { .kind = HELD_FD, .rest = "" }, held;

	if (has_address(row))
		return spot_of(socket_path(), NONE, approach);
	if (told_to_resolve() && !held_find(path_argument(row->path), &held))
		return resolved_spot(path_argument(row->path), row->directory);
	if (executes_descriptor(row)) {
		descriptor.fd = (int)called.arguments[row->directory - 1];
		return held_spot(&descriptor);
	}
	return spot_of(path_argument(row->path), row->directory, approach);
}

/* 0 or the errno that the call will return. *ret_from: where its first name begins. */
static int predict(enum approach approach, struct spot *ret_from)
{
	const struct call *row = called.row;
	struct spot from = first_spot(approach);
	struct spot to = spot_of(path_argument(row->to_path), row->to_directory, approach);
	int error;

	if (images_rights_differ())
		rights_take(called.announced->pid);
	error = outcome_predict(
		row, called.announced->number, called.arguments, open_flags(), &from, &to);
	rights_return();
	fd_close(&to.fd);
	*ret_from = from;
	return error;
}

static void record_with_names(void)
{
	const struct call *row = called.row;
	struct spot from;
	int error;

	called.by_proc = false;
	error = predict(BY_PROC, &from);
	if (error && called.by_proc) {
		fd_close(&from.fd);
		error = predict(BY_DESCRIPTOR, &from);
	}
	if (called.refused) {
		fd_close(&from.fd);
		return;
	}
	if (error == ENOSYS && image.root)
		record_gap("unresolved", NULL, "this kernel lets nobody look below another root");
	else if (row->means == EXECUTE)
		record_execution(&from, error);
	else if (has_address(row))
		record_address(row->means == SEND ? ENDPOINT_SEND : row->access, called.address,
			called.address_size, error);
	else
		call_after(called.announced->number, called.arguments, -error, 0);
	fd_close(&from.fd);
}

static void record_message(uint64_t header)
{
	struct msghdr message;
	size_t size;

	if (target_bytes(called.announced->pid, header, &message, sizeof(message)) < 0 ||
		!message.msg_name || (int)message.msg_namelen < 0)
		return;
	/* No more than the largest address: the kernel reads no more, either. */
	size = message.msg_namelen < sizeof(called.address) ? message.msg_namelen
							    : sizeof(called.address);
	if (copy_address((uint64_t)message.msg_name, size) < 0)
		return;
	record_address(ENDPOINT_SEND, called.address, called.address_size, 0);
}

static void record_messages(void)
{
	uint64_t header = (uint64_t)called.arguments[1];
	unsigned count = 1;

	if (called.row->means == SEND_SEVERAL)
		count = (unsigned)called.arguments[2];
	for (unsigned i = 0; i < count && i < MESSAGES_MAX; i++)
		record_message(header + i * sizeof(struct mmsghdr));
}

const char *call_path(void)
{
	return path_argument(called.row->path);
}

int call_record(void)
{
	caller_pid = called.announced->pid;
	called.refused = false;
	if (called.announced->made) {
		call_after(called.announced->number, called.arguments, called.announced->result, 0);
		return 0;
	}
	switch (called.row->means) {
	case SEND_MESSAGE:
	case SEND_SEVERAL:
		record_messages();
		break;
	case UNSHARE:
	case ENTER:
		images_root_changed();
		break;
	case ROOT:
		record_with_names();
		images_root_changed();
		break;
	default:
		record_with_names();
	}
	return called.refused ? -EACCES : 0;
}
