#include "aggregator/manifests/run_end.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "lib/base/cleanup.h"

int run_mark_first(struct application *application, const char *path)
{
	int r = manifest_add_executable(
		application->manifest, path, NULL, FOOTPRINT__WATCHED__WATCHED_NONE, 0, true);

	return r == -ENOMEM ? r : 0;
}

/* Which executables were started by another one? NULL: there is no memory. The caller frees it. */
static bool *find_started(const Footprint__Manifest *view)
{
	bool *started = calloc(view->n_executables + 1, sizeof(*started));

	for (size_t i = 0; started && i < view->n_executables; i++)
		for (size_t j = 0; j < view->executables[i]->n_executes; j++)
			if (view->executables[i]->executes[j] != i)
				started[view->executables[i]->executes[j]] = true;
	return started;
}

/* Does a gap already say why this program was not watched? */
static bool explained(const Footprint__Manifest *view, const Footprint__Executable *executable)
{
	static const char *const kinds[] = { "static-program", "setuid-program", "foreign-program",
		"no-hello" };

	for (size_t i = 0; i < view->n_gaps; i++) {
		const Footprint__Gap *gap = view->gaps[i];

		if (gap->path.len != executable->path.len ||
			memcmp(gap->path.data, executable->path.data, gap->path.len) != 0)
			continue;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
			if (!strcmp(gap->kind, kinds[k]))
				return true;
	}
	return false;
}

/* A script is watched through its interpreter, which it "executes". */
static bool never_watched(const Footprint__Executable *executable)
{
	return executable->watched == FOOTPRINT__WATCHED__WATCHED_NONE && !executable->n_executes;
}

/* The facts to add come from the view, which adding destroys: they are collected first. */
struct ending {
	char **silent; /* executed, but no image of it ever said hello */
	size_t n_silent;
	char **roots; /* watched, and nobody started them */
	size_t n_roots;
};

static void ending_deinit(struct ending *ending)
{
	for (size_t i = 0; i < ending->n_silent; i++)
		free(ending->silent[i]);
	for (size_t i = 0; i < ending->n_roots; i++)
		free(ending->roots[i]);
	free(ending->silent);
	free(ending->roots);
}

static int append_path(char ***list, size_t *n, const ProtobufCBinaryData *path)
{
	char **grown = reallocarray(*list, *n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[*n] = strndup((const char *)path->data, path->len);
	if (!grown[*n])
		return -ENOMEM;
	(*n)++;
	return 0;
}

static int collect(const Footprint__Manifest *view, struct ending *ending)
{
	autofree bool *started = find_started(view);
	int r = started ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < view->n_executables; i++) {
		const Footprint__Executable *executable = view->executables[i];

		if (started[i] && never_watched(executable) && !explained(view, executable))
			r = append_path(&ending->silent, &ending->n_silent, &executable->path);
		else if (!started[i] && executable->watched != FOOTPRINT__WATCHED__WATCHED_NONE)
			r = append_path(&ending->roots, &ending->n_roots, &executable->path);
	}
	return r;
}

/* A process of another application (FOOTPRINT_APP) was watched, and what it did is in that one's
 * manifest. The manifest remembers this for later runs. */
static int add_silent(struct application *application, const char *path)
{
	Footprint__Watched watched = heard_elsewhere(application, path);
	int r;

	if (watched != FOOTPRINT__WATCHED__WATCHED_NONE)
		r = manifest_add_executable(application->manifest, path, NULL, watched, 0, false);
	else
		r = manifest_add_gap(
			application->manifest, "no-hello", path, "executed, but never heard of", 1);
	return r == -ENOMEM ? r : 0;
}

static int add_ending(struct application *application, const struct ending *ending)
{
	for (size_t i = 0; i < ending->n_silent; i++)
		if (add_silent(application, ending->silent[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < ending->n_roots; i++)
		if (run_mark_first(application, ending->roots[i]) < 0)
			return -ENOMEM;
	return 0;
}

int run_tell_end(struct application *application)
{
	__attribute__((cleanup(ending_deinit))) struct ending ending = { 0 };
	const Footprint__Manifest *view;
	int r = manifest_view(application->manifest, &view);

	if (r == 0)
		r = collect(view, &ending);
	return r == 0 ? add_ending(application, &ending) : r;
}

bool run_awaits_program(struct application *application)
{
	__attribute__((cleanup(ending_deinit))) struct ending ending = { 0 };
	const Footprint__Manifest *view;

	if (!application->run.open || manifest_view(application->manifest, &view) < 0 ||
		collect(view, &ending) < 0)
		return false;
	for (size_t i = 0; i < ending.n_silent; i++)
		if (heard_elsewhere(application, ending.silent[i]) ==
			FOOTPRINT__WATCHED__WATCHED_NONE)
			return true;
	return false;
}
