/* What a Go program's system calls mean: runs on a stack of ours (sites_go_call.S). */
#define _GNU_SOURCE
#include <fcntl.h>

#include "preload/hooks/environment.h"
#include "preload/hooks/hooks_exec.h"
#include "preload/image.h"
#include "preload/programs/supervised.h"
#include "preload/rawcall.h"
#include "preload/record/calls.h"
#include "preload/record/calls_process.h"
#include "preload/record/calls_table.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites_go_call.h"

void sites_go_after(struct go_frame *frame)
{
	call_after(frame->number, frame->arguments, frame->result, 0);
	if (site_go_missed)
		record_gap("raw-syscall", NULL, "more Go threads at once than can be recorded");
}

static void make_call(struct go_frame *frame)
{
	const long *arguments = frame->arguments;
	uint64_t ticket = call_before(frame->number, arguments);

	frame->result = rawcall6(frame->number, arguments[0], arguments[1], arguments[2],
		arguments[3], arguments[4], arguments[5]);
	call_after(frame->number, arguments, frame->result, ticket);
}

static long execute(void *context, char *const *envp)
{
	struct go_frame *frame = context;

	frame->arguments[frame->number == SYS_execve ? 2 : 3] = (long)envp;
	make_call(frame);
	return frame->result;
}

/* Go executes programs with an environment of its own making, in a vfork child. After an exec
 * there, nobody comes back to say that the stack is free again. The kernel does: it clears the word
 * that set_tid_address(2) names in the memory that such a child leaves behind. */
static void execute_with_us(struct go_frame *frame)
{
	bool at = frame->number == SYS_execveat;
	long *arguments = frame->arguments, given = arguments[at ? 3 : 2];
	int directory = at ? (int)arguments[0] : AT_FDCWD;
	const char *path = (const char *)arguments[at ? 1 : 0];
	bool leaves_stack = !image_is_ours();
	enum program_kind kind;
	enum library_wish wish;

	wish = exec_announce(directory, path, at ? (int)arguments[4] : 0, &kind);
	if (leaves_stack)
		rawcall3(SYS_set_tid_address, (long)&frame->owner, 0, 0);
	supervised_expect(path, kind);
	environment_with((char *const *)given, wish, execute, frame);
	supervised_expect_no_more();
	if (leaves_stack)
		rawcall3(SYS_set_tid_address, 0, 0, 0);
	arguments[at ? 3 : 2] = given;
}

bool sites_go_whole(struct go_frame *frame)
{
	switch (call_of(frame->number)->means) {
	case EXECUTE:
		execute_with_us(frame);
		return true;
	case FORK:
	case CLONE:
	case CLONE3:
		if (call_shares_memory(frame->number, frame->arguments)) {
			call_before(frame->number, frame->arguments);
			return false;
		}
		/* fall through */
	default:
		make_call(frame);
		return true;
	}
}
