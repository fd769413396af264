/*
 * Makes calls over and over, in all the ways that the express lane must tell apart, and says what
 * the kernel answered. At its end, on descriptor 3 if that is open: whether it was in the lane.
 *
 *   express FOLDER [THREADS|chroot]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 12
#define PAGE   4096

static const char *folder;

static int tried(long result)
{
	return result < 0 ? errno : 0;
}

static int opened(long fd)
{
	int error = tried(fd);

	if (fd >= 0)
		close((int)fd);
	return error;
}

static int use(int which, int dirfd, const char *path)
{
	char room[64];
	struct stat status;

	switch (which) {
	case 0:
		return opened(open(path, O_RDONLY));
	case 1:
		return opened(openat(dirfd, path, O_RDONLY | O_NOFOLLOW));
	case 2:
		return tried(fstatat(dirfd, path, &status, AT_SYMLINK_NOFOLLOW));
	case 3:
		return tried(stat(path, &status));
	case 4:
		return tried(access(path, R_OK));
	case 5:
		return tried(readlinkat(dirfd, path, room, sizeof(room)));
	case 6:
		return tried(readlink(path, room, 0));
	case 7:
		return opened(open(path, O_RDONLY | O_DIRECTORY));
	case 8:
		return opened(syscall(SYS_open, path, O_RDONLY));
	case 9:
		return tried(syscall(SYS_stat, path, &status));
	case 10:
		return tried(syscall(SYS_readlink, path, room, sizeof(room)));
	case 11:
		return tried(syscall(SYS_access, path, F_OK));
	case 12:
		return tried(syscall(SYS_faccessat2, dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW));
	case 13:
		return opened(open(path, O_WRONLY | O_APPEND));
	default:
		return -1;
	}
}

static void use_all(int dirfd, const char *path)
{
	for (int which = 0; use(which, dirfd, path) >= 0; which++) {
		int error = 0;

		for (int i = 0; i < ROUNDS; i++)
			error = use(which, dirfd, path);
		printf(" %d", error);
	}
	puts("");
}

static void write_file(const char *name)
{
	FILE *file = fopen(name, "w");

	fputs(name, file);
	fclose(file);
}

static void in(const char *directory)
{
	if (chdir(directory) < 0)
		perror(directory);
}

/* Makes folders with files of the same names. */
static void make_files(void)
{
	in(folder);
	for (int i = 0; i < 3; i++) {
		char name[8];

		sprintf(name, "d%d", i);
		mkdir(name, 0755);
		in(name);
		write_file("eight678");
		write_file("f");
		symlink("f", "link");
		in("..");
	}
}

static void names(void)
{
	int fd = open("d1", O_RDONLY | O_DIRECTORY);
	char path[PAGE];

	for (int i = 0; i < 2; i++) {
		static const char *const all[] = { "f", "link", "eight678", "none", "f/none", "d1",
			"../d1/f", "." };

		in(i ? "../d1" : "d0");
		for (unsigned n = 0; n < sizeof(all) / sizeof(all[0]); n++) {
			use_all(AT_FDCWD, all[n]);
			use_all(fd, all[n]);
			snprintf(path, sizeof(path), "%s/d2/%s", folder, all[n]);
			use_all(AT_FDCWD, path);
		}
	}
	use_all(AT_FDCWD, "");
	if (fchdir(fd) < 0)
		perror("fchdir");
	use_all(AT_FDCWD, "f");
	in("..");
	close(fd);
}

/* A file is made, written, and removed. */
static void changes(void)
{
	char path[PAGE];

	snprintf(path, sizeof(path), "%s/comes", folder);
	for (int i = 0; i < 3; i++) {
		use_all(AT_FDCWD, path);
		use_all(AT_FDCWD, "comes");
		write_file("comes");
		use_all(AT_FDCWD, path);
		use_all(AT_FDCWD, "comes");
		unlink(path);
	}
}

