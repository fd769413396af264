#define _GNU_SOURCE
#include "preload/programs/supervised.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "preload/descriptor.h"
#include "preload/hooks/environment.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/programs/program.h"
#include "preload/programs/supervised_filter.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/signals.h"
#include "preload/text.h"

#define STACK_SIZE   2048 /* bytes */
#define HELPER_SIZE  1024 /* bytes */
#define SETTINGS_MAX 16

/* All that does not fit on the small stack of a posix_spawn child: mapped, and unmapped before the
 * exec. The two processes between us and the supervisor run in our memory, one after the other. */
struct scratch {
	char filter[SUPERVISED_FILTER_SIZE] __attribute__((aligned(8)));
	char helper[HELPER_SIZE];	    /* path of the supervisor */
	char socket_text[TEXT_NUMBER_SIZE]; /* its argument */
	const char *arguments[5];
	const char *settings[SETTINGS_MAX + 1]; /* its environment */
	int socket;				/* its end */
	int error;				/* of its exec: written by the clone */
	char child_stack[STACK_SIZE] __attribute__((aligned(16)));
	char supervisor_stack[STACK_SIZE] __attribute__((aligned(16)));
};

/* Makes a process in our memory, on a stack of its own (clone with CLONE_VM and CLONE_VFORK). It
 * runs `function` and exits with what that returns, while we wait. It sends no signal when it ends.
 * Returns its pid or a negative errno. */
static long run_apart(void *stack_top, int (*function)(void *), void *context)
{
	register long no_parent_tid __asm__("rdx") = 0;
	register long no_child_tid __asm__("r10") = 0;
	register long no_tls __asm__("r8") = 0;
	register int (*body)(void *) __asm__("r12") = function;
	register void *argument __asm__("r13") = context;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(CLONE_VM | CLONE_VFORK), "S"(stack_top),
			 "r"(no_parent_tid), "r"(no_child_tid), "r"(no_tls), "r"(body),
			 "r"(argument), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return result;
}

/* Runs in the process that becomes the supervisor. It inherits nothing on purpose except its end of
 * the socket pair. */
static int become_supervisor(void *context)
{
	struct scratch *scratch = context;
	long kept = rawcall3(SYS_fcntl, scratch->socket, F_DUPFD, 3);

	if (kept < 0) {
		scratch->error = (int)kept;
		return 1;
	}
	text_append_number(scratch->socket_text,
		scratch->socket_text + sizeof(scratch->socket_text), (uint64_t)kept);
	scratch->error = (int)rawcall3(SYS_execve, (long)scratch->helper, (long)scratch->arguments,
		(long)scratch->settings);
	return 1;
}

/* Runs in a process between us and the supervisor. It ends at once, so that the supervisor is no
 * child of ours: a program that waits for any child must not find it. */
static int start_supervisor(void *context)
{
	struct scratch *scratch = context;
	long pid = run_apart(scratch->supervisor_stack + STACK_SIZE, become_supervisor, scratch);

	if (pid < 0)
		scratch->error = (int)pid;
	return 0;
}

/* The path of the supervisor, beside the library. False: it does not fit, or there is none. */
static bool find_helper(char *to, size_t size)
{
	const char *library = environment_library();
	const char *name = NULL;
	char *end = to + size;
	char *at;

	for (const char *p = library; p && *p; p++)
		if (*p == '/')
			name = p + 1;
	if (!name || (size_t)(name - library) + sizeof(SUPERVISOR_NAME) > size)
		return false;
	memcpy(to, library, (size_t)(name - library));
	at = text_append(to + (name - library), end, SUPERVISOR_NAME);
	return at < end && rawcall3(SYS_access, (long)to, 1 /* X_OK */, 0) == 0;
}

static void fill_scratch(struct scratch *scratch)
{
	unsigned count = environment_kept(scratch->settings, SETTINGS_MAX);

	scratch->settings[count] = NULL;
	scratch->arguments[0] = SUPERVISOR_NAME;
	scratch->arguments[1] = "--attach";
	scratch->arguments[2] = scratch->socket_text;
	scratch->arguments[3] = environment_library();
	scratch->arguments[4] = NULL;
}

/* Starts the supervisor. Signals are blocked meanwhile: handlers must not run in the clones, and
 * the supervisor inherits the mask, so that no signal disturbs it. */
static int launch(struct scratch *scratch)
{
	uint64_t before = signals_hold();
	int status;
	long pid;

	pid = run_apart(scratch->child_stack + STACK_SIZE, start_supervisor, scratch);
	if (pid > 0)
		rawcall4(SYS_wait4, pid, (long)&status, __WALL, 0);
	signals_release(before);
	return pid < 0 ? (int)pid : scratch->error;
}

