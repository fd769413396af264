#define _GNU_SOURCE
#include "supervise/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "preload/descriptor.h"
#include "preload/mapping.h"
#include "preload/programs/supervised.h"
#include "preload/rawcall.h"
#include "preload/signals.h"
#include "supervise/supervise.h"
#include "supervise/work.h"

#define BACKLOG	    64
#define IDLE_MS	    1000
#define REAP_MS	    300	  /* within that, an init that reaps its children has done so */
#define IDLE_MAX_MS 60000 /* between two looks whether orphans are reaped, at most */
#define SIGCHLD_BIT (1ull << (SIGCHLD - 1))

static __attribute__((noreturn)) void end(int status)
{
	for (;;)
		rawcall3(SYS_exit_group, status, 0, 0);
}

/* The socket on which later programs ask. -1: there is another nursery already, and this one serves
 * only its first program. */
static int listen_for_more(void)
{
	struct sockaddr_un address;
	long size = supervised_address(
		&address, (const char *const *)supervisor.envp, supervisor.library);
	int fd = (int)rawcall3(
		SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (rawcall3(SYS_bind, fd, (long)&address, size) < 0 ||
		rawcall3(SYS_listen, fd, BACKLOG, 0) < 0)
		fd_close(&fd);
	return fd;
}

/* Does the process that asks belong to our user? *ret_pid: its pid. */
static bool may_ask(int socket, int *ret_pid)
{
	struct ucred peer = { 0, (uid_t)-1, 0 };
	socklen_t size = sizeof(peer);

	if (rawcall6(SYS_getsockopt, socket, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&size, 0) <
		0)
		return false;
	*ret_pid = peer.pid;
	return peer.uid == (uid_t)rawcall3(SYS_geteuid, 0, 0, 0);
}

/* Starts a guardian for the process that speaks on the socket, which is closed here. asker: the pid
 * of that process; 0: any. */
static void begin_guardian(int socket, int asker, unsigned *children)
{
	long pid = rawcall6(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);

	if (pid == 0)
		end(supervise_on(socket, asker));
	if (pid > 0)
		++*children;
	fd_close(&socket);
}

static void accept_one(int listener, unsigned *children)
{
	int socket = (int)rawcall4(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC);
	int asker = 0;

	if (socket < 0)
		return;
	if (may_ask(socket, &asker))
		begin_guardian(socket, asker, children);
	else
		fd_close(&socket);
}

static void reap(unsigned *children)
{
	int status;

	while (*children && rawcall4(SYS_wait4, -1, (long)&status, WNOHANG, 0) > 0)
		--*children;
}

static int make_signal_descriptor(void)
{
	uint64_t wanted = SIGCHLD_BIT;

	return (int)rawcall4(
		SYS_signalfd4, -1, (long)&wanted, KERNEL_SIGSET, O_CLOEXEC | O_NONBLOCK);
}

static void drain(int fd)
{
	char signals[1024];

	while (rawcall3(SYS_read, fd, (long)signals, sizeof(signals)) > 0)
		;
}

/* Does the process that takes over orphans wait for them? Makes an orphan, to find out. Returns its
 * pid, or 0. */
static int leave_orphan(void)
{
	int *orphan = map_shared(sizeof(*orphan));
	int left, status;
	long pid;

	if (!orphan)
		return 0;
	pid = rawcall6(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);
	if (pid == 0) {
		long last = rawcall6(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);

		if (last > 0)
			*orphan = (int)last;
		end(0);
	}
	if (pid > 0)
		rawcall4(SYS_wait4, pid, (long)&status, 0, 0);
	left = *orphan;
	unmap(orphan, sizeof(*orphan));
	return left;
}

static bool is_gone(int pid)
{
	return !pid || rawcall3(SYS_kill, pid, 0, 0) == -ESRCH;
}

/* The state while no program is served. */
struct idling {
	int orphan; /* pid of an orphan that was left to init; 0: none */
	int wait;   /* milliseconds, to the next look */
};

/* No program has asked for a while. True: it is time to end. */
static bool idle(struct idling *idling)
{
	if (!idling->orphan) {
		idling->orphan = leave_orphan();
		idling->wait = REAP_MS;
		return !idling->orphan;
	}
	if (is_gone(idling->orphan))
		return true;
	idling->wait = idling->wait < IDLE_MAX_MS ? 2 * idling->wait : IDLE_MAX_MS;
	return false;
}

static void busy(struct idling *idling)
{
	if (idling->orphan && is_gone(idling->orphan))
		idling->orphan = 0;
	idling->wait = IDLE_MS;
}

/* Serves until there is no program to serve, and none asks. */
static void serve(int listener, int signals, unsigned children)
{
	struct idling idling = { 0, IDLE_MS };

	while (children || listener >= 0) {
		struct pollfd polled[] = { { .fd = listener, .events = POLLIN },
			{ .fd = signals, .events = POLLIN } };
		long ready = rawcall3(SYS_poll, (long)polled, 2, children ? -1 : idling.wait);

		if (ready == 0 && idle(&idling))
			return;
		if (ready > 0)
			busy(&idling);
		if (ready > 0 && polled[0].revents)
			accept_one(listener, &children);
		if (ready > 0 && polled[1].revents) {
			drain(signals);
			reap(&children);
		}
	}
}

int nursery(int first)
{
	unsigned children = 0;
	int listener, signals;

	signals_hold();
	signals = make_signal_descriptor();
	if (signals < 0)
		return supervise_on(first, 0);
	work_is_possible(); /* asked once for all of them */
	begin_guardian(first, 0, &children);
	listener = listen_for_more();
	serve(listener, signals, children);
	return 0;
}
