/* Manifest files, replaced so that no crash leaves half of one. */
#include "lib/manifest/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/hash.h"

#define TEMPORARY_SIZE (NAME_MAX + sizeof("..tmp"))

#define NEW_MODE  0644 /* of a file where there was none; the umask takes from it */
#define OWN_MODE  0600
#define MODE_BITS 0777

/* --- where it goes --- */

/* The directory, opened, and the names in it. */
struct place {
	int dirfd;
	bool readable; /* the directory is: what cannot be read cannot be synced */
	const char *name;
	char temporary[TEMPORARY_SIZE];
};

static int fail(struct error *err, int code)
{
	return error_set(err, code, "%s", strerror(-code));
}

static int open_directory(int dirfd, const char *path, struct place *ret)
{
	ret->dirfd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret->readable = ret->dirfd >= 0;
	if (ret->dirfd < 0 && errno == EACCES)
		ret->dirfd = openat(dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->dirfd < 0 ? -errno : 0;
}

/* Whoever gets 0 closes ret->dirfd. */
static int open_place(int dirfd, const char *path, struct place *ret, struct error *err)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;
	autofree char *directory = strndup(path, size);
	int r;

	if (!directory)
		return fail(err, -ENOMEM);
	ret->name = path + size;
	if (!*ret->name)
		return fail(err, -EISDIR);
	if (strlen(ret->name) > NAME_MAX)
		return fail(err, -ENAMETOOLONG);
	snprintf(ret->temporary, sizeof(ret->temporary), ".%s.tmp", ret->name);
	r = open_directory(dirfd, size ? directory : ".", ret);
	return r < 0 ? fail(err, r) : 0;
}

static void name_by_number(struct place *place, uint64_t number)
{
	snprintf(place->temporary, sizeof(place->temporary), ".%016" PRIx64 ".footprint.tmp",
		number);
}

/* --- the temporary file --- */

/* Where a name fits, but not with what makes it the temporary's, that is one by a number that is
 * always the same for the name. */
static int open_temporary_name(struct place *place, int flags, mode_t mode)
{
	static const uint64_t key[2] = { 0 };
	int fd;

	flags |= O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
	fd = openat(place->dirfd, place->temporary, flags, mode);
	if (fd < 0 && errno == ENAMETOOLONG) {
		name_by_number(place, hash_siphash13(key, place->name, strlen(place->name)));
		fd = openat(place->dirfd, place->temporary, flags, mode);
	}
	return fd < 0 ? -errno : fd;
}

/* What stands in the temporary's place is named, or nobody would look for it there. */
static int fail_temporary(const struct place *place, struct error *err, int code)
{
	if (faccessat(place->dirfd, place->temporary, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, code);
	return error_set(err, code, "%s: %s", place->temporary, strerror(-code));
}

/* Somebody else may prepare a file of our temporary's name where everybody may write. */
static int check_ours(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) && status.st_uid == geteuid() ? 0 : -EPERM;
}

/* Whether the name still stands for the file: another writer may have renamed it away between our
 * open and our lock. */
