/* The start of the program: attached to a process that is about to execute, or in front of a
 * program. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload/descriptor.h"
#include "preload/programs/supervised.h"
#include "preload/rawcall.h"
#include "preload/signals.h"
#include "preload/text.h"
#include "proto/session_memory.h"
#include "supervise/guard.h"
#include "supervise/images.h"
#include "supervise/nursery.h"
#include "supervise/prefix.h"
#include "supervise/supervise.h"
#include "supervise/target.h"
#include "supervise/work.h"

#define STATUS_USAGE   2
#define DESCRIPTOR_MAX 0x7fffffff
#define ENTRIES_SIZE   1024 /* of a directory, at a time */

struct supervisor supervisor = { .root = -1 };

static const char help[] =
	"Usage: footprint-supervise [--] PROGRAM [ARGUMENT...]\n"
	"\n"
	"Executes PROGRAM. If it is statically linked, so that it cannot load libfootprint.so, a\n"
	"supervisor watches its system calls. FOOTPRINT_SOCKET, FOOTPRINT_SPOOL, FOOTPRINT_APP\n"
	"and FOOTPRINT_VERSION have the same meaning as for the library. For the ENTRYPOINT of a\n"
	"container, if that is static; programs that a watched program executes do not need it.\n"
	"\n"
	"Options:\n"
	"  -h, --help     print this help\n"
	"  -V, --version  print the version\n";

/* Returns the exit status: 1 if the text cannot be written. */
static int say(int fd, const char *text)
{
	long size = (long)text_length(text);

	return rawcall3(SYS_write, fd, (long)text, size) != size;
}

static int number(const char *text)
{
	int value = 0;

	if (!*text)
		return -1;
	for (; *text >= '0' && *text <= '9' && value < 1 << 24; text++)
		value = value * 10 + (*text - '0');
	return *text ? -1 : value;
}

/* --- attached --------------------------------------------------------------------------------- */

/* Before Linux 5.9: closes the descriptors that /proc lists. The listing goes on behind the last
 * entry, whatever is closed meanwhile. */
