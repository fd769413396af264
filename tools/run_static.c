#include "tools/run_static.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define SUPERVISOR "footprint-supervise"

/* The supervisor's arguments, before those of the program; the third is the number of a
 * descriptor. */
#define N_BEFORE  4
#define REPORT_AT 2

static bool needs_supervisor(const struct program *program)
{
	const struct elf_info *info = &program->info;

	if (program->by_shell)
		return false;
	return info->kind == PROGRAM_SCRIPT || (info->kind == PROGRAM_ELF && !info->interpreter);
}

char *static_supervisor(const char *library, const struct program *program)
{
	const char *slash = strrchr(library, '/');
	char *path;

	if (!needs_supervisor(program))
		return NULL;
	if (asprintf(&path, "%.*s/" SUPERVISOR, (int)(slash ? slash - library : 0), library) < 0)
		return NULL;
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

void static_execute(const char *supervisor, const struct program *program, char **argv, int report)
{
	const char *const before[] = { supervisor, "--start", NULL, program->name };
	autofree char **arguments = NULL;
	size_t count = 0;
	char fd[16];

	while (argv[count])
		count++;
	arguments = calloc(N_BEFORE + count + 1, sizeof(*arguments));
	if (!arguments)
		return;
	memcpy(arguments, before, sizeof(before));
	memcpy(arguments + N_BEFORE, argv, count * sizeof(*argv));
	snprintf(fd, sizeof(fd), "%d", report);
	arguments[REPORT_AT] = fd;
	fcntl(report, F_SETFD, 0);
	execv(supervisor, arguments);
}
