#define _GNU_SOURCE
#include "preload/record/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/record/directories.h"
#include "preload/record/facts.h"
#include "preload/record/held.h"
#include "preload/record/pointers.h"
#include "preload/record/prefixes.h"
#include "preload/record/seen.h"
#include "preload/text.h"

/* Not inlined, so that a fact that is known does not pay for the registers that this needs. */
static __attribute__((noinline)) void record_new(
	unsigned access, const struct place *place, int error, uint64_t key)
{
	struct record record = { .kind = RECORD_PATH,
		.access = access & ~ACCESS_NO_FOLLOW,
		.no_follow = (access & ACCESS_NO_FOLLOW) != 0,
		.error = (unsigned)error,
		.directory = place->directory,
		.path = place->path,
		.path_size = place->size };

	prefix_shorten(&record);
	fact_record(&record, key);
}

static inline void record_place(unsigned access, const struct place *place, int error)
{
	uint64_t key;

	if (!fact_is_known(place->hash, FACT_ATTRIBUTES(RECORD_PATH, access, error), &key))
		record_new(access, place, error, key);
}

/* Is a use of this path, with this outcome, to be recorded? False also where `path` may be a bad
 * pointer. */
static inline bool is_worth_a_look(const char *path, int error)
{
	return image_segment() &&
	       (!error || (!fact_error_says_nothing(error) && path_was_read(path, error)));
}

/* Does the path end at one of the process's own links (/proc/self/fd/5), and does the call follow
 * it? */
static inline bool ends_at_held(const char *path, unsigned access, struct held *ret)
{
	return path && !(access & ACCESS_NO_FOLLOW) && held_find(path, ret) && !*ret->rest;
}

/* Not inlined, so that its buffer does not add to the stack that every call uses. */
static __attribute__((noinline)) void record_held(
	unsigned access, const struct held *held, int error)
{
	char path[USUAL_PATH];
	struct place place;

	if (held_place(held, &place, path, sizeof(path)))
		record_place(access, &place, error);
}

void record_path(unsigned access, int dirfd, const char *path, int error)
{
	struct place place;
	struct held held;

	if (!is_worth_a_look(path, error))
		return;
	if (ends_at_held(path, access, &held))
		record_held(access, &held, error);
	else if (place_find_inline(&place, dirfd, path))
		record_place(access, &place, error);
}

uint64_t record_directory(void)
{
	return image_segment() ? directory_of(AT_FDCWD) : 0;
}

void record_move(void)
{
	if (image_segment())
		directory_move();
}

/* The place of a path, as of the time when the working directory was `from`. False: it names
 * nothing. */
static bool find_from(struct place *ret, uint64_t from, const char *path)
{
	struct held held = { .kind = HELD_WORKING_DIRECTORY, .rest = path };

	if (!from || !path || (held_find(path, &held) && held.kind != HELD_WORKING_DIRECTORY))
		return place_find(ret, AT_FDCWD, path);
	return place_find_from(ret, from, held.rest);
}

void record_path_from(uint64_t from, unsigned access, const char *path, int error)
{
	struct place place;

	if (is_worth_a_look(path, error) && find_from(&place, from, path))
		record_place(access, &place, error);
}

static inline unsigned access_of(int flags)
{
	static const uint8_t ways[] = {
		[O_RDONLY] = ACCESS_READ,
		[O_WRONLY] = ACCESS_WRITE,
		[O_RDWR] = ACCESS_READ | ACCESS_WRITE,
		[O_ACCMODE] = ACCESS_READ | ACCESS_WRITE, /* 3: for ioctl only */
	};
	unsigned access = ways[flags & O_ACCMODE];

	if (flags & O_PATH || (flags & O_TMPFILE) == O_TMPFILE)
		access = ACCESS_CHECK;
	else if (flags & O_DIRECTORY)
		access = ACCESS_LIST;
	if (flags & (O_CREAT | O_TRUNC) && access != ACCESS_CHECK) {
		access |= flags & O_CREAT ? ACCESS_CREATE : 0;
		access |= flags & O_TRUNC ? ACCESS_WRITE : 0;
	}
	return access | (flags & O_NOFOLLOW ? ACCESS_NO_FOLLOW : 0);
}