static void close_listed_but(int kept)
{
	char entries[ENTRIES_SIZE] __attribute__((aligned(8)));
	int list = (int)rawcall4(
		SYS_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long size;

	while ((size = rawcall3(SYS_getdents64, list, (long)entries, sizeof(entries))) > 0) {
		for (long at = 0; at < size; at += *(unsigned short *)(void *)(entries + at + 16)) {
			int fd = number(entries + at + 19);

			if (fd >= 0 && fd != kept && fd != list)
				rawcall3(SYS_close, fd, 0, 0);
		}
	}
	fd_close(&list);
}

/* Closes all descriptors except this one, so that nobody waits for the end of a pipe because of
 * us. */
static void close_all_but(int fd)
{
	if (rawcall3(SYS_close_range, fd + 1, DESCRIPTOR_MAX, 0) == -ENOSYS)
		close_listed_but(fd);
	else if (fd > 0)
		rawcall3(SYS_close_range, 0, fd - 1, 0);
}

/* An ignored SIGCHLD is inherited by what is executed. Then nobody could wait for a worker, and how
 * it ended would be lost. */
static void hear_of_children(void)
{
	const struct {
		void *handler;
		uint64_t flags;
		void *restorer;
		uint64_t mask;
	} usual = { 0 };

	rawcall4(SYS_rt_sigaction, SIGCHLD, (long)&usual, 0, KERNEL_SIGSET);
}

/* Sets no_new_privs, and leaves the program's session, so that signals of its terminal do not come
 * to us. Keeps all rights that it has: with fewer than the program has, the kernel does not let us
 * read that. */
static void settle_in(void)
{
	struct rlimit files;

	hear_of_children();
	rawcall3(SYS_setsid, 0, 0, 0);
	rawcall3(SYS_chdir, (long)"/", 0, 0);
	rawcall6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
	if (rawcall4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&files) == 0) {
		files.rlim_cur = files.rlim_max;
		rawcall4(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&files, 0);
	}
	supervisor.root =
		(int)rawcall4(SYS_openat, AT_FDCWD, (long)"/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* Can the memory of the process be read? 0 or a negative errno. */
static int try_reading(const struct supervised_greeting *greeting)
{
	char path[FP_PATH_SIZE_MAX];
	uint64_t magic = 0;
	long length;
	int error = target_bytes(greeting->pid, greeting->address, &magic, sizeof(magic));

	if (error)
		return error;
	length = target_link(greeting->pid, "exe", -1, path, sizeof(path));
	if (length < 0)
		return (int)length;
	return magic == SUPERVISED_MAGIC ? 0 : -ESRCH;
}

/* Receives the listener, or returns a negative errno. */
static int receive_listener(int socket)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec part = { &byte, sizeof(byte) };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	long got = rawcall3(SYS_recvmsg, socket, (long)&message, MSG_CMSG_CLOEXEC);
	int listener;

	if (got <= 0)
		return got < 0 ? (int)got : -ECONNRESET;
	if (message.msg_controllen < CMSG_LEN(sizeof(int)) ||
		control.header.cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&listener, CMSG_DATA(&control.header), sizeof(listener));
	return listener;
}

int supervise_on(int socket, int asker)
{
	struct supervised_greeting greeting;
	struct supervised_answer answer = { 0, (int32_t)rawcall3(SYS_getpid, 0, 0, 0) };
	int listener;

	close_all_but(socket);
	settle_in();
	if (rawcall6(SYS_recvfrom, socket, (long)&greeting, sizeof(greeting), 0, 0, 0) !=
			(long)sizeof(greeting) ||
		greeting.magic != SUPERVISED_MAGIC || (asker && greeting.pid != asker))
		return STATUS_USAGE;
	answer.error = work_is_possible() ? try_reading(&greeting) : -ENOSYS;
	supervisor.first = images_identify(greeting.pid);
	if (rawcall6(SYS_sendto, socket, (long)&answer, sizeof(answer), MSG_NOSIGNAL, 0, 0) < 0 ||
		answer.error)
		return 1;
	listener = receive_listener(socket);
	if (listener < 0)
		return 1; /* the process has changed its mind */
	guard(listener, socket);
}

/* --- the command line ------------------------------------------------------------------------- */

static int attach(int argc, char *const *argv)
{
	int socket = argc > 2 ? number(argv[2]) : -1;

	if (socket < 0)
		return STATUS_USAGE;
	supervisor.library = argc > 3 ? argv[3] : NULL;
	close_all_but(socket);
	hear_of_children();
	rawcall3(SYS_setsid, 0, 0, 0);
	rawcall3(SYS_chdir, (long)"/", 0, 0);
	return nursery(socket);
}

/* Used by a program that has found the program to start, and wants to know of failures: --start
 * DESCRIPTOR FILE PROGRAM ARGUMENT... */
static int start(int argc, char *const *argv)
{
	int report = argc > 4 ? number(argv[2]) : -1;

	if (report < 0)
		return STATUS_USAGE;
	rawcall3(SYS_fcntl, report, F_SETFD, FD_CLOEXEC);
	return prefix(argv[3], argv + 4, report);
}

static int refuse(const char *what, const char *why)
{
	say(2, "footprint-supervise: ");
	say(2, what);
	say(2, why);
	say(2, "; see 'footprint-supervise --help'\n");
	return STATUS_USAGE;
}

static int run(int argc, char *const *argv)
{
	const char *first = argc > 1 ? argv[1] : "";

	if (text_equal(first, "--attach"))
		return attach(argc, argv);
	if (text_equal(first, "--start"))
		return start(argc, argv);
	if (text_equal(first, "--help") || text_equal(first, "-h"))
		return say(1, help);
	if (text_equal(first, "--version") || text_equal(first, "-V"))
		return say(1, "footprint-supervise " FOOTPRINT_VERSION_STRING "\n");
	if (text_equal(first, "--")) {
		argv++;
		argc--;
	} else if (*first == '-') {
		return refuse(first, ": no such option");
	}
	return argc > 1 ? prefix(NULL, argv + 1, -1) : refuse("no program given", "");
}

/* block: what the kernel has put on the stack: argc, argv, NULL, envp, NULL. */
__attribute__((used, noreturn)) static void begin(long *block)
{
	char **argv = (char **)(block + 1);
	int status;

	supervisor.envp = argv + *block + 1;
	status = run((int)*block, argv);
	for (;;)
		rawcall3(SYS_exit_group, status, 0, 0);
}

__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call begin\n");
