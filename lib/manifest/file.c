/* Manifest files: read whole, and replaced so that no crash leaves half of one. */
#include "lib/manifest/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

#define FIRST_READ_SIZE (64u << 10)

#define NEW_MODE  0644 /* of a file where there was none; the umask takes from it */
#define OWN_MODE  0600
#define MODE_BITS 0777

/* --- reading --- */

static int check_readable(int fd, struct error *err)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	if (S_ISDIR(status.st_mode))
		return error_set(err, -EISDIR, "%s", strerror(EISDIR));
	if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
		return error_set(err, -EINVAL, "neither a regular file nor a pipe");
	if (status.st_size > (off_t)MANIFEST_FILE_SIZE_MAX)
		return error_set(err, -EFBIG, "larger than %u MiB", MANIFEST_FILE_SIZE_MAX >> 20);
	return 0;
}

/* One byte past the limit at most: manifest_decode() finds that it is too large. */
static int read_all(int fd, uint8_t **ret_bytes, size_t *ret_size, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	size_t room = 0, used = 0;

	while (used <= MANIFEST_FILE_SIZE_MAX) {
		ssize_t n;

		if (used == room) {
			uint8_t *larger;

			room = room ? room * 2 : FIRST_READ_SIZE;
			larger = realloc(bytes, room);
			if (!larger)
				return error_set(err, -ENOMEM, "%s", strerror(ENOMEM));
			bytes = larger;
		}
		n = read(fd, bytes + used, room - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, "%s", strerror(errno));
		if (n == 0)
			break;
		used += (size_t)n;
	}
	*ret_bytes = steal_pointer(bytes);
	*ret_size = used;
	return 0;
}

/* fd: open, or negative with errno. */
static int read_descriptor(int fd, struct manifest **ret, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	size_t size = 0;
	int r;

	if (fd < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	r = check_readable(fd, err);
	if (r < 0)
		return r;
	r = read_all(fd, &bytes, &size, err);
	if (r < 0)
		return r;
	return manifest_decode(bytes, size, ret, err);
}

int manifest_read(const char *path, struct manifest **ret, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = read_descriptor(fd, ret, err);

	if (r < 0)
		error_prefix(err, "%s", path);
	return r;
}

int manifest_read_at(int dirfd, const char *name, struct manifest **ret, struct error *err)
{
	autoclose int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode))
		return error_set(err, -EINVAL, "not a regular file");
	return read_descriptor(fd, ret, err);
}

/* --- writing --- */

/* Where a manifest goes: its directory, opened, and the names in it. */
struct place {
	int dirfd;
	const char *name;
	char temporary[NAME_MAX + 1];
};

static int open_place(int dirfd, const char *path, struct place *ret)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;
	autofree char *directory = strndup(path, size);
	int length;

	if (!directory)
		return -ENOMEM;
	ret->name = path + size;
	if (!*ret->name)
		return -EISDIR;
	length = snprintf(ret->temporary, sizeof(ret->temporary), ".%s.tmp", ret->name);
	if (length >= (int)sizeof(ret->temporary))
		return -ENAMETOOLONG;
	ret->dirfd = openat(dirfd, size ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return ret->dirfd < 0 ? -errno : 0;
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
static int open_temporary(const struct place *place, mode_t mode, int *ret_fd)
{
	for (;;) {
		autoclose int fd = openat(place->dirfd, place->temporary,
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode);
		int r;

		if (fd < 0)
			return -errno;
		r = check_ours(fd);
		if (r < 0)
			return r;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? -EBUSY : -errno;
		if (!has_name(place->dirfd, place->temporary, fd))
			continue;
		if (ftruncate(fd, 0) < 0)
			return -errno;
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

static int replace(const struct place *place, const uint8_t *bytes, size_t size)
{
	struct permissions wanted = find_permissions(place);
	autoclose int fd = -1;
	int r = open_temporary(place, wanted.known ? OWN_MODE : NEW_MODE, &fd);

	if (r < 0)
		return r;
	r = narrow(fd, &wanted);
	if (!r)
		r = write_all(fd, bytes, size);
	if (!r)
		give_permissions(fd, &wanted);
	if (!r && renameat(place->dirfd, place->temporary, place->dirfd, place->name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(place->dirfd, place->temporary, 0);
		return r;
	}
	return fsync(place->dirfd) < 0 ? -errno : 0;
}

int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	struct place place;
	autoclose int opened = -1;
	size_t size = 0;
	int r;

	r = manifest_encode(m, &bytes, &size, err);
	if (r < 0) {
		error_prefix(err, "%s", name);
		return r;
	}
	r = open_place(dirfd, name, &place);
	if (!r) {
		opened = place.dirfd;
		r = replace(&place, bytes, size);
	}
	if (r == -EBUSY)
		return error_set(err, r, "%s: another process is writing it", name);
	return r < 0 ? error_set(err, r, "%s: %s", name, strerror(-r)) : 0;
}