/* Does a relative path contain ".."? A loop of `open("..")` would make a new id in each round, so
 * such paths get none. */
static bool leads_up(const char *path)
{
	for (const char *p = path; *p; p++) {
		if (p[0] == '.' && p[1] == '.' && (!p[2] || p[2] == '/') &&
			(p == path || p[-1] == '/'))
			return true;
	}
	return false;
}

static bool may_name_directory(int flags)
{
	return (flags & O_DIRECTORY || flags & O_PATH) && (flags & O_TMPFILE) != O_TMPFILE;
}

/* The id of what was opened, if it may be a directory. 0: no id; the kernel is asked when something
 * is opened relative to it. */
static uint64_t opened_directory(const struct place *place, int flags)
{
	uint64_t id = 0;

	if (may_name_directory(flags) && (!place->directory || !leads_up(place->path)))
		id = place_id(place);
	return id == FP_DIRECTORY_UNKNOWABLE ? 0 : id;
}

void record_open(int dirfd, const char *path, int flags, int fd, int error)
{
	unsigned access = access_of(flags);
	struct place place;
	struct held held;
	uint64_t id = 0;

	if (is_worth_a_look(path, error)) {
		if (ends_at_held(path, access, &held)) {
			record_held(access, &held, error);
		} else if (place_find_inline(&place, dirfd, path)) {
			record_place(access, &place, error);
			id = fd < 0 ? 0 : opened_directory(&place, flags);
		}
	}
	if (fd >= 0 && image.segment)
		directory_set(fd, id);
}

/* Would the kernel have to be asked what this path is relative to? */
static bool is_far_from_known(int dirfd, const char *path)
{
	if (*path == '/')
		return false;
	return dirfd == AT_FDCWD ? !directory_working_known() : !directory_known(dirfd);
}

bool record_open_is_known(int dirfd, const char *path, int flags, int fd, int error)
{
	struct place place;
	struct held held;
	uint64_t key;

	if (fact_says_nothing(error))
		return true;
	if ((error && !error_tells_of_a_look(error)) || may_name_directory(flags) ||
		directory_known(fd) || !path || is_far_from_known(dirfd, path) ||
		held_find(path, &held))
		return false;
	return place_find(&place, dirfd, path) &&
	       fact_is_known(
		       place.hash, FACT_ATTRIBUTES(RECORD_PATH, access_of(flags), error), &key);
}

#define INET6_SIZE_MIN offsetof(struct sockaddr_in6, sin6_scope_id) /* RFC 2133 knew no scope */

/* The size of the part of the address that has a meaning. 0: it is not recorded. */
static size_t address_size(const struct sockaddr *address, size_t size)
{
	const struct sockaddr_un *unix_address = (const void *)address;
	size_t head = offsetof(struct sockaddr_un, sun_path);

	if (size < sizeof(address->sa_family))
		return 0;
	switch (address->sa_family) {
	case AF_INET:
		return size >= sizeof(struct sockaddr_in) ? sizeof(struct sockaddr_in) : 0;
	case AF_INET6:
		return size >= INET6_SIZE_MIN ? sizeof(struct sockaddr_in6) : 0;
	case AF_UNIX:
		if (size <= head || size > sizeof(*unix_address))
			return 0; /* unnamed: the kernel picks a name */
		if (!unix_address->sun_path[0])
			return size;
		return head + text_length_limited(unix_address->sun_path, size - head);
	default:
		return 0;
	}
}

/* Larger than any address of the kernel's, because a path may become longer in it (set_path). */
union address {
	struct sockaddr any;
	struct sockaddr_in inet;
	struct sockaddr_un unix_path;
	char bytes[FP_ADDRESS_SIZE_MAX];
};

/* `path` may point into the address. */
static void set_path(union address *address, size_t *size, const char *path)
{
	size_t head = offsetof(struct sockaddr_un, sun_path), length = text_length(path);

	memmove(address->bytes + head, path, length + 1);
	*size = head + length;
}

/* For a Unix socket with a path: rewrites the path as those of files are written in records.
 * Returns the id of the directory that it is then relative to; 0 if it is absolute, or no path. */
