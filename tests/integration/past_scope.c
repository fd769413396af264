/*
 * Functions of libc that are found past the program's scope. Parts, by macro: PLUGIN, which a
 *program loads; WRAPPER, another preload library that finds the real function by a handle of libc;
 *else the program:
 *
 *	past_scope MODE PLUGIN NAME	dlopen with flags; what the plugin does has NAME in its name
 *	past_scope handle NAME		the same by functions of a handle of libc
 *	past_scope filter NAME		and what is opened behind a filter that kills, installed by
 *such a one past_scope order		whether RTLD_NEXT and RTLD_DEFAULT find what they should
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined PLUGIN

/* Also through a pointer in data, which is another kind of relocation. */
int (*const make)(const char *, mode_t) = mkfifo;

void work(const char *name)
{
	struct sockaddr_in there = { .sin_family = AF_INET, .sin_port = htons(9) };
	char first[99], second[99];

	there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	snprintf(first, sizeof(first), "%s-first", name);
	snprintf(second, sizeof(second), "%s-second", name);
	mkdir(first, 0755);
	rename(first, second);
	rmdir(second);
	snprintf(first, sizeof(first), "%s-fifo", name);
	make(first, 0644);
	chmod(first, 0600);
	sendto(socket(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&there, sizeof(there));
}

#elif defined WRAPPER

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = dlsym(dlopen("libc.so.6", RTLD_LAZY), "open");

	return real(strcmp(path, "wrapped") ? path : "/etc/hostname", flags, 0644);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");

	return real(strcmp(from, "wrapped") ? from : "/none", to);
}

#else

static int by_handle(const char *name)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	int (*make)(const char *, mode_t) = dlsym(libc, "mkfifo");
	int (*move)(const char *, const char *) = dlsym(libc, "rename");
	char first[99], second[99];

	snprintf(first, sizeof(first), "%s-first", name);
	snprintf(second, sizeof(second), "%s-second", name);
	return make(first, 0644) || move(first, second) || dlsym(libc, "no_such_function");
}

#define ALLOW(call)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* More names than fit into the library's memory before it asks for more. */
static int behind_filter(const char *name)
{
	struct sock_filter filter[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						offsetof(struct seccomp_data, nr)),
		ALLOW(openat), ALLOW(close), ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS) };
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
	int (*control)(int, ...) = dlsym(dlopen("libc.so.6", RTLD_LAZY), "prctl");
	char path[99];

	if (control(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		control(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 77;
	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof(path), "%s-%d", name, i);
		open(path, O_RDONLY);
	}
	return 0;
}

static int in_order(void)
{
	int (*default_open)(const char *, int, ...) = dlsym(RTLD_DEFAULT, "open");
	int descriptor = open("wrapped", O_RDONLY);

	printf("wrapped %d, default %d, next %d, none %d, moved %d\n", descriptor >= 0,
		default_open("wrapped", O_RDONLY) >= 0, dlsym(RTLD_NEXT, "open") != NULL,
		dlsym(RTLD_NEXT, "no_such_function") != NULL, rename("wrapped", "nowhere"));
	return 0;
}

int main(int argc, char **argv)
{
	void (*work)(const char *);

	if (argc > 2 && !strcmp(argv[1], "handle"))
		return by_handle(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "filter"))
		return behind_filter(argv[2]);
	if (argc < 4)
		return in_order();
	*(void **)&work = dlsym(dlopen(argv[2], atoi(argv[1])), "work");
	work(argv[3]);
	return 0;
}

#endif
