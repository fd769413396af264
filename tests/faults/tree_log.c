#include "tree.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_FD 300

char log_name[PATH_MAX];
int log_fd = -1;

void put(char *to, size_t size, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = vsnprintf(to, size, format, list);
	va_end(list);
	if (length < 0 || (size_t)length >= size)
		_exit(89);
}

void open_log(void)
{
	int fd = open(log_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		err(1, "%s", log_name);
	log_fd = fcntl(fd, F_DUPFD_CLOEXEC, LOG_FD);
	if (log_fd < 0)
		err(1, "log");
	close(fd);
}

static void name_log(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	put(log_name, sizeof(log_name), "%s/%d.%ld%09ld", logs, (int)getpid(), (long)now.tv_sec,
		now.tv_nsec);
}

void begin_log(void)
{
	if (log_fd >= 0)
		close(log_fd);
	name_log();
	open_log();
}

void say(char when, const char *what, const char *path)
{
	char line[PATH_MAX + 64];
	int size = snprintf(line, sizeof(line), "%c %s %s\n", when, what, path);

	if (write(log_fd, line, (size_t)size) != size)
		_exit(90);
}

void check(bool right, const char *what, const char *path)
{
	char line[PATH_MAX + 64];
	int size, error = errno;

	if (right)
		return;
	if (log_fd >= 0)
		say('!', "failed", what); /* a daemon has no stderr */
	size = snprintf(line, sizeof(line), "tree: %s %s: %s\n", what, path, strerror(error));
	(void)!write(STDERR_FILENO, line, (size_t)size);
	_exit(91);
}
