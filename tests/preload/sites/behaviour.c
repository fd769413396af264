/*
 * What must not change when the system calls inside libc are redirected. Runs the test that the
 * first argument names; prints what is wrong, and then exits with 1. FIFO is a FIFO to which nobody
 * writes.
 *
 *   behaviour TEST FIFO
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <execinfo.h>
#endif

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static const char *fifo;
static volatile sig_atomic_t handled;
static sigjmp_buf back;

static void wait_until_blocked(pid_t thread)
{
	char path[64], state[256] = "";
	int fd, size;

	snprintf(path, sizeof(path), "/proc/self/task/%d/wchan", (int)thread);
	for (;;) {
		fd = open(path, O_RDONLY);
		CHECK(fd >= 0);
		size = (int)read(fd, state, sizeof(state) - 1);
		close(fd);
		state[size > 0 ? size : 0] = 0;
		if (strstr(state, "fifo") || strstr(state, "wait_for_partner"))
			return;
		usleep(1000);
	}
}

static volatile pid_t opener;
static volatile int cleaned, unwound;

static void clean(void *unused)
{
	(void)unused;
	cleaned = 1;
}

static void unwind(int *unused)
{
	(void)unused;
	unwound = 1;
}

static void *open_fifo(void *unused)
{
	int on_stack __attribute__((cleanup(unwind))) = 0;

	(void)unused;
	pthread_cleanup_push(clean, NULL);
	opener = gettid();
	open(fifo, O_RDONLY);
	pthread_cleanup_pop(0);
	return (void *)1;
}

/* A thread that is blocked in open can be cancelled there, and its frames are unwound. */
static void test_cancel(void)
{
	pthread_t thread;
	void *result;

	CHECK(!pthread_create(&thread, NULL, open_fifo, NULL));
	while (!opener)
		usleep(1000);
	wait_until_blocked(opener);
	CHECK(!pthread_cancel(thread));
	CHECK(!pthread_join(thread, &result));
	CHECK(result == PTHREAD_CANCELED);
	CHECK(cleaned);
#ifdef __GLIBC__
	CHECK(unwound);
#endif
}

static void *open_many(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = open("/dev/null", O_RDONLY);

		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* Cancelled at any moment around an open. */
static void test_cancel_anywhere(void)
{
	for (int i = 0; i < 2000; i++) {
		pthread_t thread;
		void *result;

		CHECK(!pthread_create(&thread, NULL, open_many, NULL));
		usleep((unsigned)(rand() % 300));
		CHECK(!pthread_cancel(thread));
		CHECK(!pthread_join(thread, &result));
		CHECK(result == PTHREAD_CANCELED);
	}
}

static void on_signal(int number)
{
	(void)number;
	handled++;
}

static void on_signal_jump(int number)
{
	(void)number;
	siglongjmp(back, 1);
}

/* A handler may open files. */
static void on_signal_open(int number)
{
	int saved = errno, fd = open("/dev/null", O_RDONLY);

	(void)number;
	CHECK(fd >= 0);
	close(fd);
	handled++;
	errno = saved;
}

static void handle(void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(!sigaction(SIGALRM, &action, NULL));
}

static void alarm_every(long microseconds)
{
	struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };

	CHECK(!setitimer(ITIMER_REAL, &timer, NULL));
}

static void test_interrupted(void)
{
	handle(on_signal, 0);
	alarm_every(50000);
	errno = 0;
	CHECK(open(fifo, O_RDONLY) == -1);
	CHECK(errno == EINTR);
	CHECK(handled);
}

/* With SA_RESTART the open goes on until a writer comes. */
static void test_restarted(void)
{
	int fd;

	handle(on_signal, SA_RESTART);
	alarm_every(20000);
	if (!fork()) {
		usleep(200000);
		fd = open(fifo, O_WRONLY);
		_exit(fd < 0);
	}
	fd = open(fifo, O_RDONLY);
	CHECK(fd >= 0);
	CHECK(handled > 2);
	close(fd);
	while (wait(NULL) < 0)
		;
}

static void test_jump(void)
{
	volatile int jumps = 0;

	handle(on_signal_jump, SA_NODEFER);
	for (jumps = 0; jumps < 20;) {
		alarm_every(10000);
		if (!sigsetjmp(back, 1)) {
			open(fifo, O_RDONLY);
			CHECK(!"reached");
		}
		jumps++;
	}
}

