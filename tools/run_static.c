#include "tools/run_static.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUPERVISOR "footprint-supervise"

static bool needs_supervisor(const struct program *program)
{
	const struct elf_info *info = &program->info;

	return info->kind == PROGRAM_SCRIPT || (info->kind == PROGRAM_ELF && !info->interpreter);
}

/* Beside the library; NULL: it is not there, and the manifest will have a gap. */
static char *find_supervisor(const char *library)
{
	const char *slash = strrchr(library, '/');
	char *path;

	if (asprintf(&path, "%.*s/" SUPERVISOR, (int)(slash ? slash - library : 0), library) < 0)
		return NULL;
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char **static_arguments(const char *library, const struct program *program, char **argv)
{
	char *supervisor = needs_supervisor(program) ? find_supervisor(library) : NULL;
	size_t count = 0;
	char **arguments;

	if (!supervisor)
		return argv;
	while (argv[count])
		count++;
	arguments = calloc(count + 4, sizeof(*arguments));
	if (!arguments) {
		free(supervisor);
		return NULL;
	}
	arguments[0] = supervisor;
	arguments[1] = (char *)(uintptr_t) "--start";
	arguments[2] = program->name;
	memcpy(arguments + 3, argv, count * sizeof(*argv));
	return arguments;
}

void static_arguments_free(char **arguments, char **argv)
{
	if (!arguments || arguments == argv)
		return;
	free(arguments[0]);
	free(arguments);
}
