/*
 * Processes, threads, signals and unwinding through the hooks: processes WHAT. Prints what
 * happened; all names that it opens begin with "t-", and most are missing.
 */
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *what;

static bool is(const char *name)
{
	return strcmp(what, name) == 0;
}

static void touch(const char *name)
{
	int fd = open(name, O_RDONLY);

	if (fd >= 0)
		close(fd);
}

static void touch_numbered(const char *kind, int number)
{
	char name[64];

	snprintf(name, sizeof(name), "t-%s-%d", kind, number);
	touch(name);
}

static int status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

/* The child has another working directory and other descriptors, in the parent's memory. */
static void vforks()
{
	int here = open(".", O_RDONLY | O_DIRECTORY);
	int below = open("t-folder", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i < 3; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			if (chdir("t-folder"))
				_exit(3);
			dup2(below, here);
			touch("t-of-child");
			openat(here, "t-at-of-child", O_RDONLY);
			_exit(7);
		}
		printf("vfork %d\n", status_of(pid));
		touch("t-of-parent");
		openat(here, "t-at-of-parent", O_RDONLY);
	}
}

static void forks()
{
	pid_t pid = fork();

	if (pid == 0) {
		if (fork() == 0) {
			touch("t-grandchild");
			_exit(0);
		}
		wait(nullptr);
		touch("t-child");
		quick_exit(5);
	}
	printf("fork %d\n", status_of(pid));
	touch("t-parent");
}

static int begin(void *argument)
{
	touch((const char *)argument);
	return 11;
}

static int go(void *argument)
{
	return chdir((const char *)argument);
}

static void clones()
{
	static char stack[65536] __attribute__((aligned(16)));
	char *top = stack + sizeof(stack);

	printf("clone %d\n", status_of(clone(begin, top, SIGCHLD, const_cast<char *>("t-clone"))));
	printf("clone %d\n", status_of(clone(begin, top, CLONE_VM | CLONE_VFORK | SIGCHLD,
				     const_cast<char *>("t-clone-vm"))));
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		touch("t-clone-raw");
		_exit(12);
	}
	printf("clone %d\n", status_of(pid));

	/* Children share their parent's working directory, and change it. */
	int here = open(".", O_RDONLY | O_DIRECTORY);
	mkdir("t-shared", 0755);
	printf("clone %d\n",
		status_of(clone(go, top, CLONE_FS | SIGCHLD, const_cast<char *>("t-shared"))));
	touch("t-in-shared");
	pid = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(fchdir(here));
	printf("clone %d\n", status_of(pid));
	touch("t-back");
}

/* Two processes at once, with different directories behind the same number. They take turns. */
static volatile int turn;

static void take_turn(int number)
{
	while (turn != number)
		sched_yield();
}

static void touch_at(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY);

	if (fd >= 0)
		close(fd);
}

static void beside()
{
	int folder;

	take_turn(1);
	folder = open("t-folder", O_RDONLY | O_DIRECTORY);
	chdir("t-folder");
	turn = 2;
	take_turn(3);
	touch_at(folder, "t-at-beside");
	touch("t-beside");
	close(folder);
	turn = 4;
}

static void meet(const char *way)
{
	int folder;

	mkdir("t-other", 0700);
	turn = 1;
	take_turn(2);
	folder = open("t-other", O_RDONLY | O_DIRECTORY);
	chdir("t-other");
	printf("%s: descriptor %d\n", way, folder);
	turn = 3;
	take_turn(4);
	touch_at(folder, "t-at-here");
	touch("t-here");
}

static void *have_own(void *)
{
	if (unshare(CLONE_FILES | CLONE_FS))
		_exit(4);
	beside();
	return nullptr;
}

static void *have_own_by_range(void *)
{
	if (unshare(CLONE_FS) ||
		syscall(SYS_close_range, 900, 901, 1u << 1 /* CLOSE_RANGE_UNSHARE */))
		_exit(4);
	beside();
	return nullptr;
}

static void threads_apart(void *(*begins)(void *), const char *way)
{
	pthread_t thread;

	pthread_create(&thread, nullptr, begins, nullptr);
	meet(way);
	pthread_join(thread, nullptr);
}

