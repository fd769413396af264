/*
 * What fits on an alternate stack of the classic size must also fit when it is watched: a signal
 * handler opens a file and starts programs, as a crash reporter does, also with a large
 * environment. There is no memory below the stack.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE 8192
#define BELOW	   4096

#define VARIABLES 500

static char *variables[VARIABLES + 1];

static void handler(int signal)
{
	char *arguments[] = { "true", NULL };
	pid_t pid;

	open("/none/new", O_RDONLY);
	if (fork() == 0) {
		execvp("true", arguments);
		_exit(1);
	}
	if (vfork() == 0) {
		execve("/bin/true", arguments, variables);
		_exit(1);
	}
	posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, variables);
	(void)signal;
}

int main(void)
{
	char *memory = mmap(NULL, BELOW + STACK_SIZE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory + BELOW, .ss_size = STACK_SIZE };
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	int status = -1;

	for (int i = 0; i < VARIABLES; i++)
		variables[i] = "VARIABLE=value";
	mprotect(memory, BELOW, PROT_NONE);
	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
		return 1;
	raise(SIGUSR1);
	while (wait(&status) > 0)
		printf("child's status %#x\n", status);
	return 0;
}
