#include "aggregator/peers/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "aggregator/clock.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/standard.h"
#include "proto/system_calls.h"

#define ACTIVATION_FD 3 /* the first, SD_LISTEN_FDS_START */

/* --- socket activation ------------------------------------------------------------------------ */

static bool is_our_kind(int fd)
{
	int type = 0, listening = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

/* How many descriptors the service manager has passed to us. */
static long n_activated(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	return pid && fds && strtol(pid, NULL, 10) == getpid() ? strtol(fds, NULL, 10) : 0;
}

char *listener_activated_path(void)
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address) - 1; /* the path may have no end */

	if (n_activated() != 1 || !is_our_kind(ACTIVATION_FD) ||
		getsockname(ACTIVATION_FD, (struct sockaddr *)&address, &size) < 0 ||
		address.sun_path[0] != '/')
		return NULL;
	return strdup(address.sun_path);
}

/* 1: taken; 0: not activated; negative: activated with something else. */
static int take_activated(struct listener *listener)
{
	long count = n_activated();

	if (!count)
		return 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	if (count != 1 || !is_our_kind(ACTIVATION_FD)) {
		log_trouble("LISTEN_FDS: not one listening SOCK_SEQPACKET socket");
		return -EINVAL;
	}
	if (fcntl(ACTIVATION_FD, F_SETFD, FD_CLOEXEC) < 0 ||
		fcntl(ACTIVATION_FD, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	listener->fd = ACTIVATION_FD;
	return 1;
}

/* --- a socket of our own ---------------------------------------------------------------------- */

/* sun_path is short: a longer path is named by a descriptor of its directory. */
struct socket_name {
	struct sockaddr_un address;
	int directory; /* -1: not needed */
};

static void socket_name_deinit(struct socket_name *name)
{
	cleanup_close(&name->directory);
}
#define auto_socket_name __attribute__((cleanup(socket_name_deinit)))

static int socket_name_make(const char *path, struct socket_name *name)
{
	const char *slash = strrchr(path, '/');
	autofree char *directory = NULL;
	int n;

	name->address.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(name->address.sun_path)) {
		memcpy(name->address.sun_path, path, strlen(path) + 1);
		return 0;
	}
	directory = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!directory)
		return -ENOMEM;
	name->directory = open(*directory ? directory : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (name->directory < 0)
		return -errno;
	n = snprintf(name->address.sun_path, sizeof(name->address.sun_path), "/proc/self/fd/%d/%s",
		name->directory, slash ? slash + 1 : path);
	return n < (int)sizeof(name->address.sun_path) ? 0 : -ENAMETOOLONG;
}

/* Is it the lock that we hold? */
static bool holds_lock(const struct listener *listener, const char *name)
{
	struct stat held, named;

	return listener->lock >= 0 && fstat(listener->lock, &held) == 0 &&
	       lstat(name, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

/* Makes sure that one daemon serves the socket. The kernel releases the lock, however we end. */
static int lock_socket(struct listener *listener, const char *path)
{
	autofree char *name = NULL;

	if (asprintf(&name, "%s.lock", path) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	if (holds_lock(listener, name))
		return 0;
	cleanup_close(&listener->lock);
	listener->lock = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (listener->lock < 0)
		return -errno;
	if (flock(listener->lock, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	return 0;
}

/* Removes a socket that no process serves. Anything else stays, and bind(2) fails because of it. */
static int remove_stale(const char *path, const struct socket_name *name)
{
	autoclose int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (lstat(path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *)&name->address, sizeof(name->address)) == 0 ||
		errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* chmod(2) of what is open with O_PATH. 0 or a negative errno. */
static int set_mode(int fd, mode_t mode)
{
	char name[32];

	if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0)
		return 0;
	/* Before Linux 6.6. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return chmod(name, mode) < 0 ? -errno : 0;
}

/* Processes of all users connect to us. Some may be able to write to the directory, too: what they
 * have put in the place of our socket, a symlink in particular, is not touched. */
static int open_to_all(struct listener *listener, const char *path)
{
	autoclose int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISSOCK(status.st_mode) || status.st_nlink != 1)
		return -EEXIST;
	listener->device = status.st_dev;
	listener->inode = status.st_ino;
	return set_mode(fd, 0666);
}

/* The folder of the socket, if only that is missing: /run/footprint, where nothing has made it yet.
 */
static int make_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *directory = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");

	if (!directory)
		return -ENOMEM;
	if (!*directory || access(directory, F_OK) == 0 || errno != ENOENT)
		return 0;
	return mkdir(directory, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_socket(struct listener *listener, const char *path)
{
	auto_socket_name struct socket_name name = { .directory = -1 };
	int r = socket_name_make(path, &name);

	if (r == 0)
		r = lock_socket(listener, path);
	if (r == 0)
		r = remove_stale(path, &name);
	if (r < 0)
		return r;
	listener->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	if (bind(listener->fd, (struct sockaddr *)&name.address, sizeof(name.address)) < 0)
		return -errno;
	listener->since_ns = clock_now_ns();
	listener->path = strdup(path);
	r = listener->path ? open_to_all(listener, path) : -ENOMEM;
	if (r < 0)
		return r;
	return listen(listener->fd, SOMAXCONN) < 0 ? -errno : 0;
}

int listener_open(struct listener *listener, const char *path)
{
	int r;

	*listener = (struct listener){ .fd = -1, .lock = -1 };
	r = take_activated(listener);
	if (r != 0)
		return r < 0 ? r : 0;
	r = make_directory(path);
	if (r == 0)
		r = make_socket(listener, path);
	if (r < 0)
		log_trouble("%s: cannot listen: %s", path, strerror(-r));
	return r;
}

static bool is_our_socket(const struct listener *listener, const struct stat *status)
{
	return status->st_dev == listener->device && status->st_ino == listener->inode;
}

bool listener_is_gone(const struct listener *listener)
{
	struct stat status;

	if (!listener->path)
		return false;
	return lstat(listener->path, &status) < 0 ? errno == ENOENT
						  : !is_our_socket(listener, &status);
}

int listener_renew(struct listener *listener)
{
	struct listener again = { .fd = -1, .lock = listener->lock };
	int r = make_socket(&again, listener->path);

	listener->lock = again.lock;
	/* The descriptor keeps its number, for whoever uses it. */
	if (r == 0 && dup3(again.fd, listener->fd, O_CLOEXEC) < 0)
		r = -errno;
	cleanup_close(&again.fd);
	free(again.path);
	if (r < 0)
		return r;
	listener->device = again.device;
	listener->inode = again.inode;
	listener->since_ns = again.since_ns;
	return 0;
}

void listener_refuse(const struct listener *listener)
{
	if (listener->path)
		shutdown(listener->fd, SHUT_RD);
}

/* It may have been removed, and another daemon may have made one there. */
static bool is_there(const struct listener *listener)
{
	struct stat status;

	return listener->path && lstat(listener->path, &status) == 0 &&
	       is_our_socket(listener, &status);
}

void listener_close(struct listener *listener)
{
	if (is_there(listener) && unlink(listener->path) < 0 && errno != ENOENT)
		log_trouble("%s: cannot be removed: %s", listener->path, strerror(errno));
	free(listener->path);
	cleanup_close(&listener->fd);
	cleanup_close(&listener->lock);
	*listener = (struct listener){ .fd = -1, .lock = -1 };
}

/* --- telling others --------------------------------------------------------------------------- */

/* As sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names. */
static void notify_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autoclose int fd = -1;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		sendto(fd, "READY=1", 7, MSG_NOSIGNAL, (struct sockaddr *)&address,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		log_trouble("NOTIFY_SOCKET: cannot be told: %s", strerror(errno));
}

void listener_announce(int ready_fd)
{
	if (ready_fd >= 0) {
		if (write(ready_fd, "\n", 1) < 0)
			log_trouble("--ready-fd: cannot be told: %s", strerror(errno));
		close(ready_fd);
		standard_hold(); /* it may have been standard output */
	}
	notify_manager();
}