/* The library must not read what the kernel refuses to read. */
static void bad_pointers(void)
{
	char *page =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat status;

	munmap(page + PAGE, PAGE);
	memset(page, '/', PAGE);
	use_all(AT_FDCWD, NULL);
	use_all(AT_FDCWD, (const char *)1);
	use_all(AT_FDCWD, (const char *)-1);
	use_all(AT_FDCWD, page + PAGE);
	use_all(AT_FDCWD, page + PAGE - 3);
	use_all(-1, page + PAGE - 3);
	mprotect(page, PAGE, PROT_NONE);
	use_all(AT_FDCWD, page);
	for (int i = 0; i < ROUNDS; i++)
		syscall(SYS_newfstatat, 0, NULL, &status, AT_EMPTY_PATH);
	/* Names that end where readable memory ends, at each place within a word. */
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 20; i++) {
		char *at = page + PAGE - 20 - i % 3;

		memset(page, 0, PAGE);
		snprintf(at, (size_t)(page + PAGE - at), "%.*sd1/f", i, "././././././././././");
		use_all(AT_FDCWD,
			page + PAGE - strlen(at) - 1 == at
				? at
				: memmove(page + PAGE - strlen(at) - 1, at, strlen(at) + 1));
	}
}

static void children(char **argv)
{
	int status;

	fflush(stdout);
	if (fork() == 0) {
		in("d2");
		use_all(AT_FDCWD, "f");
		write_file("only-child");
		use_all(AT_FDCWD, "only-child");
		fflush(stdout);
		_exit(3);
	}
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	use_all(AT_FDCWD, "f");
	fflush(stdout);
	if (vfork() == 0) {
		if (chdir("d0") < 0)
			_exit(9);
		for (int i = 0; i < ROUNDS; i++)
			close(open("eight678", O_RDONLY));
		execl(argv[0], argv[0], "-", NULL);
		_exit(8);
	}
	wait(&status);
	printf("%d\n", WEXITSTATUS(status));
	use_all(AT_FDCWD, "eight678");
	use_all(AT_FDCWD, "d2/eight678");
}

static void on_alarm(int number)
{
	struct stat status;
	int before = errno;

	(void)number;
	stat("d1/link", &status);
	errno = before;
}

static void *thread(void *context)
{
	long bad = 0;

	for (int i = 0; i < 1500; i++) {
		char path[PAGE];

		snprintf(path, sizeof(path), "%s/d%d/%s", folder, i % 4, i & 8 ? "f" : "link");
		bad += use(i % 6, AT_FDCWD, path) != (i % 4 == 3		      ? ENOENT
							     : i % 6 == 1 && !(i & 8) ? ELOOP
							     : i % 6 == 5 && i & 8    ? EINVAL
										      : 0);
	}
	*(long *)context = bad;
	return NULL;
}

/* All threads at once, with a signal each millisecond. */
static void threads(int count)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	pthread_t ids[16];
	long bad[16];

	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	for (int i = 0; i < count; i++)
		pthread_create(&ids[i], NULL, thread, &bad[i]);
	for (int i = 0; i < count; i++) {
		pthread_join(ids[i], NULL);
		printf("thread %ld\n", bad[i]);
	}
	setitimer(ITIMER_PROF, &never, NULL);
}

static void say_where(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int found = 0;

	while (fgets(line, sizeof(line), maps))
		found |= strstr(line, "5fa37000-") && strstr(line, " r-xp ");
	fclose(maps);
	dprintf(3, "%s\n", found ? "express" : "plain");
}

/* If a filter answers before a path is read, bad pointers do no harm. */
static void filtered(void)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOENT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	for (int i = 0; i < ROUNDS; i++)
		if (syscall(SYS_openat, AT_FDCWD, 1, 0) != -1 || errno != ENOENT)
			puts("not filtered");
}

/* A name that is missing in one root exists in another. */
static void another_root(void)
{
	use_all(AT_FDCWD, "/eight678");
	if (chroot("d1") < 0)
		perror("chroot");
	use_all(AT_FDCWD, "/eight678");
	use_all(AT_FDCWD, "d0/eight678");
	in("/");
	use_all(AT_FDCWD, "f");
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "-"))
		return opened(open("f", O_RDONLY));
	folder = argv[1];
	make_files();
	if (argc > 2 && !strcmp(argv[2], "chroot")) {
		another_root();
		return 0;
	}
	names();
	changes();
	bad_pointers();
	children(argv);
	threads(argc > 2 ? atoi(argv[2]) : 4);
	if (fcntl(3, F_GETFD) >= 0)
		say_where();
	fflush(stdout);
	filtered();
	return 0;
}
