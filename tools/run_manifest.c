#include "tools/run_manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/elf/elf.h"
#include "lib/manifest/codec.h"

/* --- the program that was named --------------------------------------------------------------- */

/* A script is watched through its interpreter, which it "executes". */
static bool was_watched(const Footprint__Manifest *view, const char *path)
{
	for (size_t i = 0; i < view->n_executables; i++) {
		const Footprint__Executable *executable = view->executables[i];

		if (executable->path.len == strlen(path) &&
			!memcmp(executable->path.data, path, executable->path.len))
			return executable->watched != FOOTPRINT__WATCHED__WATCHED_NONE ||
			       executable->n_executes;
	}
	return false;
}

/* Why could the library not be loaded into it? The kind of the gap, and its text. */
static const char *why_unwatched(const char *path, const char **ret_detail)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct elf_info info = { 0 };
	struct stat status;
	const char *kind = "no-hello";
	struct error err;

	*ret_detail = "executed, but never heard of";
	if (fd < 0 || fstat(fd, &status) < 0 || elf_describe(fd, &info, &err) < 0)
		return kind;
	if (info.kind == PROGRAM_SCRIPT) {
		kind = NULL; /* its interpreter is the program that runs */
	} else if (info.kind == PROGRAM_ELF && !info.dynamic) {
		kind = "static-program";
		*ret_detail = "not dynamically linked";
	} else if (status.st_mode & (S_ISUID | S_ISGID)) {
		kind = "setuid-program";
		*ret_detail = "set-uid or set-gid";
	}
	elf_info_deinit(&info);
	return kind;
}

/* Is there a gap of this kind for it already? Whoever tried to watch the program knows best why
 * that failed. */
static bool is_gap(const Footprint__Manifest *view, const char *kind, const char *path)
{
	for (size_t i = 0; i < view->n_gaps; i++) {
		const Footprint__Gap *gap = view->gaps[i];

		if (!strcmp(gap->kind, kind) && gap->path.len == strlen(path) &&
			!memcmp(gap->path.data, path, gap->path.len))
			return true;
	}
	return false;
}

static int note_unwatched(struct manifest *m, const Footprint__Manifest *view, const char *path)
{
	const char *detail;
	const char *kind = why_unwatched(path, &detail);
	int r;

	if (!kind || is_gap(view, kind, path))
		return 0;
	r = manifest_add_use(m, path, ACCESS_EXEC, path);
	if (r == 0)
		r = manifest_add_executable(
			m, path, NULL, FOOTPRINT__WATCHED__WATCHED_NONE, 1, true);
	return r < 0 ? r : manifest_add_gap(m, kind, path, detail, 1);
}

/* Makes sure that the program which was named is in its manifest, either watched or as a gap:
 * nobody executes it whose records would say so. A file that a shell reads is no program, if a
 * shell was seen. Otherwise the kernel has an interpreter for such files (binfmt_misc), and it is
 * not known what was executed. */
static int note_program(struct manifest *m, const struct program *program)
{
	struct program shell = { 0 };
	const Footprint__Manifest *view;
	int r;

	if (!program->path)
		return 0;
	r = manifest_view(m, &view);
	if (r < 0 || was_watched(view, program->path))
		return r;
	if (program->by_shell)
		program_find(SHELL, &shell);
	if (shell.path && !shell.info.dynamic)
		r = note_unwatched(m, view, shell.path);
	else if (!shell.path || !was_watched(view, shell.path))
		r = note_unwatched(m, view, program->path);
	program_deinit(&shell);
	return r;
}

/* --- what was watched ------------------------------------------------------------------------- */

static int merge_file(
	const char *directory, const char *name, struct manifest *m, struct error *err)
{
	auto_manifest struct manifest *part = NULL;
	autofree char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return error_set(err, -ENOMEM, "out of memory");
	}
	r = manifest_read(path, &part, err);
	if (r < 0)
		return r;
	return manifest_merge(m, part) < 0 ? error_set(err, -ENOMEM, "out of memory") : 0;
}

/* Merges all manifests: a program may give its children another name, and they still belong to the
 * run. */
static int merge_files(const char *directory, struct manifest *m, struct error *err)
{
	DIR *files = opendir(directory);
	struct dirent *file;
	int r = 0;

	if (!files) /* the aggregator has not got that far */
		return errno == ENOENT
			       ? 0
			       : error_set(err, -errno, "%s: %s", directory, strerror(errno));
	while (r == 0 && (file = readdir(files)))
		if (fnmatch("*.footprint", file->d_name, FNM_PERIOD) == 0)
			r = merge_file(directory, file->d_name, m, err);
	closedir(files);
	return r;
}

int run_manifest_fill(
	struct manifest *m, const char *directory, const struct program *program, struct error *err)
{
	int r = merge_files(directory, m, err);

	if (r < 0)
		return r;
	r = note_program(m, program);
	return r < 0 ? error_set(err, r, "out of memory") : 0;
}
