#include "tools/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tools/run_static.h"

/* Runs in the child. If the program could not be executed, writes the error to the pipe. */
static void execute(const struct start *start, int pipe_fd)
{
	int error;

	signals_release(start->signals);
	if (start->supervisor)
		static_execute(start->supervisor, start->program, start->argv, pipe_fd);
	else
		execvp(start->argv[0], start->argv);
	error = errno;
	if (write(pipe_fd, &error, sizeof(error)) < 0)
		_exit(STATUS_NOT_EXECUTABLE);
	_exit(error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The terminal sends its signals to the whole foreground group, and so to the program, too. The
 * program itself may send one to its group, as httpd does to end its children. */
static bool has_it_already(pid_t pid, const siginfo_t *info)
{
	return info->si_code == SI_KERNEL || info->si_pid == pid;
}

static int wait_for(pid_t pid)
{
	int status;

	for (;;) {
		siginfo_t info;

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status_of(status);
		if (signals_next(&info) && info.si_signo != SIGCHLD && !has_it_already(pid, &info))
			kill(pid, info.si_signo);
	}
}

/* 0: the program was executed; otherwise the errno of execve. */
static int exec_error(int fd)
{
	int error = 0;
	ssize_t n;

	do
		n = read(fd, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == sizeof(error) ? error : 0;
}

static void set_error(struct error *err, int error, const char *name)
{
	bool searched = !strchr(name, '/');

	error_set(err, -error, "%s: %s", name,
		error == ENOENT && searched ? "command not found" : strerror(error));
}

int program_run(const struct start *start, struct error *err)
{
	autoclose int read_end = -1, write_end = -1;
	int ends[2], status, error;
	pid_t pid;

	err->code = 0;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		error_set(err, -errno, "pipe: %s", strerror(errno));
		return STATUS_NOT_EXECUTABLE;
	}
	read_end = ends[0];
	write_end = ends[1];
	pid = fork();
	if (pid == 0)
		execute(start, write_end);
	close(steal_fd(&write_end));
	if (pid < 0) {
		error_set(err, -errno, "fork: %s", strerror(errno));
		status = STATUS_NOT_EXECUTABLE;
	} else {
		error = exec_error(read_end);
		status = wait_for(pid);
		if (error)
			set_error(err, error, start->argv[0]);
	}
	return status;
}