/* Two vfork children at once, each with a directory of its own. */
static void *have_child_beside(void *)
{
	pid_t pid = vfork();

	if (pid == 0) {
		if (chdir("t-folder"))
			_exit(3);
		turn = 1;
		take_turn(2);
		touch("t-beside");
		_exit(8);
	}
	printf("vfork beside %d\n", status_of(pid));
	return nullptr;
}

static void vforks_apart()
{
	pthread_t thread;
	pid_t pid;

	mkdir("t-other", 0700);
	pthread_create(&thread, nullptr, have_child_beside, nullptr);
	take_turn(1);
	pid = vfork();
	if (pid == 0)
		_exit(chdir("t-other"));
	touch("t-here");
	turn = 2;
	pthread_join(thread, nullptr);
	printf("vfork here %d\n", status_of(pid));
	touch("t-here-again");
}

static int be_beside(void *)
{
	beside();
	return 0;
}

static int replace_folder(void *folder)
{
	int other = open("t-other", O_RDONLY | O_DIRECTORY);

	return dup2(other, *static_cast<int *>(folder)) < 0;
}

/* A process that only shares our memory, and one that only shares our descriptors. */
static void processes_apart(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	char *top = stack + sizeof(stack);
	int folder, pid;

	if (flags & CLONE_VM) {
		pid = clone(be_beside, top, flags | SIGCHLD, nullptr);
		meet("memory alone");
		printf("ended %d\n", status_of(pid));
		return;
	}
	mkdir("t-other", 0700);
	folder = open("t-folder", O_RDONLY | O_DIRECTORY);
	touch_at(folder, "t-before");
	printf("ended %d\n", status_of(clone(replace_folder, top, flags | SIGCHLD, &folder)));
	touch_at(folder, "t-after");
}

/* The first thread ends, and with it what /proc/self/fd says. What has no name yet has to be asked
 * for. */
static void *stay(void *first)
{
	int folder;

	pthread_join(*static_cast<pthread_t *>(first), nullptr);
	while (access("/proc/self/fd/0", F_OK) == 0)
		sched_yield();
	folder = open("t-folder", O_RDONLY); /* without O_DIRECTORY */
	touch_at(folder, "t-at-last");
	exit(0);
}

static void end_first()
{
	static pthread_t first, other;

	first = pthread_self();
	pthread_create(&other, nullptr, stay, &first);
	pthread_exit(nullptr);
}

static void daemons()
{
	pid_t pid = fork();

	if (pid == 0) {
		if (daemon(1, 1) == 0)
			touch("t-daemon");
		_exit(0);
	}
	printf("daemon's parent %d\n", status_of(pid));
	touch("t-parent");
}

static void *open_many(void *argument)
{
	for (int i = 0; i < 500; i++)
		touch_numbered((const char *)argument, i);
	return nullptr;
}

static void threads()
{
	const char *names[] = { "a", "b", "c", "d" };
	pthread_t thread[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], nullptr, open_many, const_cast<char *>(names[i]));
	for (pthread_t each : thread)
		pthread_join(each, nullptr);
	puts("threads joined");
}

static volatile int signals;

static void on_signal(int)
{
	int before = errno;

	touch_numbered("signal", signals);
	signals = signals + 1;
	errno = before;
}

static void interrupts()
{
	struct itimerval every = { { 0, 500 }, { 0, 500 } };

	signal(SIGALRM, on_signal);
	setitimer(ITIMER_REAL, &every, nullptr);
	for (int i = 0; signals < 50; i++) {
		errno = 0;
		if (open("t-interrupted", O_RDONLY) != -1 || errno != ENOENT)
			printf("errno %d\n", errno);
		touch_numbered("between", i % 300);
	}
	every = {};
	setitimer(ITIMER_REAL, &every, nullptr);
	puts("interrupted");
}

/* A signal that comes during a chdir is handled when that has been made, but has not been recorded.
 */
static void on_signal_while_moving(int)
{
	char folder[4096];
	int before = errno;

	if (getcwd(folder, sizeof(folder)) && strstr(folder, "t-folder"))
		touch("t-moved");
	else
		touch("t-not-moved");
	signals = signals + 1;
	errno = before;
}

