/* Uses files through its own links: /proc/self/fd, /proc/self/cwd, /proc/self/root, /dev/fd. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static char name[128];
static struct stat status;

static const char *below(const char *folder, int fd, const char *rest)
{
	snprintf(name, sizeof(name), "%s/%d%s", folder, fd, rest);
	return name;
}

static void use_descriptors(void)
{
	int file = open("file", O_PATH), folder = open("sub", O_PATH | O_DIRECTORY), ends[2];

	CHECK(close(open(below("/proc/self/fd", file, ""), O_RDWR)) == 0);
	CHECK(close(open(below("/proc/self/fd", folder, "/made"), O_CREAT | O_WRONLY, 0644)) == 0);
	CHECK(mkdir(below("/dev/fd", folder, "/folder"), 0755) == 0);
	CHECK(stat(below("/proc/self/fd", 99, "/of-no-descriptor"), &status) < 0);
	/* A pipe has no name. */
	CHECK(pipe(ends) == 0);
	CHECK(close(open(below("/dev/fd", ends[0], ""), O_RDONLY)) == 0);
}

static void use_socket(void)
{
	int folder = open("sub", O_PATH | O_DIRECTORY), server, client;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/socket", folder);
	server = socket(AF_UNIX, SOCK_STREAM, 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(bind(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(server, 1) == 0);
	CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static int receive(int socket, struct msghdr *message, int several)
{
	struct mmsghdr one = { .msg_hdr = *message };

	if (!several)
		return recvmsg(socket, message, 0) == 1;
	if (recvmmsg(socket, &one, 1, 0, NULL) != 1)
		return 0;
	*message = one.msg_hdr;
	return 1;
}

/* A directory that comes by a socket gets the number of one that was read and closed inside
 * libc. */
static void use_received(int several)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { name, 1 };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	int sub = open("sub", O_PATH | O_DIRECTORY), ends[2];
	struct dirent **entries;

	CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &sub, sizeof(sub));
	CHECK(sendmsg(ends[0], &message, 0) == 1);
	CHECK(scandir("/", &entries, NULL, NULL) > 0);
	CHECK(receive(ends[1], &message, several));
	memcpy(&sub, CMSG_DATA(&control.head), sizeof(sub));
	CHECK(openat(sub, several ? "by-received-too" : "by-received", O_RDONLY) < 0);
}

static void use_directories(void)
{
	int here = open("/proc/self/cwd", O_RDONLY | O_DIRECTORY);
	char *arguments[] = { "none", NULL };

	CHECK(stat("/proc/self/cwd/by-self", &status) < 0);
	/* The file exists in the supervisor's working directory. */
	CHECK(execv("etc/passwd", arguments) < 0);
	/* An empty name, and a file that is no program. */
	CHECK(execv("", arguments) < 0 && errno == ENOENT);
	CHECK(fexecve(open("file", O_RDONLY), arguments, environ) < 0 && errno == EACCES);
	snprintf(name, sizeof(name), "/proc/%d/cwd/by-pid", getpid());
	CHECK(stat(name, &status) < 0);
	CHECK(stat("/proc/self/root/by-root", &status) < 0);
	CHECK(openat(here, "by-descriptor", O_RDONLY) < 0);
	CHECK(chdir("/proc/self/cwd/sub") == 0);
	CHECK(stat("after-chdir", &status) < 0);
	CHECK(chdir("/") == 0);
	CHECK(chdir(below("/proc/self/fd", here, "")) == 0);
	CHECK(stat("after-return", &status) < 0);
}

/* Behind a chroot, where the links are relative to the new root. */
static void use_new_root(void)
{
	int file;

	CHECK(chroot("root") == 0 && chdir("/") == 0);
	CHECK(close(open("/absolute", O_RDONLY)) == 0 && close(open("relative", O_RDONLY)) == 0);
	CHECK(rmdir("full") < 0 && errno == ENOTEMPTY && rmdir("/full") < 0 && errno == ENOTEMPTY);
	file = open("file", O_PATH);
	CHECK(close(open(below("/proc/self/fd", file, ""), O_WRONLY)) == 0);
}

static void use_descriptor_of(const char *path, const char *missing)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);

	CHECK(fd >= 0 && openat(fd, missing, O_RDONLY) < 0 && errno == ENOENT);
}

/* Behind a chroot, the same address names another socket. */
static void use_addresses(bool behind)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "/no-socket" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) < 0);
	if (!behind)
		return;
	strcpy(address.sun_path, "/sub/socket");
	CHECK(bind(server, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(server, 1) == 0);
	CHECK(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
}

/* Behind a chroot without such links: what a descriptor names must be known already. */
static void use_bare_root(void)
{
	use_addresses(false);
	CHECK(chroot("bare") == 0 && chdir("/") == 0);
	use_addresses(true);
	use_descriptor_of(".", "by-dot");
	use_descriptor_of("/", "by-root");
	use_descriptor_of("./sub", "by-dot-and-name");
	use_descriptor_of("//./sub//.", "by-root-and-name");
	CHECK(chdir("sub") == 0 && chdir(".") == 0);
	use_descriptor_of("./", "by-dot");
	CHECK(fchdir(open(".", O_PATH)) == 0 && stat("after-fchdir", &status) < 0);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		strcmp(argv[1], "bare") == 0 ? use_bare_root() : use_new_root();
		return 0;
	}
	use_descriptors();
	use_socket();
	use_received(0);
	use_received(1);
	use_directories();
	return 0;
}
