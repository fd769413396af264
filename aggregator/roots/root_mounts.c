/*
 * The mount namespace that a root is in. When its last process ends, the kernel unmounts all that
 * was mounted there, such as the volumes of a container, though the root itself stays. What the
 * process said at its end would then be looked up in what is underneath. So the namespace is held
 * open as long as somebody in it may speak, and until all that was said is resolved; not longer,
 * because it keeps file systems in use.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/peers/descriptor.h"
#include "lib/base/cleanup.h"

/* Newer than the headers of the oldest system that this is built on. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif
#ifndef PIDFD_GET_MNT_NAMESPACE
#define PIDFD_GET_MNT_NAMESPACE _IO(0xFF, 3) /* Linux 6.11 */
#endif

#define NONE	-1
#define REFUSED -2 /* not to be asked for again while the root is in use */

/* Works whatever the peer's pid is here, and even if another process has that pid by now. */
static int namespace_by_pidfd(int socket)
{
	autoclose int pidfd = -1;
	socklen_t size = sizeof(pidfd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) < 0)
		return -1;
	return ioctl(pidfd, PIDFD_GET_MNT_NAMESPACE, 0);
}

/* For kernels before 6.11, if we see the process. Another process may have its pid by now, so its
 * root must be this one. */
static int namespace_by_pid(int socket, const struct root *root)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	struct root identity = { 0 };
	autoclose int fd = -1, top = -1;
	char path[64];

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", credentials.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/root", credentials.pid);
	top = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || top < 0 || root_identify(top, &identity) < 0 ||
		identity.mount != root->mount || identity.inode != root->inode)
		return -1;
	return steal_fd(&fd);
}

/* The kernel lets only those have the namespace who may look into the process. */
static void report_refusal(struct roots *roots)
{
	if (!roots->mounts_told)
		log_trouble("mounts of containers cannot be held (CAP_SYS_PTRACE is missing): what "
			    "their last programs used on a volume may be taken for what is "
			    "underneath");
	roots->mounts_told = true;
}

void root_hold_mounts(struct root *root, int socket)
{
	if (root->mounts != NONE)
		return;
	errno = 0;
	root->mounts = namespace_by_pidfd(socket);
	if (root->mounts < 0)
		root->mounts = namespace_by_pid(socket, root);
	if (root->mounts >= 0)
		return;
	if (errno == EACCES || errno == EPERM)
		report_refusal(&root->daemon->roots);
	root->mounts = REFUSED;
}

/* If nobody else is in the namespace, closing it unmounts what is there, and a dead server may hold
 * that up: so a thread closes it (descriptors_close). */
void root_release_mounts(struct root *root)
{
	descriptors_close(&root->mounts, 1);
	root->mounts = NONE;
}

static void mark_used(const struct session_list *sessions)
{
	const struct session *session;

	TAILQ_FOREACH(session, sessions, link)
		session->root->in_use = true;
}

void roots_release_mounts(struct aggregator *daemon)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link)
		root->in_use = root->batch || !STAILQ_EMPTY(&root->facts);
	mark_used(&daemon->sessions.live);
	mark_used(&daemon->sessions.ending);
	LIST_FOREACH(root, &daemon->roots.list, link)
		if (!root->in_use)
			root_release_mounts(root);
}
