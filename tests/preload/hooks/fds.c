/*
 * What a program sees of the library's one descriptor, and what it can do to it. Each line of
 * output says what happened. Lines "own N" are only for the driver, which also runs this program
 * without the library.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../raw_close_range.h"

#ifndef __GLIBC__
#define close_range(first, last, flags) syscall(SYS_close_range, first, last, flags)
#define closefrom(first)		syscall(SYS_close_range, first, ~0u, 0)
#endif

#define SAY(call)                                                                                  \
	do {                                                                                       \
		errno = 0;                                                                         \
		long answer_ = (long)(call);                                                       \
		printf("%s = %ld, %s\n", #call, answer_, answer_ < 0 ? strerror(errno) : "ok");    \
	} while (0)

struct kernel_entry {
	unsigned long long inode, next;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* The open descriptor that this program has not opened; -1: none. Asks the kernel directly. */
static int stranger(void)
{
	int all = open("/proc/self/fd", O_RDONLY | O_DIRECTORY), found = -1;
	char entries[4096];
	long size;

	while ((size = syscall(SYS_getdents64, all, entries, sizeof(entries))) > 0)
		for (char *at = entries; at < entries + size;) {
			struct kernel_entry *entry = (struct kernel_entry *)at;

			if (atoi(entry->name) > 2 && atoi(entry->name) != all)
				found = atoi(entry->name);
			at += entry->size;
		}
	close(all);
	return found;
}

/* The same, by libc's functions. */
static int listed(const char *folder, int reentrant)
{
	struct dirent room, *entry;
	DIR *all = opendir(folder);
	int found = -1;

	for (;;) {
		if (reentrant)
			readdir_r(all, &room, &entry);
		else
			entry = readdir(all);
		if (!entry)
			break;
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(all))
			found = atoi(entry->d_name);
	}
	closedir(all);
	return found;
}

/* A link with that name in another folder belongs to the program. */
static void listing(int own)
{
	char folder[64], name[64];

	SAY(listed("/proc/self/fd", 0));
	SAY(listed("/dev/fd", 1));
	snprintf(folder, sizeof(folder), "/proc/%d/task/%d/fd", (int)getpid(), (int)getpid());
	SAY(listed(folder, 0) < 0);
	mkdir("t-links", 0755);
	snprintf(name, sizeof(name), "t-links/%d", own);
	symlink("/etc/passwd", name);
	SAY(listed("t-links", 0) == own);
	SAY(listed("t-links", 1) == own);
	unlink(name);
	rmdir("t-links");
}

static int is_open(int fd)
{
	char link[64], target[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, target, sizeof(target)) > 0;
}

/* A number that is certainly not open if no library has it. */
static int number(void)
{
	int fd = stranger();

	return fd < 0 ? 900 : fd;
}

static void closing(int own)
{
	struct stat status;

	SAY(close(own));
	SAY(syscall(SYS_close, own));
	SAY(dup(own));
	SAY(dup2(own, 5));
	SAY(dup3(own, 5, 0));
	SAY(fcntl(own, F_GETFD));
	SAY(fcntl(own, F_DUPFD, 3));
	SAY(fstat(own, &status));
	SAY(syscall(SYS_dup, own));
	for (int fd = 3; fd < 1100; fd++)
		close(fd);
	SAY(close_range(3, ~0u, 0));
	SAY(syscall(SYS_close_range, 3, ~0u, 0));
	closefrom(3);
	SAY((closefrom(own), -errno));
	SAY(close_range(own, own, 0));
	SAY(close_range(own, own, 8)); /* no flag of that value */
	SAY(close_range(3, ~0u, 4));   /* CLOSE_RANGE_CLOEXEC */
}

static void range_closes_the_rest(int own)
{
	dup2(1, own - 1);
	dup2(1, own + 1);
	close_range(3, ~0u, 0);
	printf("neighbours %d %d\n", is_open(own - 1), is_open(own + 1));
	dup2(1, own - 1);
	dup2(1, own + 1);
	closefrom(3);
	printf("neighbours %d %d\n", is_open(own - 1), is_open(own + 1));
}

/* The application may take any number that it wants; then it is the application's. */
static void taken(int own)
{
	struct stat there, mine;

	SAY(dup2(1, own) == own);
	fstat(own, &there);
	fstat(1, &mine);
	printf("ours now %d\n", there.st_ino == mine.st_ino);
	SAY(close(own));
	open("t-after", O_RDONLY);
}

static void fill(int from, int to)
{
	while (from < to)
		from = open("/etc/passwd", O_RDONLY);
}

/* What has our number now is a file of the program. The first call that looks finds out; each kind
 * of call comes first once. */
static void ask_of_own_file(int which, int own)
{
	struct stat status;

	switch (which) {
	case 0:
		SAY(fstat(own, &status));
		SAY(close(own));
		break;
	case 1:
		SAY(syscall(SYS_close, own));
		break;
	case 2:
		SAY(dup(own) > own);
		break;
	case 3:
		SAY(fcntl(own, F_GETFD));
		break;
	case 4: /* nothing has to be moved */
		SAY(dup2(1, own) == own);
		printf("the next is open: %d\n", is_open(own + 2));
		break;
	case 5:
		SAY(close_range(3, ~0u, 0));
		printf("open: %d\n", is_open(own));
		break;
	case 6:
		closefrom(3);
		printf("open: %d\n", is_open(own));
		break;
	}
}

static void closed_behind_backs(int own)
{
	for (int which = 0; which < 7; which++) {
		fflush(stdout);
		if (fork()) {
			wait(NULL);
			continue;
		}
		raw_close_range(3, ~0u);
		fill(0, own + 1);
		ask_of_own_file(which, own);
		fflush(stdout);
		_exit(0);
	}
}

static void in_child(const char *what)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		open("t-child", O_RDONLY);
		_exit(stranger() >= 0 ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	printf("own child %s %d\n", what, WEXITSTATUS(status));
}

int main(void)
{
	int own;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	printf("own %d\n", stranger());
	own = number();
	listing(own);
	closing(own);
	closed_behind_backs(own);
	printf("own %d\n", stranger());
	range_closes_the_rest(own);
	open("t-before", O_RDONLY);
	taken(own);
	in_child("after");
	printf("own %d\n", stranger());
	return 0;
}
