#define _GNU_SOURCE
#include "preload/record/directories.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/record/facts.h"
#include "preload/record/held.h"
#include "preload/root.h"
#include "preload/text.h"

/* Descriptors from here on are not remembered: the kernel is asked each time. */
#define FAR_FDS		 1024u
#define FAR_SIZE	 ((FAR_FDS - NEAR_FDS) * sizeof(uint64_t))
#define LINKS_OF_PROCESS "/proc/self/fd/"	 /* of its first thread, while that lives */
#define LINKS_OF_THREAD	 "/proc/thread-self/fd/" /* Linux 3.17 */

/* Is a number not the same descriptor for all who share our memory? */
static bool are_apart(void)
{
	return __atomic_load_n(&image.descriptors_apart, __ATOMIC_RELAXED);
}

/* The entry of a descriptor of NEAR_FDS or more, in a table of its own, which is made on demand.
 * NULL: there is none. */
static uint64_t *far_entry(int fd, bool make)
{
	uint64_t *far = __atomic_load_n(&image.far_directories, __ATOMIC_ACQUIRE);
	uint64_t *none = NULL, *table;

	if (fd < 0 || fd >= (int)FAR_FDS)
		return NULL;
	if (far)
		return &far[fd - NEAR_FDS];
	if (!make || image.memory_only)
		return NULL;
	table = map_private(FAR_SIZE);
	if (!table)
		return NULL;
	if (!__atomic_compare_exchange_n(&image.far_directories, &none, table, false,
		    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		unmap(table, FAR_SIZE);
		table = none;
	}
	return &table[fd - NEAR_FDS];
}

/* The entry of a descriptor, which nearly always stands in the image itself. NULL: it has none. */
static inline uint64_t *entry_of(int fd, bool make)
{
	if (are_apart())
		return NULL;
	return (unsigned)fd < NEAR_FDS ? &image.near_directories[fd] : far_entry(fd, make);
}

static void write_link(char link[DESCRIPTOR_LINK_SIZE], const char *links, int dirfd)
{
	char *end = link + DESCRIPTOR_LINK_SIZE;

	text_append_number(text_append(link, end, links), end, (unsigned)dirfd);
}

bool directory_link(int dirfd, char link[DESCRIPTOR_LINK_SIZE])
{
	write_link(link, are_apart() ? LINKS_OF_THREAD : LINKS_OF_PROCESS, dirfd);
	return dirfd >= 0 && !image.memory_only;
}

/* What a descriptor names, as readlink tells it. */
static long read_link(int dirfd, char *path, size_t size)
{
	char link[DESCRIPTOR_LINK_SIZE];
	long length;

	if (!directory_link(dirfd, link))
		return -ENOENT;
	length = rawcall3(SYS_readlink, (long)link, (long)path, (long)size);
	if (length != -ENOENT)
		return length;
	/* The process has lost its first thread, or the kernel does not know threads' links. */
	write_link(link, are_apart() ? LINKS_OF_PROCESS : LINKS_OF_THREAD, dirfd);
	return rawcall3(SYS_readlink, (long)link, (long)path, (long)size);
}

/* Is the file at this path the one that the descriptor names? */
static bool leads_to(const char *path, int fd)
{
	struct stat found, file;

	return rawcall4(SYS_newfstatat, AT_FDCWD, (long)path, (long)&found, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       rawcall3(SYS_fstat, fd, (long)&file, 0) == 0 && found.st_dev == file.st_dev &&
	       found.st_ino == file.st_ino;
}

/* Behind a change of the root: of a file outside, the kernel tells the path from another root. */
static bool is_of_other_root(const char *path, size_t size, int fd)
{
	return image.root && path[0] == '/' && !held_is_nameless(path, size) && !leads_to(path, fd);
}

long directory_path(int dirfd, char *path, size_t size)
{
	long length;

	if (image.memory_only)
		return -ENOENT;
	if (dirfd == AT_FDCWD) {
		length = rawcall3(SYS_getcwd, (long)path, (long)size, 0);
		if (length > 0)
			length--; /* the NUL counts */
	} else {
		length = read_link(dirfd, path, size);
		if (length == (long)size)
			return -ERANGE;
		if (length > 0)
			path[length] = '\0';
		if (length > 0 && is_of_other_root(path, (size_t)length, dirfd))
			return -ENOENT;
	}
	if (length < 0)
		return length;
	/* no path: "socket:[1]", or "(unreachable)/x" outside our root */
	return length > 0 && path[0] == '/' ? length : -ENOENT;
}

uint64_t directory_ask(int dirfd)
{
	char usual[USUAL_PATH];
	long length = directory_path(dirfd, usual, sizeof(usual));
	uint64_t id;
	char *whole;

	if (length > 0)
		return fact_directory(usual);
	if (length != -ERANGE)
		return FP_DIRECTORY_UNKNOWABLE;
	whole = map_private(FP_PATH_SIZE_MAX);
	if (!whole)
		return FP_DIRECTORY_UNKNOWABLE;
	length = directory_path(dirfd, whole, FP_PATH_SIZE_MAX);
	id = length > 0 ? fact_directory(whole) : FP_DIRECTORY_UNKNOWABLE;
	unmap(whole, FP_PATH_SIZE_MAX);
	return id;
}

static bool is_working_cached(void)
{
	return __atomic_load_n(&image.directory_uncached, __ATOMIC_RELAXED) == DIRECTORY_CACHED;
}

uint64_t directory_working_known(void)
{
	return is_working_cached() ? __atomic_load_n(&image.directory, __ATOMIC_RELAXED) : 0;
}

static uint64_t working_directory(void)
{
	uint64_t id = directory_working_known();

	if (id)
		return id;
	id = directory_ask(AT_FDCWD);
	if (id != FP_DIRECTORY_UNKNOWABLE && is_working_cached() && image_is_ours())
		__atomic_store_n(&image.directory, id, __ATOMIC_RELAXED);
	return id;
}

uint64_t directory_of(int dirfd)
{
	uint64_t id;

	if (dirfd == AT_FDCWD)
		return working_directory();
	id = directory_known(dirfd);
	if (id)
		return id;
	id = directory_ask(dirfd);
	if (id != FP_DIRECTORY_UNKNOWABLE)
		directory_set(dirfd, id);
	return id;
}

bool directory_place(struct place *ret, const char *path)
{
	return place_find_from(ret, 0, path);
}

bool directory_holds(int dirfd, const char *path)
{
	return !image.memory_only && path && *path &&
	       rawcall4(SYS_faccessat, dirfd, (long)path, 0 /* F_OK */, 0) == 0;
}

uint64_t directory_known(int fd)
{
	uint64_t *entry = entry_of(fd, false);

	return entry ? __atomic_load_n(entry, __ATOMIC_RELAXED) : 0;
}

void directory_forget(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < FAR_FDS; fd++)
		directory_set((int)fd, 0);
}

void directory_set(int fd, uint64_t id)
{
	uint64_t *entry = entry_of(fd, id != 0);

	if (!entry || __atomic_load_n(entry, __ATOMIC_RELAXED) == id)
		return;
	if (id && !image_is_ours())
		id = 0;
	__atomic_store_n(entry, id, __ATOMIC_RELAXED);
}

void directory_descriptors_apart(void)
{
	__atomic_store_n(&image.descriptors_apart, true, __ATOMIC_RELAXED);
}

void directory_move(void)
{
	/* Behind a filter, the kernel cannot be asked. */
	if (is_working_cached() && !image.memory_only)
		__atomic_store_n(
			&image.directory_uncached, (uint8_t)DIRECTORY_MOVING, __ATOMIC_RELAXED);
}

void directory_stay(void)
{
	if (image.directory_uncached == DIRECTORY_MOVING)
		__atomic_store_n(
			&image.directory_uncached, (uint8_t)DIRECTORY_CACHED, __ATOMIC_RELEASE);
}

void directory_set_working(uint64_t id)
{
	if (image.directory_uncached > DIRECTORY_MOVING)
		return;
	/* A vfork child's working directory: until the parent runs again, both ask the kernel each
	 * time. */
	if (!image_is_ours()) {
		image.directory_uncached = DIRECTORY_OF_CHILD;
		id = 0;
	}
	__atomic_store_n(&image.directory, id, __ATOMIC_RELAXED);
	directory_stay();
}

/* What was known of the root when others began to change it, or we theirs. */
static struct {
	uint64_t id;	   /* what image.root was */
	uint64_t identity; /* of the directory itself, 0: not told */
	bool of_child;	   /* a vfork child's, until its parent runs again */
} known_root DATA_SELDOM;

bool directory_root_stays(void)
{
	if (__atomic_load_n(&image.root, __ATOMIC_ACQUIRE) != ROOT_IS_LOOKED_AT)
		return true;
	return known_root.identity && !image.memory_only && root_identity() == known_root.identity;
}

static bool root_is_in_proc(void)
{
	long root = rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	struct statfs mount = { 0 };

	if (root < 0)
		return false;
	rawcall3(SYS_fstatfs, root, (long)&mount, 0);
	rawcall3(SYS_close, root, 0, 0);
	return mount.f_type == PROC_SUPER_MAGIC;
}

/* The id of a root to which no path is known. Browsers make one of their helpers' directories in
 * /proc, which will be empty, the root of their sandboxes. It is as good as /proc itself, since
 * nothing there is in a manifest. */
static uint64_t root_elsewhere(void)
{
	struct place proc = { .path = "/proc" };

	if (image.memory_only || !root_is_in_proc())
		return FP_DIRECTORY_UNKNOWABLE;
	proc.hash = path_hash(0, proc.path, FP_PATH_SIZE_MAX, &proc.size);
	return fact_root(&proc);
}

uint64_t directory_root(void)
{
	if (__atomic_load_n(&image.root, __ATOMIC_ACQUIRE) != ROOT_IS_LOOKED_AT)
		return image.root;
	return directory_root_stays() ? known_root.id : root_elsewhere();
}

void directory_look_at_root(void)
{
	bool of_child = !image_is_ours();

	if (image.root == ROOT_IS_LOOKED_AT) {
		known_root.of_child &= of_child;
		return;
	}
	known_root.id = image.root;
	known_root.identity = image.memory_only ? 0 : root_identity();
	known_root.of_child = of_child;
	__atomic_store_n(&image.root, ROOT_IS_LOOKED_AT, __ATOMIC_RELEASE);
}

void directory_look_for_broker(void)
{
	if (!image.root || image.memory_only || image.roots_apart || !image_is_ours() ||
		!root_is_in_proc())
		return;
	image.root_in_proc = true;
}

/* It may have been the parent's root as well that the child changed. */
static void know_root_again(void)
{
	if (!directory_root_stays())
		image.left_root = true;
	__atomic_store_n(&image.root, directory_root(), __ATOMIC_RELEASE);
}

void directory_parent_runs(void)
{
	bool root_of_child = image.root == ROOT_IS_LOOKED_AT && known_root.of_child;

	if (image.directory_uncached != DIRECTORY_OF_CHILD && !root_of_child)
		return;
	/* Another thread may have a vfork child, too, which is still elsewhere. */
	if (!image_is_single_threaded() || !image_is_ours())
		return;
	if (image.directory_uncached == DIRECTORY_OF_CHILD)
		image.directory_uncached = DIRECTORY_CACHED;
	if (root_of_child)
		know_root_again();
}

void directory_forked(void)
{
	if (is_working_cached() || image.directory_uncached == DIRECTORY_OF_THREAD)
		return;
	__atomic_store_n(&image.directory, 0, __ATOMIC_RELAXED);
	image.directory_uncached = DIRECTORY_CACHED;
}

void directory_each_thread(void)
{
	image.directory_uncached = DIRECTORY_OF_THREAD;
	__atomic_store_n(&image.directory, 0, __ATOMIC_RELAXED);
}

void directory_set_root(uint64_t from, const char *path)
{
	struct place place;
	uint64_t root;

	if (!from)
		from = directory_working_known();
	if (image.root == ROOT_IS_LOOKED_AT || !image_is_ours() ||
		!place_find_from(&place, from ? from : FP_DIRECTORY_UNKNOWABLE, path))
		return;
	root = fact_root(&place);
	if (root != image.root)
		image.root_directory = place_id(&place);
	image.root = root;
}
