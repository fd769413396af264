/*
 * users FOLDER: root makes things that others may not use, and tries them as another user:
 * temporarily (setfsuid), for good, and in the program that it then executes, which is this one
 * with another argument.
 */
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { OTHER_USER = 4711, OTHER_GROUP = 4712, SHARED_GROUP = 4713 };

static void make(const char *name, unsigned mode, unsigned group)
{
	int fd = open(name, O_WRONLY | O_CREAT, 0600);

	fchown(fd, 0, group);
	fchmod(fd, mode);
	close(fd);
}

static void make_all(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	mkdir("private", 0700);
	mkdir("public", 0755);
	make("private/file", 0644, 0);
	make("secret", 0600, 0);
	make("plain", 0644, 0);
	make("shared", 0640, SHARED_GROUP);
	make("program", 0744, 0);
	bind(fd, (struct sockaddr *)&address, sizeof(address));
	chmod("socket", 0600);
	listen(fd, 1);
	chmod(".", 0755);
}

static void read_all(void)
{
	static const char *const names[] = { "secret", "plain", "shared", "private/file",
		"private/none", "none", "public" };
	struct stat status;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDONLY);

		if (fd >= 0)
			close(fd);
		stat(names[i], &status);
	}
}

static void change_all(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	char *const program[] = { "program", NULL };

	open("plain", O_WRONLY);
	open("public/new", O_WRONLY | O_CREAT, 0600);
	mkdir("public/folder", 0700);
	chmod("plain", 0600);
	truncate("plain", 0);
	unlink("plain");
	rename("plain", "other");
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
	execv("program", program);
	chdir("private");
	open("relative-to-where-it-was", O_RDONLY);
}

int main(int argc, char **argv)
{
	const gid_t groups[] = { SHARED_GROUP };

	if (argc < 2 || chdir(argv[1]))
		return 2;
	if (argc == 2) {
		make_all();
		setfsuid(OTHER_USER);
		read_all();
		setfsuid(0);
		close(open("private/file", O_RDONLY));
		setgroups(1, groups);
		setgid(OTHER_GROUP);
		setuid(OTHER_USER);
	}
	read_all();
	change_all();
	if (argc == 2)
		execl("/proc/self/exe", argv[0], ".", "again", NULL);
	return 0;
}
