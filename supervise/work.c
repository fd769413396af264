#define _GNU_SOURCE
#include "supervise/work.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/calls_table.h"
#include "preload/text.h"
#include "supervise/call.h"
#include "supervise/express.h"
#include "supervise/images.h"
#include "supervise/loads.h"
#include "supervise/rights.h"
#include "supervise/target.h"
#include "supervise/turns.h"
#include "supervise/wake.h"

/* Linux 6.6 */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP 1ul
#endif

#define EXECUTING_MAX 64u /* threads that are about to execute, at a time */

/* Before Linux 6.6 this is refused, which changes nothing. */
static void share_processor(int listener, bool shared)
{
	rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SET_FLAGS,
		shared ? SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP : 0);
}

static bool receive(int listener, struct shared *shared)
{
	memset(&shared->notif, 0, sizeof(shared->notif));
	return rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_RECV,
		       (long)&shared->notif) == 0;
}

static long answer(int listener, uint64_t id)
{
	struct {
		struct seccomp_notif_resp response;
		char room[64];
	} sent = { .response = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE } };

	return rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SEND, (long)&sent);
}

void work_answer(int listener, uint64_t id)
{
	answer(listener, id);
}

/* Tries with a listener for no call at all. If there can be no listener, the process that needs one
 * says why. */
static bool knows_continue(void)
{
	struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &pass };
	long listener;

	rawcall6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	listener = rawcall3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		(long)&program);
	return listener < 0 || answer((int)listener, ~0ull) != -EINVAL;
}

/* Before Linux 5.5, the answer "continue" is refused, and a caller would wait for ever. A process
 * made for it finds out, because its filter stays; and only once. */
bool work_is_possible(void)
{
	static enum { NOT_ASKED, POSSIBLE, IMPOSSIBLE } known;
	int status = 0;
	long pid;

	if (known != NOT_ASKED)
		return known == POSSIBLE;
	pid = rawcall6(SYS_clone, 0, 0, 0, 0, 0, 0);
	if (pid == 0)
		for (bool knows = knows_continue();;)
			rawcall3(SYS_exit_group, !knows, 0, 0);
	if (pid > 0)
		rawcall4(SYS_wait4, pid, (long)&status, __WALL, 0);
	known = status ? IMPOSSIBLE : POSSIBLE;
	return known == POSSIBLE;
}

/* The call that is being worked on. */
static struct {
	int listener;
	uint64_t id;
} current;

bool work_stands(void)
{
	return rawcall3(SYS_ioctl, current.listener, (long)SECCOMP_IOCTL_NOTIF_ID_VALID,
		       (long)&current.id) == 0;
}

static void note_refused(int pid)
{
	images_gap(pid, "static-program",
		"it cannot be looked at: it changed its user, or may not be dumped");
}

/* The end of the entered image's log, which shows whether a fact was new. */
static uint64_t log_end(void)
{
	return (uint64_t)(uintptr_t)image.segment + (image.segment ? image.segment->head.tail : 0);
}

static int record_call(struct announced *announced, struct express *express, enum express_came came)
{
	uint64_t before = log_end();
	int error;

	express_attend(express, announced);
	if (!call_read(announced, &error) || !work_stands())
		return error;
	error = call_record();
	if (came == EXPRESS_REPORTED)
		express_remember(express, announced, call_path());
	else if (came == EXPRESS_PLAIN && before == log_end())
		express_repeated(express, announced->pid);
	return error;
}

/* Was this thread's last announcement an execution? Then a program begins. */
static bool has_executed(int pid, bool executes)
{
	static int executing[EXECUTING_MAX];
	int *last = &executing[(unsigned)pid % EXECUTING_MAX];
	bool answer = *last == pid;

	if (executes)
		*last = pid;
	else if (answer)
		*last = 0;
	return answer;
}

/* What comes next is perhaps another image's call, or made with other rights. */
static void note_change(long number)
{
	bool executes = call_of(number)->means == EXECUTE;

	if (executes)
		images_changed();
	if (executes || rights_change(number))
		rights_forget();
}

