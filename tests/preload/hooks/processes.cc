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

/* The child stands elsewhere, with other descriptors, in the parent's memory. */
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

	/* Children that have their parent's working directory: it is another one afterwards. */
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

/* Only what the rest of this function does is allowed; anything more ends the process. */
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
	else if (is("daemon"))
		daemons();
	else if (is("threads"))
		threads();
	else if (is("signals"))
		interrupts();
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
