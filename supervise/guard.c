#define _GNU_SOURCE
#include "supervise/guard.h"

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "preload/descriptor.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "supervise/images.h"
#include "supervise/vigil.h"
#include "supervise/wake.h"
#include "supervise/work.h"

/* A call that has waited for so long is answered in the worker's place. */
#define LOOK_EVERY_MS 1000
#define DEATHS_MAX    8 /* deaths of workers, after which no further one is started */

static __attribute__((noreturn)) void end(int status)
{
	for (;;)
		rawcall3(SYS_exit_group, status, 0, 0);
}

static void say_ready(int *asked)
{
	char word = 0;

	if (*asked >= 0)
		rawcall6(SYS_sendto, *asked, (long)&word, 1, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	fd_close(asked);
}

/* Answers the call that the worker has left; the next worker records that it was lost. */
static void settle(int listener, struct shared *shared)
{
	uint64_t id = shared->notif.id;

	if (!id)
		return;
	shared->lost = (int32_t)shared->notif.pid;
	work_answer(listener, id);
	shared->notif.id = 0;
}

/* Waits until the worker has ended, or for a while. If no process is left to watch, tells the
 * worker again and again: before Linux 6.11 the kernel does not. */
static bool has_ended(int pid, int pidfd, int *listener)
{
	struct pollfd polled[] = { { .fd = pidfd, .events = POLLIN }, { .fd = *listener } };
	long ready;

	if (*listener < 0)
		rawcall3(SYS_kill, pid, WAKE_SIGNAL, 0);
	ready = rawcall3(SYS_poll, (long)polled, 2, LOOK_EVERY_MS);
	if (ready <= 0 || polled[0].revents)
		return ready > 0;
	if (!(polled[1].revents & POLLHUP))
		return false; /* poll could not look at the listener this time */
	*listener = -1;	      /* so that poll ignores it now */
	return has_ended(pid, pidfd, listener);
}

/* Does any process wait for the worker? */
static bool is_busy(int listener, const struct shared *shared)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };

	return __atomic_load_n(&shared->notif.id, __ATOMIC_RELAXED) != 0 ||
	       (rawcall3(SYS_poll, (long)&polled, 1, 0) > 0 && polled.revents & POLLIN);
}

/* Waits until the worker ends. True: all work is done. */
static bool watch(int pid, int pidfd, int listener, const struct shared *shared)
{
	uint64_t served = ~0ull;
	int status = 0;

	while (!has_ended(pid, pidfd, &listener)) {
		bool busy = is_busy(listener, shared);
		uint64_t now = __atomic_load_n(&shared->served, __ATOMIC_RELAXED);

		if (busy && now == served)
			rawcall3(SYS_kill, pid, SIGKILL, 0);
		served = busy ? now : ~0ull;
	}
	rawcall4(SYS_wait4, pid, (long)&status, __WALL, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Runs in the worker. Returns only if the guardian is gone, to become the next one. */
static void be_worker(int listener, int guardian, struct shared *shared, int *asked)
{
	say_ready(asked);
	if (work(listener, guardian, shared) == WORK_DONE) {
		images_close();
		end(0);
	}
	images_close();
}

void guard(int listener, int asked)
{
	/* What both processes share. Without memory for that, calls are only answered, and nothing
	 * is recorded. */
	struct shared *shared = map_shared(sizeof(*shared));

	vigil_prepare(listener);
	for (int deaths = 0; shared && deaths < DEATHS_MAX; deaths++) {
		int self = (int)rawcall3(SYS_getpid, 0, 0, 0);
		int worker = -1;
		long pid = rawcall6(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, (long)&worker, 0, 0, 0);

		if (pid < 0)
			break;
		if (pid == 0) {
			be_worker(listener, self, shared, &asked);
			deaths = 0;
			continue;
		}
		fd_close(&asked);
		if (watch((int)pid, worker, listener, shared))
			end(0);
		fd_close(&worker);
		settle(listener, shared);
	}
	/* Nothing is recorded any more, but the program goes on. */
	say_ready(&asked);
	if (shared) {
		images_gap(shared->lost, "lost-records", "the supervisor failed again and again");
		work_blindly(listener, shared);
	}
	end(1);
}
