#include "tools/run_static.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/elf/elf.h"
#include "tools/run_program.h"

#define SUPERVISOR "footprint-supervise"

static bool needs_supervisor(const char *name)
{
	autofree char *path = program_find(name);
	autoclose int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	struct elf_info info = { 0 };
	struct error err;
	bool needed;

	if (fd < 0 || elf_describe(fd, &info, &err) < 0)
		return false;
	needed = info.kind == PROGRAM_SCRIPT || (info.kind == PROGRAM_ELF && !info.interpreter);
	elf_info_deinit(&info);
	return needed;
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

char **static_arguments(const char *library, char **argv)
{
	char *supervisor = needs_supervisor(argv[0]) ? find_supervisor(library) : NULL;
	size_t count = 0;
	char **arguments;

	if (!supervisor)
		return argv;
	while (argv[count])
		count++;
	arguments = calloc(count + 3, sizeof(*arguments));
	if (!arguments) {
		free(supervisor);
		return NULL;
	}
	arguments[0] = supervisor;
	arguments[1] = (char *)(uintptr_t) "--";
	memcpy(arguments + 2, argv, count * sizeof(*argv));
	return arguments;
}

void static_arguments_free(char **arguments, char **argv)
{
	if (!arguments || arguments == argv)
		return;
	free(arguments[0]);
	free(arguments);
}
