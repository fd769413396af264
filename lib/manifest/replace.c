/* Replaces manifest files, so that no crash leaves half of one. */
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

#define NEW_MODE  0644 /* of a new file, before the umask */
#define OWN_MODE  0600
#define MODE_BITS 0777

/* --- where it goes --- */

/* The directory, opened, and the names in it. */
struct place {
	int dirfd;
	bool readable; /* the directory may be read, and so synced */
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

/* A name in the directory that is open at `dirfd`. */
static int name_place(int dirfd, const char *name, struct place *ret, struct error *err)
{
	if (!*name)
		return fail(err, -EISDIR);
	if (strlen(name) > NAME_MAX)
		return fail(err, -ENAMETOOLONG);
	ret->dirfd = dirfd;
	ret->name = name;
	snprintf(ret->temporary, sizeof(ret->temporary), ".%s.tmp", name);
	return 0;
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
	r = name_place(dirfd, path + size, ret, err);
	if (r < 0)
		return r;
	r = open_directory(dirfd, size ? directory : ".", ret);
	return r < 0 ? fail(err, r) : 0;
}

static void name_by_number(struct place *place, uint64_t number)
{
	snprintf(place->temporary, sizeof(place->temporary), ".%016" PRIx64 ".footprint.tmp",
		number);
}

/* --- the temporary file --- */

/* Opens the temporary file. If its name would be too long, that is made of a hash of the manifest's
 * name, which is always the same. Returns a descriptor or a negative errno. */
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

/* Reports a failure with the temporary file's name, since nobody would look for it otherwise. */
static int fail_temporary(const struct place *place, struct error *err, int code)
{
	if (faccessat(place->dirfd, place->temporary, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(err, code);
	return error_set(err, code, "%s: %s", place->temporary, strerror(-code));
}

/* Where everybody may write, somebody else may have made a file with our temporary file's name. */
static int check_ours(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return -errno;
	return S_ISREG(status.st_mode) && status.st_uid == geteuid() ? 0 : -EPERM;
}

/* Is this still the file with that name? Another writer may have renamed it between our open and
 * our lock. */
static bool has_name(int dirfd, const char *name, int fd)
{
	struct stat ours, named;

	return fstat(fd, &ours) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

/* Opens and locks the temporary file. Its name is always the same, so a crash leaves only one file,
 * which the next write uses. */
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
	return 0;
}

/* --- the permissions of what is replaced --- */

/* The permissions and the group of the file that will be replaced. Nobody may be able to do more
 * with the new one. */
struct permissions {
	bool known; /* there is such a file */
	mode_t mode;
	gid_t group;
};

/* If the old file is a stranger's, in a directory where everybody may write, its permissions must
 * not let anybody change ours. */
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

/* Only we may use the temporary file until it is complete. One that a crash has left may have wider
 * permissions. */
static int narrow(int fd, const struct permissions *wanted)
{
	struct stat now;

	if (!wanted->known)
		return 0;
	if (fstat(fd, &now) < 0)
		return -errno;
	/* A file system that has one mode for all files is not asked to change it. */
	if (!(now.st_mode & MODE_BITS & ~wanted->mode))
		return 0;
	return fchmod(fd, OWN_MODE) < 0 ? -errno : 0;
}

/* If the group differs, group and others have changed places: both may do only what both could
 * before. */
static mode_t mode_for_another_group(mode_t mode)
{
	mode_t both = mode >> 3 & mode & S_IRWXO;

	return (mode & S_IRWXU) | both << 3 | both;
}

/* Widens the permissions as far as possible. If they stay narrower, the manifest is still
 * written. */
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

struct manifest_draft {
	struct place place;
	struct permissions wanted;
	int fd; /* of the temporary file, which is filled and locked */
};

/* There is no use for the temporary file. */
static int give_up(const struct manifest_draft *draft, struct error *err, int code)
{
	unlinkat(draft->place.dirfd, draft->place.temporary, 0);
	return fail(err, code);
}

/* Fills the temporary file. Whoever gets 0 closes draft->fd. */
static int begin(struct manifest_draft *draft, const uint8_t *bytes, size_t size, struct error *err)
{
	autoclose int fd = -1;
	int r;

	draft->wanted = find_permissions(&draft->place);
	r = open_temporary(&draft->place, draft->wanted.known ? OWN_MODE : NEW_MODE, &fd, err);
	if (r < 0)
		return r;
	r = narrow(fd, &draft->wanted);
	if (!r)
		r = write_all(fd, bytes, size);
	if (r < 0)
		return give_up(draft, err, r);
	draft->fd = steal_fd(&fd);
	return 0;
}

/* The name leads to the new file only when all of that is on disk. */
static int finish(struct manifest_draft *draft, struct error *err)
{
	autoclose int fd = steal_fd(&draft->fd);
	const struct place *place = &draft->place;

	if (fsync(fd) < 0)
		return give_up(draft, err, -errno);
	give_permissions(fd, &draft->wanted);
	if (renameat(place->dirfd, place->temporary, place->dirfd, place->name) < 0)
		return give_up(draft, err, -errno);
	return 0;
}

static int replace(
	struct manifest_draft *draft, const uint8_t *bytes, size_t size, struct error *err)
{
	int r = begin(draft, bytes, size, err);

	if (!r)
		r = finish(draft, err);
	if (r < 0)
		return r;
	return draft->place.readable && fsync(draft->place.dirfd) < 0 ? fail(err, -errno) : 0;
}

int manifest_write(struct manifest *m, int dirfd, const char *name, struct error *err)
{
	autofree uint8_t *bytes = NULL;
	struct manifest_draft draft;
	size_t size = 0;
	int r = manifest_encode(m, &bytes, &size, err);

	if (!r)
		r = open_place(dirfd, name, &draft.place, err);
	if (!r) {
		autoclose int opened = draft.place.dirfd;

		r = replace(&draft, bytes, size, err);
	}
	if (r < 0)
		error_prefix(err, "%s", name);
	return r;
}

/* --- many of them --- */

int manifest_draft_new(struct manifest *m, int dirfd, const char *name, struct manifest_draft **ret,
	struct error *err)
{
	autofree struct manifest_draft *draft = malloc(sizeof(*draft));
	autofree uint8_t *bytes = NULL;
	size_t size = 0;
	int r = draft ? manifest_encode(m, &bytes, &size, err) : fail(err, -ENOMEM);

	if (!r)
		r = name_place(dirfd, name, &draft->place, err);
	if (!r)
		r = begin(draft, bytes, size, err);
	if (r < 0)
		return r;
	*ret = steal_pointer(draft);
	return 0;
}

int manifest_draft_finish(struct manifest_draft *draft, struct error *err)
{
	int r = finish(draft, err);

	free(draft);
	return r;
}

/* --- whether it could be done --- */

/* In a sticky directory like /tmp, the files of others cannot be replaced. */
static bool sticks(const struct place *place, uid_t owner)
{
	struct stat directory;
	uid_t self = geteuid();

	return fstat(place->dirfd, &directory) == 0 && (directory.st_mode & S_ISVTX) && self != 0 &&
	       self != directory.st_uid && self != owner;
}

/* Will rename(2) be able to replace what is there? */
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

/* Under a name of its own, because another process may be writing to the temporary file. */
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