static bool has_name(int dirfd, const char *name, int fd)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* The name is always the same, so that a crash leaves one file, which the next write takes over. */
static int open_temporary(struct place *place, mode_t mode, int *ret_fd, struct error *err)
{
	for (;;) {
		autoclose int fd = open_temporary_name(place, O_CREAT, mode);
		int r = fd < 0 ? fd : check_ours(fd);

		if (r < 0)
			return fail_temporary(place, err, r);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK
				       ? error_set(err, -EBUSY, "another process is writing it")
				       : fail(err, -errno);
		if (!has_name(place->dirfd, place->temporary, fd))
			continue;
		if (ftruncate(fd, 0) < 0)
			return fail(err, -errno);
		*ret_fd = steal_fd(&fd);
		return 0;
	}
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* --- the permissions of what is replaced --- */

/* What may be done with the file that will be replaced, and whose group it is. Nobody must be able
 * to do more with the new one. */
struct permissions {
	bool known; /* there is such a file */
	mode_t mode;
	gid_t group;
};

/* A stranger's file, where everybody may write, opens ours to nobody who could change it. */
static struct permissions find_permissions(const struct place *place)
{
	struct permissions found = { 0 };
	struct stat old;

	if (fstatat(place->dirfd, place->name, &old, AT_SYMLINK_NOFOLLOW) < 0 ||
		!S_ISREG(old.st_mode))
		return found;
	found.known = true;
	found.mode = old.st_mode & (old.st_uid == geteuid() ? MODE_BITS : NEW_MODE);
	found.group = old.st_gid;
	return found;
}

/* The temporary file is our own until all is written: the one that a crash left may be open to
 * more people. */
static int narrow(int fd, const struct permissions *wanted)
{
	struct stat now;

	if (!wanted->known)
		return 0;
	if (fstat(fd, &now) < 0)
		return -errno;
	/* Where a file system has one mode for all, it is not asked to change it. */
	if (!(now.st_mode & MODE_BITS & ~wanted->mode))
		return 0;
	return fchmod(fd, OWN_MODE) < 0 ? -errno : 0;
}

/* Of another group, its members and all others may do what both could: they have changed places. */
static mode_t mode_for_another_group(mode_t mode)
{
	mode_t both = mode >> 3 & mode & S_IRWXO;

	return (mode & S_IRWXU) | both << 3 | both;
}

/* What cannot be given stays narrower; the manifest is not lost for that. */
static void give_permissions(int fd, const struct permissions *wanted)
{
	mode_t mode = wanted->mode;
	struct stat now;

	if (!wanted->known || fstat(fd, &now) < 0)
		return;
	if (now.st_gid != wanted->group && fchown(fd, (uid_t)-1, wanted->group) < 0)
		mode = mode_for_another_group(mode);
	if ((now.st_mode & MODE_BITS) != mode)
		fchmod(fd, mode);
}

/* --- replacing --- */

static int fill(const struct place *place, int fd, const struct permissions *wanted,
	const uint8_t *bytes, size_t size)
{
	int r = narrow(fd, wanted);

	if (!r)
		r = write_all(fd, bytes, size);
	if (r < 0)
		return r;
	give_permissions(fd, wanted);
	return renameat(place->dirfd, place->temporary, place->dirfd, place->name) < 0 ? -errno : 0;
}

static int replace(struct place *place, const uint8_t *bytes, size_t size, struct error *err)
{
	struct permissions wanted = find_permissions(place);
	autoclose int fd = -1;
	int r = open_temporary(place, wanted.known ? OWN_MODE : NEW_MODE, &fd, err);

	if (r < 0)
		return r;
	r = fill(place, fd, &wanted, bytes, size);
	if (r < 0) {
		unlinkat(place->dirfd, place->temporary, 0);
		return fail(err, r);
	}
	return place->readable && fsync(place->dirfd) < 0 ? fail(err, -errno) : 0;
}

int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	struct place place;
	size_t size = 0;
	int r = manifest_encode(m, &bytes, &size, err);

	if (!r)
		r = open_place(dirfd, name, &place, err);
	if (!r) {
		autoclose int opened = place.dirfd;

		r = replace(&place, bytes, size, err);
	}
	if (r < 0)
		error_prefix(err, "%s", name);
	return r;
}

/* --- whether it could be done --- */

/* In a directory like /tmp, others' files stay where they are. */
static bool sticks(const struct place *place, uid_t owner)
{
	struct stat directory;
	uid_t self = geteuid();

	return fstat(place->dirfd, &directory) == 0 && (directory.st_mode & S_ISVTX) && self != 0 &&
	       self != directory.st_uid && self != owner;
}

/* What rename(2) will say of the file in the new one's place. */
static int check_replaced(const struct place *place)
{
	struct statx old;

	if (statx(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &old) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(old.stx_mode))
		return -EISDIR;
	if (old.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return -EBUSY;
	if (old.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return -EPERM;
	return sticks(place, old.stx_uid) ? -EPERM : 0;
}

static int check_temporary(struct place *place, struct error *err)
{
	autoclose int fd = open_temporary_name(place, 0, 0);
	int r = fd < 0 ? fd : check_ours(fd);

	return r < 0 && r != -ENOENT ? fail_temporary(place, err, r) : 0;
}

/* By a name of its own: another process may be writing to the temporary file at this moment. */
static int try_making(struct place *place)
{
	uint64_t number;
	int fd;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	name_by_number(place, number);
	fd = open_temporary_name(place, O_CREAT | O_EXCL, OWN_MODE);
	if (fd < 0)
		return fd;
	close(fd);
	return unlinkat(place->dirfd, place->temporary, 0) < 0 ? -errno : 0;
}

static int check_place(struct place *place, struct error *err)
{
	int r = check_replaced(place);

	if (r < 0)
		return fail(err, r);
	r = check_temporary(place, err);
	if (r < 0)
		return r;
	r = try_making(place);
	return r < 0 ? fail(err, r) : 0;
}

int manifest_check_place(int dirfd, const char *name, struct error *err)
{
	struct place place;
	int r = open_place(dirfd, name, &place, err);

	if (!r) {
		autoclose int opened = place.dirfd;

		r = check_place(&place, err);
	}
	if (r < 0)
		error_prefix(err, "%s", name);
	return r;
}
