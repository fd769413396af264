#define _GNU_SOURCE
#include "preload/session/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/prefixes.h"
#include "preload/session/pool.h"
#include "preload/text.h"

#define FDS_FROM_TOP 8 /* so far below RLIMIT_NOFILE, where that is lower than CONNECTION_FD */
/* Bytes of the path of a socket's folder: this may be a signal handler's stack. */
#define FOLDER_SIZE 1024

/*
 * Below RLIMIT_NOFILE, and below 256. For a process with a descriptor of 256 or more, each fork and
 * exec copies and searches a table that is four times as large (10 us of a shell's exec with
 * descriptor 1000).
 */
long connection_copy_high(long fd)
{
	long high = rawcall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, CONNECTION_FD);
	struct rlimit limit;

	if (high != -EINVAL)
		return high;
	if (rawcall4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit) < 0 ||
		limit.rlim_cur <= 2 * FDS_FROM_TOP)
		return high;
	return rawcall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, (long)limit.rlim_cur - FDS_FROM_TOP);
}

/* sun_path is short. A longer path is reached through a descriptor of its folder. */
static long connect_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *end = address.sun_path + sizeof(address.sun_path);
	size_t size = text_length(path);
	char folder[FOLDER_SIZE];
	const char *name = path + size;
	long folder_fd, result;
	char *p;

	if (size < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, size);
		return rawcall3(SYS_connect, fd, (long)&address,
			(long)(offsetof(struct sockaddr_un, sun_path) + size + 1));
	}
	while (name > path && name[-1] != '/')
		name--;
	if ((size_t)(name - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(name - path));
	folder[name - path] = '\0';
	folder_fd =
		rawcall4(SYS_openat, AT_FDCWD, (long)folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (folder_fd < 0)
		return folder_fd;
	p = text_append(address.sun_path, end, "/proc/self/fd/");
	p = text_append_number(p, end, (uint64_t)folder_fd);
	p = text_append(text_append(p, end, "/"), end, name);
	result = p + 1 < end ? rawcall3(SYS_connect, fd, (long)&address, sizeof(address))
			     : -ENAMETOOLONG;
	rawcall3(SYS_close, folder_fd, 0, 0);
	return result;
}

static bool identity_of(int fd, uint64_t *device, uint64_t *inode)
{
	struct stat file;

	if (rawcall3(SYS_fstat, fd, (long)&file, 0) < 0)
		return false;
	*device = file.st_dev;
	*inode = file.st_ino;
	return true;
}

long connection_open(void)
{
	long low, high, result;

	low = rawcall3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (low < 0)
		return low;
	result = connect_to((int)low, image.socket_path);
	if (result < 0) {
		rawcall3(SYS_close, low, 0, 0);
		return result;
	}
	high = connection_copy_high(low);
	rawcall3(SYS_close, low, 0, 0);
	if (high < 0)
		return high;
	image.inode = 0;
	__atomic_store_n(&image.descriptor, (int)high, __ATOMIC_RELEASE);
	return 0;
}

/* Our socket is known by its device and inode. They are learnt by the first call: after the socket
 * was connected, or inherited and found to be ours. If the application has closed an inherited
 * socket by then, a file may have its number; hence the check for a socket. */
bool connection_is_ours(int fd)
{
	struct stat file;

	if (fd < 0 || rawcall3(SYS_fstat, fd, (long)&file, 0) < 0 || !S_ISSOCK(file.st_mode))
		return false;
	if (!image.inode) {
		image.device = file.st_dev;
		image.inode = file.st_ino;
	}
	return file.st_dev == image.device && file.st_ino == image.inode;
}

/* The connection is gone: sets image.descriptor to -1, and closes it if `close` is set. A vfork
 * child leaves it alone, since it may have closed only its own copy. If several threads come here,
 * one of them closes it; a descriptor that another thread has moved in between stays open. */
static void drop(int fd, bool close)
{
	int held = fd;
	uint64_t device, inode, device_now, inode_now;

	if (fd < 0 || !image_is_ours() ||
		!__atomic_compare_exchange_n(
			&image.descriptor, &held, -1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	close = close && identity_of(fd, &device, &inode);
	pool_forget(close ? fd : -1);
	/* Our parent does not hold the next connection. */
	image.guard = 0;
	image.inherited = NULL;
	prefix_repeat();
	/* That took a while, in which the program may have closed the number and opened another
	 * file there. */
	if (close && identity_of(fd, &device_now, &inode_now) && device == device_now &&
		inode == inode_now)
		rawcall3(SYS_close, fd, 0, 0);
	image_log("the aggregator is gone", 0);
}

bool connection_confirm(int fd)
{
	if (connection_is_ours(fd))
		return true;
	drop(fd, false);
	return false;
}

bool connection_is_at(int directory, const char *name)
{
	struct stat file;

	return rawcall4(SYS_newfstatat, directory, (long)name, (long)&file, 0) == 0 &&
	       file.st_dev == image.device && file.st_ino == image.inode;
}

long connection_send(const struct iovec parts[PACKET_PARTS], const int *fds, size_t fd_count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(CONNECTION_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = PACKET_PARTS };
	int fd = __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);
	long sent;

	if (!connection_confirm(fd))
		return -EBADF;
	if (fd_count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(fd_count * sizeof(int));
		control.header.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
	}
	sent = rawcall3(SYS_sendmsg, fd, (long)&message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -EPIPE || sent == -ECONNRESET || sent == -ENOTCONN)
		drop(fd, true);
	return sent < 0 ? sent : 0;
}

/* Asks poll, and does not read: what the aggregator sends stays in the queue (pool.h). */
bool connection_is_there(void)
{
	int fd = __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);
	struct pollfd polled = { .fd = fd, .events = POLLRDHUP };

	if (!connection_confirm(fd))
		return false;
	if (rawcall3(SYS_poll, (long)&polled, 1, 0) <= 0)
		return true;
	drop(fd, true);
	return false;
}
