/* Which root a descriptor is, and the roots that are known. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"

#define ROOTS_MAX 16384u /* at a time; of one user, as many as are left for others */

int root_identify(int fd, struct root *identity)
{
	struct statx status;

	/* Without asking a server, which may be dead: the loop must not wait. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		    STATX_TYPE | STATX_INO | STATX_MNT_ID | STATX_BTIME, &status) < 0)
		return -errno;
	if (!S_ISDIR(status.stx_mode))
		return -ENOTDIR;
	identity->device = makedev(status.stx_dev_major, status.stx_dev_minor);
	identity->inode = status.stx_ino;
	/* Before Linux 5.8 it is not known: then it is 0 for all roots, and device and inode
	 * decide. */
	identity->mount = status.stx_mask & STATX_MNT_ID ? status.stx_mnt_id : 0;
	identity->birth_ns =
		status.stx_mask & STATX_BTIME
			? (uint64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec
			: 0;
	identity->known = true;
	return 0;
}

/* When a container is gone, the next one often gets the same device and inode. The time of birth
 * tells them apart, if both have it. */
static bool same_directory(const struct root *one, const struct root *other)
{
	return one->device == other->device && one->inode == other->inode &&
	       (!one->birth_ns || !other->birth_ns || one->birth_ns == other->birth_ns);
}

static struct root *find(struct aggregator *daemon, const struct root *identity, bool any_mount)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link) {
		if (same_directory(root, identity) && root->known == identity->known &&
			(any_mount || root->mount == identity->mount))
			return root;
	}
	return NULL;
}

/* Descriptors come back, as memory does: whoever waits for the one waits for the other. */
static int only_now(int r)
{
	return r == -EMFILE || r == -ENFILE ? -ENOMEM : r;
}

static bool has_share(const struct roots *roots, uint32_t user)
{
	const struct root *root;
	unsigned own = 0;

	LIST_FOREACH(root, &roots->list, link)
		own += root->user == user;
	return own < ROOTS_MAX - roots->count;
}

static int root_new(struct aggregator *daemon, uint32_t user, const struct root *identity, int fd,
	struct root **ret)
{
	struct root *root;
	int r;

	if (!has_share(&daemon->roots, user)) {
		log_trouble("there are %u roots (containers), too many of them of one user (uid "
			    "%u): what processes in others record waits in the spool until some "
			    "have ended",
			daemon->roots.count, user);
		return -EUSERS;
	}
	root = calloc(1, sizeof(*root));
	if (!root)
		return -ENOMEM;
	*root = *identity;
	r = root->known ? only_now(resolver_new(fd, &root->tools.resolver)) : 0;
	if (r < 0) {
		free(root);
		return r;
	}
	root->daemon = daemon;
	root->user = user;
	root->handed = root->mounts = -1;
	STAILQ_INIT(&root->facts);
	if (root->known)
		owners_init(root);
	LIST_INSERT_HEAD(&daemon->roots.list, root, link);
	daemon->roots.count++;
	*ret = root;
	return 0;
}

/* From now on files in the root can be looked at. 0 or a negative errno. */
static int become_known(struct root *root, const struct root *identity, int fd)
{
	int r = resolver_new(fd, &root->tools.resolver);

	if (r < 0)
		return r;
	root->known = true;
	root->mount = identity->mount;
	root->birth_ns = identity->birth_ns;
	root_forget_looks(root);
	owners_init(root);
	return 0;
}

void root_take_handed(struct root *root)
{
	struct root identity = { 0 };

	if (root->handed < 0)
		return;
	/* If that fails the root stays unknown, and its paths stay as the programs gave them. */
	if (root_identify(root->handed, &identity) == 0 &&
		become_known(root, &identity, root->handed) < 0)
		root->daemon->counters.no_memory++;
	cleanup_close(&root->handed);
}

/* A descriptor of a root has come that was only named before: what was said in it can be looked at
 * now. 0; -ENOENT: nobody has named it; others: it cannot be kept. */
static int make_known(
	struct aggregator *daemon, const struct root *identity, int fd, struct root **ret)
{
	struct root unknown = *identity;
	struct root *root;

	unknown.known = false;
	root = find(daemon, &unknown, true);
	if (!root)
		return -ENOENT;
	*ret = root;
	if (!root->batch)
		return become_known(root, identity, fd);
	/* A worker is using its tools. */
	if (root->handed < 0)
		root->handed = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return root->handed < 0 ? -errno : 0;
}

bool roots_have(struct aggregator *daemon, int fd)
{
	struct root identity = { 0 };

	return root_identify(fd, &identity) == 0 && find(daemon, &identity, false);
}

int roots_get(struct aggregator *daemon, uint32_t user, int fd, struct root **ret)
{
	struct root identity = { 0 };
	int r = root_identify(fd, &identity);

	if (r < 0)
		return r;
	*ret = find(daemon, &identity, false);
	if (!*ret)
		r = make_known(daemon, &identity, fd, ret);
	if (r == -ENOENT)
		r = root_new(daemon, user, &identity, fd, ret);
	if (r < 0)
		return r;
	(*ret)->references++;
	return 0;
}

int roots_get_by_identity(
	struct aggregator *daemon, uint32_t user, const Footprint__Hello *hello, struct root **ret)
{
	struct root wanted = { .device = hello->root_device,
		.inode = hello->root_inode,
		.birth_ns = hello->root_birth_ns,
		.known = true };
	struct root own = { 0 };
	autoclose int fd = -1;
	int r;

	*ret = find(daemon, &wanted, true);
	if (!*ret) {
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return only_now(-errno);
		if ((r = root_identify(fd, &own)) < 0)
			return r;
		if (same_directory(&own, &wanted))
			return roots_get(daemon, user, fd, ret);
		wanted.known = false;
		*ret = find(daemon, &wanted, true);
	}
	if (!*ret && (r = root_new(daemon, user, &wanted, -1, ret)) < 0)
		return r;
	(*ret)->references++;
	return 0;
}