static uint64_t place_socket(union address *address, size_t *size)
{
	size_t head = offsetof(struct sockaddr_un, sun_path);
	char *path = address->bytes + head;
	struct held held;
	bool is_held;

	if (!*path)
		return 0;
	if (*path != '/')
		return directory_of(AT_FDCWD);
	is_held = held_find(path, &held);
	if (!is_held || held.kind == HELD_ROOT) {
		uint64_t root = directory_root();

		if (root)
			set_path(address, size, place_below_root(is_held ? held.rest : path));
		return root;
	}
	if (*held.rest) {
		set_path(address, size, held.rest);
		return directory_of(held.fd);
	}
	/* After a chroot, an address cannot express a path from the root that the hello named. */
	if (!image.root && held_path(&held, path, sizeof(*address) - head))
		*size = head + text_length(path);
	return 0;
}

/* Copies the part of an address that has a meaning. Returns its size; 0: it is not recorded. */
static size_t copy_address(
	union address *copy, enum endpoint_use use, const void *address, size_t size)
{
	memset(copy, 0, sizeof(*copy));
	memcpy(copy->bytes, address, size < sizeof(*copy) ? size : sizeof(*copy));
	/* bind() takes AF_UNSPEC for AF_INET, with the address of all interfaces. */
	if (use == ENDPOINT_BIND && copy->any.sa_family == AF_UNSPEC && size)
		copy->any.sa_family = AF_INET;
	size = address_size(&copy->any, size);
	memset(copy->bytes + size, 0, sizeof(*copy) - size);
	if (copy->any.sa_family == AF_INET)
		memset(copy->inet.sin_zero, 0, sizeof(copy->inet.sin_zero));
	return size;
}

void record_address(enum endpoint_use use, const void *address, size_t size, int error)
{
	union address copy;
	uint64_t directory = 0, key;

	/* A signal interrupts the waiting, not the connection: that goes on. */
	if (use == ENDPOINT_CONNECT && error == EINTR)
		error = EINPROGRESS;
	if (!image_segment() || fact_says_nothing(error) || !address ||
		(error && !structure_was_read(address, size, error)))
		return;
	size = copy_address(&copy, use, address, size);
	if (!size)
		return;
	if (copy.any.sa_family == AF_UNIX)
		directory = place_socket(&copy, &size);
	if (fact_is_known(seen_hash(directory, copy.bytes, size),
		    FACT_ATTRIBUTES(RECORD_ENDPOINT, use, error), &key))
		return;
	fact_record(&(struct record){ .kind = RECORD_ENDPOINT,
			    .error = (unsigned)error,
			    .directory = directory,
			    .more = &(struct record_more){ .endpoint = use,
				    .address = copy.bytes,
				    .address_size = size } },
		key);
}

/* What getsockopt says of a socket. -1: nothing. */
static int socket_option(int fd, int option)
{
	socklen_t size = sizeof(option);
	int value = -1;

	rawcall6(SYS_getsockopt, fd, SOL_SOCKET, option, (long)&value, (long)&size, 0);
	return value;
}

static bool may_wait(int fd)
{
	long flags = image.memory_only ? -1 : rawcall3(SYS_fcntl, fd, F_GETFL, 0);

	return flags >= 0 && !(flags & O_NONBLOCK);
}

/* Does a connect to this family wait for an answer from the network? (That of a Unix socket waits
 * only where a queue is full.) */
static bool is_of_network(int fd, int family)
{
	return (family == AF_INET || family == AF_INET6) &&
	       socket_option(fd, SO_DOMAIN) == family && socket_option(fd, SO_TYPE) == SOCK_STREAM;
}

/* Is the structure in the page of the stack that we are on? Then it can be read without asking. */
static bool is_on_stack(const void *structure, size_t size)
{
	uintptr_t page = (uintptr_t)__builtin_frame_address(0) & -PAGE;

	return (uintptr_t)structure >= page && (uintptr_t)structure + size <= page + PAGE;
}

/* Was a connect to this address recorded that waits? Of another family than the network's, none has
 * to be. */
