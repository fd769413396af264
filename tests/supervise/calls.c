/*
 * Makes every kind of call, with every kind of outcome; by number where libc has no function. To be
 * linked statically, and judged by strace. Its argument is an empty folder to which it may write.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static void files(void)
{
	struct open_how how = { .flags = O_RDONLY };
	int folder;

	close(open("made", O_CREAT | O_WRONLY, 0644));
	close(open("made", O_CREAT | O_EXCL | O_WRONLY, 0644));
	close(open("made", O_RDWR | O_TRUNC));
	close(open("made", O_DIRECTORY));
	close(open("missing", O_RDONLY));
	close(open("missing/below", O_CREAT | O_WRONLY, 0644));
	close(open("made/below", O_RDONLY));
	close(open(".", O_RDONLY | O_DIRECTORY));
	close(open("/etc", O_RDONLY));
	close(open("/etc", O_WRONLY));
	close(open("/etc/hostname", O_PATH));
	close(creat("created", 0600));
	close((int)syscall(SYS_open, "/etc/passwd", O_RDONLY));
	close((int)syscall(SYS_openat2, AT_FDCWD, "/etc/group", &how, sizeof(how)));
	mkdir("folder", 0755);
	mkdir("folder", 0755);
	folder = open("folder", O_RDONLY | O_DIRECTORY);
	close(openat(folder, "inside", O_CREAT | O_WRONLY, 0644));
	close(openat(folder, "../made", O_RDONLY));
	rmdir("folder");
	close(folder);
	symlink("made", "link");
	close(open("link", O_RDONLY));
	close(open("link", O_RDONLY | O_NOFOLLOW));
	symlink("nowhere", "dangling");
	close(open("dangling", O_RDONLY));
}

/* A path of the maximum length; as many links as the kernel follows, and one more; names that begin
 * nowhere. */
static void limits(void)
{
	char path[PATH_MAX] = "made", name[16];
	size_t used = 0;

	for (; used + 2 + sizeof("made") <= sizeof(path); used += 2)
		memcpy(path + used, "./", 2);
	strcpy(path + used, "made");
	close(open(path, O_RDONLY));
	strcpy(path, "made");
	for (int i = 0; i <= 40; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		symlink(path, name);
		strcpy(path, name);
	}
	close(open("chain39", O_RDONLY));
	close(open("chain40", O_RDONLY));
	close(openat(-1, "made", O_RDONLY));
	close(openat(1000, "made", O_RDONLY));
}

static void names(void)
{
	struct stat status;
	struct statfs system;
	char text[64];
	int watches = inotify_init();

	inotify_add_watch(watches, "link", IN_OPEN);
	inotify_add_watch(watches, "dangling", IN_OPEN);
	inotify_add_watch(watches, "dangling", IN_OPEN | IN_DONT_FOLLOW);
	close(watches);
	stat("made", &status);
	lstat("link", &status);
	stat("missing", &status);
	stat("dangling", &status);
	lstat("dangling", &status);
	access("/etc/shells", R_OK);
	access("/etc/nosuch", F_OK);
	readlink("link", text, sizeof(text));
	readlink("made", text, sizeof(text));
	statfs("/tmp", &system);
	getxattr("made", "user.none", text, sizeof(text));
	chmod("made", 0600);
	chmod("missing", 0600);
	chown("created", (uid_t)-1, (gid_t)-1);
	utimensat(AT_FDCWD, "created", NULL, 0);
	truncate("created", 3);
	truncate("folder", 3);
	rename("created", "renamed");
	rename("missing", "renamed");
	link("renamed", "linked");
	link("renamed", "linked");
	/* to another mount */
	rename("renamed", "/dev/shm/footprint-calls");
	rename("missing", "/dev/shm/footprint-calls");
	link("renamed", "/dev/shm/footprint-calls");
	link("missing", "/dev/shm/footprint-calls");
	unlink("/dev/shm/footprint-calls");
	unlink("linked");
	unlink("linked");
	unlink("folder");
	mknod("pipe", S_IFIFO | 0600, 0);
	rmdir("folder");
	unlink("folder/inside");
	rmdir("folder");
	chdir("/etc");
	close(open("issue", O_RDONLY));
	chdir("/missing");
}

static void addresses(void)
{
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = htons(1) };
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	int stream = socket(AF_INET, SOCK_STREAM, 0), datagram = socket(AF_INET, SOCK_DGRAM, 0);
	int local = socket(AF_UNIX, SOCK_STREAM, 0);
	struct iovec part = { "x", 1 };
	struct msghdr message = { &inet, sizeof(inet), &part, 1, NULL, 0, 0 };
	struct mmsghdr messages[2] = { { message, 0 }, { message, 0 } };
	char room[300] __attribute__((aligned(8))) = { 0 };

	inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	connect(stream, (struct sockaddr *)&inet, sizeof(inet));
	inet.sin_port = htons(9);
	sendto(datagram, "x", 1, 0, (struct sockaddr *)&inet, sizeof(inet));
	inet.sin_port = htons(19);
	sendmsg(datagram, &message, 0);
	/* No address is so long; the kernel only reads as much as an address may have. */
	memcpy(room, &inet, sizeof(inet));
	((struct sockaddr_in *)room)->sin_port = htons(39);
	message.msg_name = room;
	message.msg_namelen = sizeof(room);
	sendmsg(datagram, &message, 0);
	inet.sin_port = htons(29);
	sendmmsg(datagram, messages, 2, 0);
	strcpy(path.sun_path, "socket");
	bind(local, (struct sockaddr *)&path, sizeof(path));
	listen(local, 1);
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&path, sizeof(path));
	strcpy(path.sun_path, "nosocket");
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&path, sizeof(path));
	memcpy(path.sun_path, "\0footprint-test", 15);
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&path,
		offsetof(struct sockaddr_un, sun_path) + 15);
}

static void write_program(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_WRONLY, 0755);

	write(fd, text, strlen(text));
	close(fd);
}

static void programs(char *self)
{
	char *none[] = { "none", NULL }, *again[] = { self, NULL };

	execv("/nosuch/program", none);
	execv("/etc/passwd", none);
	write_program("script", "#!/nosuch/interpreter\n");
	execv("./script", none);
	write_program("chain", "#! /bin/false/none\n");
	execv("./chain", none);
	write_program("empty", "#! \n");
	execv("./empty", none);
	write_program("text", "neither\n");
	execv("./text", none);
	if (fork() == 0) {
		close(open("/etc/protocols", O_RDONLY));
		execv(self, again); /* it does nothing without a folder */
		_exit(1);
	}
	wait(NULL);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	if (chdir(argv[1]) < 0)
		return 1;
	files();
	limits();
	names();
	if (chdir(argv[1]) < 0)
		return 1;
	addresses();
	programs(argv[0]);
	return 0;
}