/* Connects to a supervisor of our user that is running already. Negative errno: there is none. */
static int find_running(const struct scratch *scratch)
{
	struct ucred peer = { 0, (uid_t)-1, 0 };
	socklen_t peer_size = sizeof(peer);
	struct sockaddr_un address;
	unsigned size = supervised_address(&address, scratch->settings, environment_library());
	long fd = rawcall3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return (int)fd;
	if (rawcall3(SYS_connect, fd, (long)&address, size) == 0 &&
		rawcall6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&peer_size,
			0) == 0 &&
		peer.uid == (uid_t)rawcall3(SYS_geteuid, 0, 0, 0))
		return (int)fd;
	rawcall3(SYS_close, fd, 0, 0);
	return -ECONNREFUSED;
}

/* Asks a running supervisor. NULL: it supervises us. */
static const char *ask_running(struct scratch *scratch, bool no_new_privileges)
{
	int socket = find_running(scratch);
	const char *why;

	if (socket < 0)
		return "no supervisor is running";
	why = supervised_begin(socket, scratch->filter, no_new_privileges);
	rawcall3(SYS_close, socket, 0, 0);
	return why;
}

static const char *start_in(struct scratch *scratch, bool no_new_privileges)
{
	const char *why;
	int ends[2];

	if (!find_helper(scratch->helper, sizeof(scratch->helper)))
		return "there is no " SUPERVISOR_NAME " beside the library";
	fill_scratch(scratch);
	why = ask_running(scratch, no_new_privileges);
	if (!why || why == supervised_late)
		return why;
	why = "the supervisor cannot be started";
	if (rawcall4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)ends) < 0)
		return why;
	scratch->socket = ends[1];
	if (launch(scratch) == 0) {
		fd_close(&ends[1]);
		why = supervised_begin(ends[0], scratch->filter, no_new_privileges);
	}
	fd_close(&ends[0]);
	fd_close(&ends[1]);
	return why;
}

/* NULL: this process is supervised from now on. Otherwise why not, in words. */
static const char *start(void)
{
	bool no_new_privileges;
	const char *why =
		supervised_refused(environment_setting("FOOTPRINT_SUPERVISE"), &no_new_privileges);
	struct scratch *scratch;

	if (why)
		return why;
	scratch = map_private(sizeof(*scratch));
	if (!scratch)
		return "no memory for the supervisor";
	why = start_in(scratch, no_new_privileges);
	unmap(scratch, sizeof(*scratch));
	return why;
}

/* May the program be executed at all? If the exec failed, we would keep the filter nevertheless. */
static bool is_executable(int dirfd, const char *path, int flags)
{
	return rawcall4(SYS_faccessat2, dirfd, (long)path, 1 /* X_OK */,
		       AT_EACCESS | (flags & AT_EMPTY_PATH)) != -EACCES;
}

enum program_glance supervised_glance(int dirfd, const char *path, int flags)
{
	if (!path || !image_segment() || image.memory_only)
		return GLANCE_MAY_BE;
	return program_glance(dirfd, path, flags);
}

/* A vfork child and its parent's threads may use this at the same time. One that finds another's
 * path here looks at its own program itself. */
static const char *expected;

void supervised_expect(const char *path, enum program_kind kind)
{
	bool lasts = kind == PROGRAM_DYNAMIC && path && program_path_lasts(path);

	__atomic_store_n(&expected, lasts ? path : NULL, __ATOMIC_RELEASE);
}

void supervised_expect_no_more(void)
{
	__atomic_store_n(&expected, NULL, __ATOMIC_RELEASE);
}

bool supervised_is_expected(const char *path)
{
	return path && __atomic_load_n(&expected, __ATOMIC_RELAXED) == path &&
	       __atomic_compare_exchange_n(
		       &expected, &path, NULL, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

enum program_kind supervised_exec(int dirfd, const char *path, int flags)
{
	char program[PROGRAM_PATH_SIZE];
	enum program_kind kind;
	const char *why;

	if (!path || !image_segment() || image.unwelcome)
		return PROGRAM_UNKNOWN;
	kind = program_look(dirfd, path, flags, program, sizeof(program));
	if (kind != PROGRAM_STATIC || !is_executable(dirfd, path, flags) ||
		supervised_filter_stands())
		return kind;
	why = image.memory_only ? "started below a seccomp filter of its starter's" : start();
	if (why)
		record_gap("static-program", *program ? program : path, why);
	return kind;
}