static bool connect_is_known(const void *address, size_t size)
{
	union address copy;
	uint64_t key;

	size = copy_address(&copy, ENDPOINT_CONNECT, address, size);
	if (copy.any.sa_family != AF_INET && copy.any.sa_family != AF_INET6)
		return true;
	return size &&
	       fact_is_known(seen_hash(0, copy.bytes, size),
		       FACT_ATTRIBUTES(RECORD_ENDPOINT, ENDPOINT_CONNECT, EINPROGRESS), &key);
}

void record_connect_begins(int fd, const void *address, size_t size)
{
	bool readable = is_on_stack(address, size);
	sa_family_t family;

	if (!image_segment() || size < sizeof(family) || size > sizeof(struct sockaddr_storage) ||
		(readable && connect_is_known(address, size)) || !may_wait(fd))
		return;
	if (!readable && (!structure_is_readable(address, size) || connect_is_known(address, size)))
		return;
	memcpy(&family, address, sizeof(family));
	if (is_of_network(fd, family))
		record_address(ENDPOINT_CONNECT, address, size, EINPROGRESS);
}

void record_gap(const char *kind, const char *path, const char *detail)
{
	struct place place;
	size_t size = detail ? text_length_limited(detail, FP_DETAIL_SIZE_MAX - 1) : 0;
	uint64_t hash, key;

	if (!image_segment())
		return;
	if (!place_find(&place, AT_FDCWD, path))
		place = (struct place){ 0 };
	hash = seen_hash(place.hash, kind, text_length(kind));
	hash = seen_hash(hash, detail, size);
	if (fact_is_known(hash, FACT_ATTRIBUTES(RECORD_GAP, 0, 0), &key))
		return;
	fact_record(&(struct record){ .kind = RECORD_GAP,
			    .directory = place.directory,
			    .path = place.path,
			    .path_size = place.size,
			    .more = &(struct record_more){ .gap = kind,
				    .gap_size = text_length(kind),
				    .detail = detail,
				    .detail_size = size } },
		key);
}

void record_filter(void)
{
	uint64_t key;

	if (!fact_is_known(0, FACT_ATTRIBUTES(RECORD_FILTER, 0, 0), &key))
		fact_record(&(struct record){ .kind = RECORD_FILTER }, key);
}

void record_load(enum loaded_by loaded_by, const char *path, const char *requester)
{
	struct place place;
	size_t size;
	uint64_t key;

	/* Relative to the working directory at the time when that object was loaded, which is not
	 * known. */
	if (requester && *requester != '/')
		requester = NULL;
	size = requester ? text_length_limited(requester, FP_PATH_SIZE_MAX - 1) : 0;
	if (!image_segment() || !place_find(&place, AT_FDCWD, path))
		return;
	if (fact_is_known(seen_hash(place.hash, requester, size),
		    FACT_ATTRIBUTES(RECORD_LOAD, loaded_by, 0), &key))
		return;
	fact_record(&(struct record){ .kind = RECORD_LOAD,
			    .directory = place.directory,
			    .path = place.path,
			    .path_size = place.size,
			    .more = &(struct record_more){ .loaded_by = loaded_by,
				    .requester = requester,
				    .requester_size = size } },
		key);
}

void record_chdir(uint64_t from, const char *path, int error)
{
	bool worth = is_worth_a_look(path, error), found = false;
	struct place place;
	struct held held;
	uint64_t id;

	if (worth && ends_at_held(path, ACCESS_CHECK, &held))
		record_held(ACCESS_CHECK, &held, error);
	else
		found = worth && find_from(&place, from, path);
	if (found)
		record_place(ACCESS_CHECK, &place, error);
	/* A chdir to a relative path makes no new id, since a loop of chdir("sub") and chdir("..")
	 * would never stop making them. The kernel is asked when a path is relative to the new
	 * directory. */
	if (error)
		directory_stay();
	if (error || !image.segment)
		return;
	id = found ? place_id(&place) : FP_DIRECTORY_UNKNOWABLE;
	if (id == FP_DIRECTORY_UNKNOWABLE || (place.directory && id != place.directory))
		id = 0;
	directory_set_working(id);
}

void record_fchdir(int fd, int error)
{
	uint64_t id;

	if (error)
		directory_stay();
	if (error || !image_segment())
		return;
	id = directory_of(fd);
	directory_set_working(id == FP_DIRECTORY_UNKNOWABLE ? 0 : id);
}
