/* Calls that name files and addresses in ways that few programs use, each once. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "check.h"

static int open_how(int directory, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = resolve };

	return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

/* "/" and ".." do not leave the directory. */
static void resolve_in_root(void)
{
	int sub = open("sub", O_PATH | O_DIRECTORY);

	CHECK(open_how(sub, "/../../inside", RESOLVE_IN_ROOT) < 0 && errno == ENOENT);
	CHECK(open_how(sub, "/etc/passwd-refused", RESOLVE_BENEATH) < 0 && errno == EXDEV);
}

static void use_addresses(void)
{
	struct sockaddr_in6 short_one = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in any = { .sin_family = AF_UNSPEC, .sin_port = htons(0) };
	int six = socket(AF_INET6, SOCK_DGRAM, 0), four = socket(AF_INET, SOCK_DGRAM, 0);

	short_one.sin6_port = htons(9);
	CHECK(connect(six, (struct sockaddr *)&short_one,
		      offsetof(struct sockaddr_in6, sin6_scope_id)) == 0);
	CHECK(bind(four, (struct sockaddr *)&any, sizeof(any)) == 0);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* A backlog of 0 is full with the second connection, made under another name of the same address.
 * Then connect waits until a signal comes. */
static void connect_interrupted(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { { 0, 50000 }, { 0, 50000 } }, never = { { 0, 0 }, { 0, 0 } };
	socklen_t size = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(server, (struct sockaddr *)&address, size) == 0);
	CHECK(listen(server, 0) == 0);
	CHECK(getsockname(server, (struct sockaddr *)&address, &size) == 0);
	mapped.sin6_port = address.sin_port;
	CHECK(inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr) == 1);
	for (int i = 0; i < 2; i++)
		connect(socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0),
			(struct sockaddr *)&mapped, sizeof(mapped));
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	CHECK(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, size) < 0);
	CHECK(errno == EINTR);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	printf("%d\n", ntohs(address.sin_port));
}

/* Without permission for such a call, it is refused before the name is looked at. */
static void use_mounts(void)
{
	int marks = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);

#define ABSENT(call) CHECK((call) < 0 && errno == ENOENT)
	ABSENT(mount("bound-none", "sub", NULL, MS_BIND, NULL));
	ABSENT(umount("umount-none"));
	ABSENT(umount2("umount2-none", MNT_DETACH));
	ABSENT(syscall(SYS_open_tree, AT_FDCWD, "tree-none", 0));
	ABSENT(syscall(SYS_move_mount, AT_FDCWD, "move-none", AT_FDCWD, "sub", 0));
	ABSENT(swapon("swapon-none", 0));
	ABSENT(swapoff("swapoff-none"));
	ABSENT(acct("acct-none"));
	ABSENT(quotactl(QCMD(Q_SYNC, USRQUOTA), "quota-none", 0, NULL));
	ABSENT(fanotify_mark(marks, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "mark-none"));
}

/* The kernel's error is the same as if the script itself were missing. */
static void execute_without_interpreter(void)
{
	char *arguments[] = { "script", NULL };
	int fd = open("script", O_CREAT | O_WRONLY, 0755);

	CHECK(write(fd, "#!/none/interpreter\n", 20) == 20);
	CHECK(close(fd) == 0);
	CHECK(execv("script", arguments) < 0 && errno == ENOENT);
	CHECK(execv("script-none", arguments) < 0 && errno == ENOENT);
}

/* glibc refuses to execute without an environment. */
static void execute_nothing(void)
{
	char *arguments[] = { "true", NULL };
	int fd = open("/bin/true", O_RDONLY);

	CHECK(fexecve(fd, arguments, NULL) < 0 && errno == EINVAL);
}

int main(void)
{
	resolve_in_root();
	use_addresses();
	use_mounts();
	execute_nothing();
	execute_without_interpreter();
	connect_interrupted();
	return 0;
}
