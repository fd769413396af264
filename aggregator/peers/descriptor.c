#include "aggregator/peers/descriptor.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOSING_MAX 16

bool descriptor_is_path(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_PATH;
}

bool descriptor_is_memory(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0;
}

static bool is_socket(int fd, int option, int expected)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
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

bool descriptor_is_strange(int fd)
{
	return !descriptor_is_path(fd) && !descriptor_is_memory(fd) &&
	       !descriptor_is_seqpacket(fd) && !descriptor_is_listener(fd);
}

/* --- closing ---------------------------------------------------------------------------------- */

/* Is the socket's queue empty? Closing it would also close the descriptors that are in its
 * queue. */
static bool is_empty(int socket)
{
	char byte;

	return recv(socket, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) <= 0;
}

static bool may_block(int fd)
{
	if (descriptor_is_seqpacket(fd))
		return !is_empty(fd);
	return descriptor_is_strange(fd);
}

struct closing {
	STAILQ_ENTRY(closing) link;
	unsigned n;
	int fds[];
};

/* What is to be closed, and the threads that do it. */
static struct {
	pthread_mutex_t lock;
	STAILQ_HEAD(, closing) waiting;
	unsigned n_threads;
} closings = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.waiting = STAILQ_HEAD_INITIALIZER(closings.waiting),
};

static struct closing *next_closing(void)
{
	struct closing *closing;

	pthread_mutex_lock(&closings.lock);
	closing = STAILQ_FIRST(&closings.waiting);
	if (closing)
		STAILQ_REMOVE_HEAD(&closings.waiting, link);
	else
		closings.n_threads--;
	pthread_mutex_unlock(&closings.lock);
	return closing;
}

static void *close_all(void *data)
{
	struct closing *closing;

	(void)data;
	while ((closing = next_closing())) {
		for (unsigned i = 0; i < closing->n; i++)
			close(closing->fds[i]);
		free(closing);
	}
	return NULL;
}

/* A thread for whose end nobody waits. False: there can be none. */
static bool start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, NULL, close_all, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_detach(thread);
	return r == 0;
}

/* Without a thread it waits for the next one: it would be worse to be stuck in close(). (The end of
 * the daemon waits for that, too.) */
static void close_later(struct closing *closing)
{
	bool starts;

	pthread_mutex_lock(&closings.lock);
	STAILQ_INSERT_TAIL(&closings.waiting, closing, link);
	starts = closings.n_threads < CLOSING_MAX;
	closings.n_threads += starts;
	pthread_mutex_unlock(&closings.lock);
	if (!starts || start_thread())
		return;
	pthread_mutex_lock(&closings.lock);
	closings.n_threads--;
	pthread_mutex_unlock(&closings.lock);
}

void descriptors_close(const int *fds, unsigned n)
{
	struct closing *closing = NULL;

	for (unsigned i = 0; i < n; i++) {
		if (fds[i] < 0)
			continue;
		if (!may_block(fds[i])) {
			close(fds[i]);
			continue;
		}
		if (!closing)
			closing = calloc(1, sizeof(*closing) + n * sizeof(*fds));
		if (closing)
			closing->fds[closing->n++] = fds[i];
	}
	if (closing)
		close_later(closing);
}

void descriptor_hang_up(int socket)
{
	/* After that, nothing more comes into its queue. */
	shutdown(socket, SHUT_RDWR);
	if (is_empty(socket))
		close(socket);
	else
		descriptors_close(&socket, 1);
}