static void record(const struct seccomp_notif *notif)
{
	struct announced announced = { .pid = (int)notif->pid, .number = notif->data.nr };
	bool executed = has_executed(announced.pid, call_of(announced.number)->means == EXECUTE);
	enum express_came came;
	int error = 0;

	memcpy(announced.arguments, notif->data.args, sizeof(announced.arguments));
	if (announced.number == SYS_arch_prctl)
		images_began(announced.pid);
	if (call_of(announced.number)->means == FILTER)
		express_filter(announced.pid);
	if (images_enter(announced.pid, &error)) {
		struct express *express = images_express();

		came = express_came(express, &notif->data, &announced);
		if (came == EXPRESS_OPENED)
			express_opened(express, &announced, notif->data.instruction_pointer);
		else if (announced.number == SYS_arch_prctl && executed)
			express_begin(express, announced.pid);
		else
			error = record_call(&announced, express, came);
		if (images_dynamic() && loads_show(announced.number) && work_stands())
			loads_look(announced.pid, announced.number);
		if (rights_change(announced.number))
			images_rights_changed();
		images_tend();
	} else if (rights_change(announced.number)) {
		/* Threads change their users one after another; after the first, none can be looked
		 * at. */
		images_rights_changed_somewhere();
		error = 0;
	}
	if (target_refuses(error))
		note_refused(announced.pid);
	note_change(announced.number);
}

static void serve(int listener, struct shared *shared, struct turns *turns)
{
	if (turns_change(turns, (int)shared->notif.pid))
		share_processor(listener, turns->shared);
	current.listener = listener;
	current.id = shared->notif.id;
	record(&shared->notif);
	work_answer(listener, shared->notif.id);
	shared->notif.id = 0;
	shared->served++;
}

/* When taking over: first records that an announcement was lost. */
static void note_lost(struct shared *shared)
{
	if (!shared->lost)
		return;
	images_gap(shared->lost, "lost-records", "the supervisor was killed, or could not go on");
	shared->lost = 0;
}

/* Is no process left to watch? POLLERR only means that the listener could not be looked at this
 * time. */
static bool is_over(const struct pollfd *listener)
{
	return (listener->revents & (POLLHUP | POLLIN)) == POLLHUP;
}

/* Called after a signal, or if there was nothing to receive. True: the work is over. (The kernel
 * gives orphans another parent before it sends the signal, and updates pidfds later.) */
static bool look_around(int listener, int guardian, enum work_end *ret)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };
	bool alone = rawcall3(SYS_getppid, 0, 0, 0) != guardian;

	*ret = alone ? WORK_ALONE : WORK_DONE;
	return alone || (rawcall3(SYS_poll, (long)&polled, 1, 0) > 0 && is_over(&polled));
}

/* A signal may come between the last look and the wait. Then the next announcement ends the wait,
 * or the guardian's next signal. */
static enum work_end receive_all(int listener, int guardian, struct shared *shared)
{
	struct turns turns = turns_begin();
	bool look = true;
	enum work_end how;

	share_processor(listener, turns.shared);
	for (;;) {
		if (look && look_around(listener, guardian, &how))
			return how;
		look = !receive(listener, shared);
		if (!look)
			serve(listener, shared, &turns);
		look |= wake_came();
	}
}

enum work_end work(int listener, int guardian, struct shared *shared)
{
	enum work_end how;

	note_lost(shared);
	wake_arm();
	how = receive_all(listener, guardian, shared);
	wake_disarm();
	return how;
}

void work_blindly(int listener, struct shared *shared)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };

	for (;;) {
		if (rawcall3(SYS_poll, (long)&polled, 1, -1) < 0)
			continue;
		if (is_over(&polled))
			return;
		if (polled.revents & POLLIN && receive(listener, shared))
			work_answer(listener, shared->notif.id);
	}
}