/* Handlers that open, on a small stack of their own, while the program opens. */
static void test_nested(void)
{
	static char stack[16384];
	stack_t small = { .ss_sp = stack, .ss_size = sizeof(stack) };

	CHECK(!sigaltstack(&small, NULL));
	handle(on_signal_open, SA_RESTART | SA_ONSTACK);
	alarm_every(100);
	while (handled < 300) {
		int fd = open("/dev/null", O_RDONLY);

		CHECK(fd >= 0);
		close(fd);
		CHECK(access("/nonexistent/x", F_OK) == -1 && errno == ENOENT);
	}
}

#ifdef __GLIBC__
static void *frames[64];
static volatile int frame_count;

static void on_signal_trace(int number)
{
	(void)number;
	if (!frame_count)
		frame_count = backtrace(frames, 64);
}

/* backtrace() from a handler that interrupted open passes through it to the program. */
__attribute__((noinline)) static void test_trace(void)
{
	int found = 0;

	backtrace(frames, 64); /* loads libgcc */
	frame_count = 0;
	handle(on_signal_trace, 0);
	alarm_every(50000);
	CHECK(open(fifo, O_RDONLY) == -1);
	for (int i = 0; i < frame_count; i++)
		found |= (char *)frames[i] >= (char *)test_trace &&
			 (char *)frames[i] < (char *)test_trace + 4096;
	CHECK(found);
}
#endif

#ifdef __GLIBC__
static volatile int steps, lost;
static char *step_caller;

/* From each instruction, the stack must unwind back to the test. */
static void on_step(int number)
{
	int count = backtrace(frames, 64), found = 0;

	(void)number;
	for (int i = 0; i < count; i++)
		found |= (char *)frames[i] >= step_caller && (char *)frames[i] < step_caller + 4096;
	steps++;
	lost += !found;
}

static void set_trap_flag(void)
{
	__asm__ volatile(
		"lea -128(%rsp), %rsp; pushf; orl $0x100, (%rsp); popf; lea 128(%rsp), %rsp");
}

static void clear_trap_flag(void)
{
	__asm__ volatile(
		"lea -128(%rsp), %rsp; pushf; andl $~0x100, (%rsp); popf; lea 128(%rsp), %rsp");
}

/* Steps through each instruction of an open, and of how libc starts a shell. Some of them are in
 * the middle of a site. */
__attribute__((noinline)) static void test_steps(void)
{
	struct sigaction action = { .sa_handler = on_step };

	step_caller = (char *)test_steps;
	backtrace(frames, 64); /* loads libgcc */
	CHECK(open("/nonexistent/once", O_RDONLY) == -1);
	CHECK(access("/nonexistent/once", F_OK) == -1);
	CHECK(!sigaction(SIGTRAP, &action, NULL));
	set_trap_flag();
	open("/nonexistent/once", O_RDONLY);
	access("/nonexistent/once", F_OK);
	clear_trap_flag();
	if (lost)
		fprintf(stderr, "no way back from %d of %d instructions\n", lost, steps);
	CHECK(steps > 20);
	CHECK(!lost);
}
#endif

/* A shell started by system() and a program found by posix_spawnp: both exec inside libc. */
static void test_execute(void)
{
	FILE *pipe = popen("echo one", "r");
	char line[16] = "";

	CHECK(pipe && fgets(line, sizeof(line), pipe) && !strcmp(line, "one\n"));
	CHECK(!pclose(pipe));
	CHECK(system("exit 7") == 7 << 8);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "cancel", test_cancel },
	{ "cancel_anywhere", test_cancel_anywhere },
	{ "interrupted", test_interrupted },
	{ "restarted", test_restarted },
	{ "jump", test_jump },
	{ "nested", test_nested },
#ifdef __GLIBC__
	{ "trace", test_trace },
	{ "steps", test_steps },
#endif
	{ "execute", test_execute },
};

int main(int argc, char **argv)
{
	fifo = argc > 2 ? argv[2] : "";
	for (unsigned i = 0; argc > 1 && i < sizeof(tests) / sizeof(tests[0]); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	return 77;
}
