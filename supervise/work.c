#define _GNU_SOURCE
#include "supervise/work.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <stddef.h>
#include <stdbool.h>

#include "preload/calls_table.h"
#include "preload/rawcall.h"
#include "preload/text.h"
#include "supervise/call.h"
#include "supervise/images.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64) /* Linux 6.6 */
#define SYNC_WAKE_UP		      1ul
#endif

static bool receive(int listener, struct shared *shared)
{
	memset(&shared->notif, 0, sizeof(shared->notif));
	return rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_RECV,
		       (long)&shared->notif) == 0;
}

void work_answer(int listener, uint64_t id)
{
	struct {
		struct seccomp_notif_resp response;
		char room[64];
	} answer = { .response = { .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE } };

	rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SEND, (long)&answer);
}

/* Does the caller still wait? Else its pid may be somebody else's by now. */
static bool still_stands(int listener, uint64_t id)
{
	return rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_ID_VALID, (long)&id) == 0;
}

static void note_unreadable(int pid)
{
	images_gap(pid, "static-program",
		"its memory cannot be read: it changed its user, or may not be dumped");
}

static void record(int listener, const struct seccomp_notif *notif)
{
	struct announced announced = { (int)notif->pid, notif->data.nr, { 0 } };
	struct called *called = NULL;
	int error = 0;

	memcpy(announced.arguments, notif->data.args, sizeof(announced.arguments));
	if (images_enter(announced.pid, &error)) {
		called = call_read(&announced, &error);
		if (called && still_stands(listener, notif->id))
			call_record(called);
	}
	if (error == -EPERM || error == -EACCES)
		note_unreadable(announced.pid);
	if (call_of(announced.number)->means == EXECUTE)
		images_changed();
}

static void serve(int listener, struct shared *shared)
{
	record(listener, &shared->notif);
	work_answer(listener, shared->notif.id);
	shared->notif.id = 0;
	shared->served++;
}

/* Taking over: whose announcement went unrecorded is told before anything else. */
static void note_lost(struct shared *shared)
{
	if (!shared->lost)
		return;
	images_gap(shared->lost, "lost-records", "the supervisor was killed, or could not go on");
	shared->lost = 0;
}

enum work_end work(int listener, int guardian, struct shared *shared)
{
	struct pollfd polled[] = { { .fd = listener, .events = POLLIN },
		{ .fd = guardian, .events = POLLIN } };

	rawcall3(SYS_ioctl, listener, (long)SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
	note_lost(shared);
	for (;;) {
		if (rawcall3(SYS_poll, (long)polled, 2, -1) < 0)
			continue;
		if (polled[1].revents)
			return WORK_ALONE;
		if (polled[0].revents & POLLIN) {
			if (receive(listener, shared))
				serve(listener, shared);
		} else if (polled[0].revents) {
			return WORK_DONE;
		}
	}
}

void work_blindly(int listener, struct shared *shared)
{
	struct pollfd polled = { .fd = listener, .events = POLLIN };

	for (;;) {
		if (rawcall3(SYS_poll, (long)&polled, 1, -1) < 0)
			continue;
		if (!(polled.revents & POLLIN))
			return;
		if (receive(listener, shared))
			work_answer(listener, shared->notif.id);
	}
}