static void moves()
{
	int here = open(".", O_RDONLY | O_DIRECTORY), rounds = 0, before;

	signal(SIGALRM, on_signal_while_moving);
	/* Both once for sure: of the signals below, strace may delay all to the same place. */
	if (raise(SIGALRM) || chdir("t-folder") || raise(SIGALRM) || fchdir(here))
		_exit(4);
	while (signals < 2000) {
		struct itimerval once = { {}, { 0, 1 + rounds++ % 20 } };

		before = signals;
		setitimer(ITIMER_REAL, &once, nullptr);
		do
			if (chdir("t-folder") || chdir("..") || chdir("t-folder") || fchdir(here))
				_exit(4);
		while (signals == before);
	}
	puts("moved");
}

/* Destructors must run when a thread is cancelled inside a hook. */
static volatile bool cleaned;

struct Guard {
	~Guard()
	{
		cleaned = true;
	}
};

static void *block(void *)
{
	Guard guard;

	open("t-fifo", O_RDONLY);
	return nullptr;
}

static void cancels()
{
	pthread_t thread;
	void *result;

	mkfifo("t-fifo", 0600);
	pthread_create(&thread, nullptr, block, nullptr);
	usleep(50000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	printf("cancelled %d, cleaned %d\n", result == PTHREAD_CANCELED, cleaned);
}

static int throw_it(const char *, const struct stat *, int, struct FTW *)
{
	throw 42;
}

static int throw_that(const struct dirent *)
{
	throw 43;
}

static void exceptions()
{
	struct dirent **entries;

	try {
		nftw("t-folder", throw_it, 5, 0);
	} catch (int number) {
		printf("caught %d\n", number);
	}
	try {
		scandir("t-folder/..", &entries, throw_that, nullptr);
	} catch (int number) {
		printf("caught %d\n", number);
	}
}

/* Allows only what the rest of this function does; any other call ends the process. */
static void filters()
{
#define ALLOW(number)                                                                              \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	static struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						     offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_openat), ALLOW(SYS_newfstatat), ALLOW(SYS_write), ALLOW(SYS_close),
		ALLOW(SYS_chdir), ALLOW(SYS_exit_group), ALLOW(SYS_unlinkat), ALLOW(SYS_execve),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS) };
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };
	struct stat status;
	char *const empty[] = { nullptr };

	puts("filtering");
	fflush(stdout);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(90);
	touch("t-filtered");
	for (int i = 0; i < 2000; i++)
		touch_numbered("filtered", i);
	stat("t-filtered-stat", &status);
	chdir("t-folder");
	touch("t-filtered-below");
	execve("t-filtered-program", empty, empty);
	execve("/bin/true/none", empty, empty);
	_exit(0);
}

/* What was opened before stays where it is, in the namespace before. (Without the right to make
 * another one, this tests only that.) */
static void namespace_of_mounts()
{
	int below = open("t-folder", O_RDONLY | O_DIRECTORY), before = open(".", O_PATH);

	unshare(CLONE_NEWNS);
	touch("t-still-here");
	fchdir(below);
	touch("t-below");
	touch_at(before, "t-at-before");
	fchdir(before);
	touch("t-here-again");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, nullptr, _IOLBF, 0);
	if (argc < 2)
		return 2;
	what = argv[1];
	mkdir("t-folder", 0700);
	if (is("vfork"))
		vforks();
	else if (is("fork"))
		forks();
	else if (is("clone"))
		clones();
	else if (is("own-descriptors"))
		threads_apart(have_own, "unshare");
	else if (is("own-descriptors-by-range"))
		threads_apart(have_own_by_range, "close_range");
	else if (is("memory-alone"))
		processes_apart(CLONE_VM);
	else if (is("descriptors-alone"))
		processes_apart(CLONE_FILES);
	else if (is("vforks-apart"))
		vforks_apart();
	else if (is("namespace"))
		namespace_of_mounts();
	else if (is("first-thread-ends"))
		end_first();
	else if (is("daemon"))
		daemons();
	else if (is("threads"))
		threads();
	else if (is("signals"))
		interrupts();
	else if (is("moves"))
		moves();
	else if (is("cancel"))
		cancels();
	else if (is("exceptions"))
		exceptions();
	else if (is("seccomp"))
		filters();
	else
		return 2;
	return 0;
}
