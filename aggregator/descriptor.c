#include "aggregator/descriptor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aggregator/workers.h"

bool descriptor_is_path(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_PATH;
}

bool descriptor_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static bool is_socket(int fd, int level_option, int expected)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, level_option, &value, &size) == 0 && value == expected;
}

bool descriptor_is_seqpacket(int fd)
{
	return is_socket(fd, SO_DOMAIN, AF_UNIX) && is_socket(fd, SO_TYPE, SOCK_SEQPACKET);
}

bool descriptor_is_listener(int fd)
{
	static const char name[] = "anon_inode:seccomp notify";
	char path[32], found[64];
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	size = readlink(path, found, sizeof(found));
	return size == (ssize_t)sizeof(name) - 1 && !memcmp(found, name, sizeof(name) - 1);
}

/* --- closing ---------------------------------------------------------------------------------- */

struct closing {
	struct job job;
	int fd;
};

static void work(struct job *job)
{
	close(((struct closing *)job)->fd);
}

static void done(struct job *job)
{
	free(job);
}

static void late(struct job *job)
{
	(void)job;
}

void descriptor_close(struct workers *workers, int fd)
{
	struct closing *closing;

	if (fd < 0)
		return;
	if (descriptor_is_path(fd) || descriptor_is_memory(fd) || descriptor_is_seqpacket(fd) ||
		descriptor_is_listener(fd)) {
		close(fd);
		return;
	}
	closing = calloc(1, sizeof(*closing));
	if (closing) {
		*closing = (struct closing){ { .work = work, .done = done, .late = late }, fd };
		if (workers_do(workers, &closing->job) == 0)
			return;
		free(closing);
	}
	/* It stays open: to be stuck in its close would be worse. (Our own end waits for it, too.)
	 */
}
