/*
 * The recorder's directories (preload/record/directories.h) for callers in other processes. The
 * kernel is asked each time. Nothing is remembered, since a call is only seen before it is made,
 * and it is not known whether it has changed a directory.
 */
#define _GNU_SOURCE
#include "preload/record/directories.h"

#include <errno.h>
#include <fcntl.h>

#include "preload/image.h"
#include "preload/record/facts.h"
#include "preload/text.h"
#include "supervise/caller.h"
#include "supervise/target.h"

int caller_pid;

long directory_path(int dirfd, char *path, size_t size)
{
	long length = dirfd == AT_FDCWD ? target_link(caller_pid, "cwd", -1, path, size)
					: target_link(caller_pid, "fd", dirfd, path, size);

	if (length < 0)
		return length;
	return length > 0 && path[0] == '/' ? length : -ENOENT;
}

bool directory_link(int dirfd, char link[DESCRIPTOR_LINK_SIZE])
{
	char name[TARGET_NAME_SIZE];

	target_name(name, caller_pid, "fd", dirfd);
	text_append(link, link + DESCRIPTOR_LINK_SIZE, name);
	return dirfd >= 0;
}

/* Paths in /proc are as seen from our root, which is the one that the hello names, and not from the
 * caller's. */
bool directory_place(struct place *ret, const char *path)
{
	uint64_t root = image.root;
	bool found;

	if (root == FP_DIRECTORY_UNKNOWABLE)
		return place_find_from(ret, root, path);
	image.root = 0;
	found = place_find_from(ret, 0, path);
	image.root = root;
	return found;
}

const char *caller_sees(int dirfd, char path[FP_PATH_SIZE_MAX])
{
	char root[FP_PATH_SIZE_MAX];
	const char *below = path;

	if (!image.root || directory_path(dirfd, path, FP_PATH_SIZE_MAX) <= 0 ||
		target_link(caller_pid, "root", -1, root, sizeof(root)) <= 0 ||
		!text_begins(path, root))
		return NULL;
	if (!root[1])
		return path;
	below += text_length(root);
	if (*below && *below != '/')
		return NULL;
	return *below ? below : "/";
}

uint64_t directory_of(int dirfd)
{
	char path[FP_PATH_SIZE_MAX];
	uint64_t root = image.root, id;
	const char *seen = caller_sees(dirfd, path);

	if (root == FP_DIRECTORY_UNKNOWABLE)
		return root;
	if (seen)
		return fact_directory(seen);
	if (directory_path(dirfd, path, sizeof(path)) <= 0)
		return FP_DIRECTORY_UNKNOWABLE;
	image.root = 0;
	id = fact_directory(path);
	image.root = root;
	return id;
}

uint64_t directory_ask(int dirfd)
{
	return directory_of(dirfd);
}

/* To predict an outcome, we have looked at the name itself. */
bool directory_holds(int dirfd, const char *path)
{
	(void)dirfd, (void)path;
	return false;
}

void directory_set(int fd, uint64_t id)
{
	(void)fd, (void)id;
}

uint64_t directory_known(int fd)
{
	(void)fd;
	return 0;
}

void directory_forget(unsigned first, unsigned last)
{
	(void)first, (void)last;
}

void directory_descriptors_apart(void)
{
}

/* The worker is told which each caller's is (images.c). */
uint64_t directory_root(void)
{
	return image.root;
}

bool directory_root_stays(void)
{
	return image.root != FP_DIRECTORY_UNKNOWABLE;
}

void directory_look_for_broker(void)
{
}

void directory_look_at_root(void)
{
}

uint64_t directory_working_known(void)
{
	return 0;
}

void directory_move(void)
{
}

void directory_stay(void)
{
}

void directory_set_working(uint64_t id)
{
	(void)id;
}

void directory_parent_runs(void)
{
}

void directory_forked(void)
{
}

void directory_each_thread(void)
{
}

void directory_set_root(uint64_t from, const char *path)
{
	(void)from, (void)path;
}
