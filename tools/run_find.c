#include "tools/run_find.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define DEFAULT_PATH "/bin:/usr/bin" /* glibc's default if PATH is not set */

void program_deinit(struct program *program)
{
	free(program->name);
	free(program->path);
	elf_info_deinit(&program->info);
	*program = (struct program){ 0 };
}

/* --- may it be executed? ---------------------------------------------------------------------- */

static int check_file(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/* A file that cannot be read, or is damaged, may be executable nevertheless; the kernel will
 * decide. True: it was read. */
static bool describe(const char *path, struct elf_info *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct error err;

	*ret = (struct elf_info){ 0 };
	if (fd < 0)
		return false;
	if (elf_describe(fd, ret, &err) == 0)
		return true;
	elf_info_deinit(ret);
	return false;
}

/* A script's interpreter may itself be a script. */
static int check_interpreter(const struct elf_info *info, unsigned depth)
{
	struct elf_info interpreter;
	int r;

	if (!info->interpreter)
		return 0;
	r = check_file(info->interpreter);
	if (r < 0 || info->kind != PROGRAM_SCRIPT)
		return r;
	if (depth == ELF_SHEBANG_DEPTH)
		return -ELOOP;
	if (describe(info->interpreter, &interpreter) && interpreter.kind == PROGRAM_OTHER)
		return -ENOEXEC;
	r = check_interpreter(&interpreter, depth + 1);
	elf_info_deinit(&interpreter);
	return r;
}

/* Predicts the result of execve(2), as far as possible. */
static int examine(const char *name, struct program *ret)
{
	struct program program = { 0 };
	int r = check_file(name);

	if (r < 0)
		return r;
	if (describe(name, &program.info) && program.info.kind == PROGRAM_OTHER)
		r = -ENOEXEC;
	else
		r = check_interpreter(&program.info, 1);
	if (r == -ENOEXEC) {
		program.by_shell = true;
		r = 0;
	}
	if (r == 0) {
		program.name = strdup(name);
		program.path = realpath(name, NULL);
		r = program.name && program.path ? 0 : -ENOMEM;
	}
	if (r < 0)
		program_deinit(&program);
	else
		*ret = program;
	return r;
}

/* --- the search in PATH ----------------------------------------------------------------------- */

/* Does execvp(3) continue its search after this error of execve(2)? */
static bool looks_on(int error)
{
	switch (-error) {
	case EACCES:
	case ENOENT:
	case ENOTDIR:
	case ENODEV:
	case ESTALE:
	case ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/* Examines the program in one folder of PATH. An empty folder means the current one. */
static int examine_in(const char *folder, size_t size, const char *name, struct program *ret)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%.*s%s%s", (int)size, folder, size ? "/" : "", name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return examine(path, ret);
}

static int search(const char *list, const char *name, struct program *ret)
{
	bool refused = false;

	for (;;) {
		size_t size = strcspn(list, ":");
		int r = examine_in(list, size, name, ret);

		if (r == 0 || !looks_on(r))
			return r;
		refused = refused || r == -EACCES;
		if (!list[size])
			return refused ? -EACCES : -ENOENT;
		list += size + 1;
	}
}

int program_find(const char *name, struct program *ret)
{
	const char *list = getenv("PATH");

	*ret = (struct program){ 0 };
	if (strchr(name, '/'))
		return examine(name, ret);
	return search(list ? list : DEFAULT_PATH, name, ret);
}
