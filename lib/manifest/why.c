#include "lib/manifest/why.h"

#include <errno.h>
#include <string.h>

#include "lib/manifest/find.h"
#include "lib/manifest/lookup.h"

#define NOWHERE UINT32_MAX

/*
 * Programs, each with the shortest way to it from a run's first: a breadth-first walk over who
 * executed whom, and over scripts to their interpreters.
 */
struct ways {
	const Footprint__Manifest *m;
	uint32_t *parent;      /* NOWHERE: none: the run began here, or nobody knows better */
	uint32_t *distance;    /* NOWHERE: not reached */
	uint32_t *interpreter; /* index of a script's interpreter, or NOWHERE */
	uint32_t *queue;
	size_t head, tail;
};

static void enqueue(struct ways *w, uint32_t program, uint32_t parent, uint32_t distance)
{
	if (w->distance[program] != NOWHERE)
		return;
	w->distance[program] = distance;
	w->parent[program] = parent;
	w->queue[w->tail++] = program;
}

static void walk_queue(struct ways *w)
{
	while (w->head < w->tail) {
		uint32_t at = w->queue[w->head++];
		const Footprint__Executable *program = w->m->executables[at];

		for (size_t i = 0; i < program->n_executes; i++)
			enqueue(w, program->executes[i], at, w->distance[at] + 1);
		if (w->interpreter[at] != NOWHERE)
			enqueue(w, w->interpreter[at], at, w->distance[at] + 1);
	}
}

static uint32_t program_index(const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	const Footprint__Executable *program = view_find_program(m, path);

	return program ? view_program_index(m, program) : NOWHERE;
}

/* Interpreters stand in the manifest as the file names them: /bin/sh, not /usr/bin/dash. */
static int find_interpreters(struct ways *w, struct why *why)
{
	for (size_t i = 0; i < w->m->n_executables; i++) {
		const ProtobufCBinaryData *named = &w->m->executables[i]->interpreter;
		struct why scratch = { 0 };
		char *path;
		int r;

		w->interpreter[i] = NOWHERE;
		if (!named->len || named->data[0] != '/')
			continue;
		path = arena_take_bytes(&why->arena, named->len + 1);
		if (!path)
			return -ENOMEM;
		memcpy(path, named->data, named->len);
		path[named->len] = '\0';
		r = lookup_resolve(w->m, path, &scratch);
		if (!r)
			w->interpreter[i] = program_index(w->m, &scratch.path);
		why_deinit(&scratch);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool *find_started(const Footprint__Manifest *m, struct arena *arena)
{
	bool *started = arena_take(arena, m->n_executables);

	if (!started)
		return NULL;
	memset(started, 0, m->n_executables);
	for (size_t i = 0; i < m->n_executables; i++)
		for (size_t n = 0; n < m->executables[i]->n_executes; n++)
			started[m->executables[i]->executes[n]] = true;
	return started;
}

static int find_ways(const Footprint__Manifest *m, struct why *why, struct ways *ret)
{
	size_t size = m->n_executables * sizeof(uint32_t);
	struct ways w = {
		.m = m,
		.parent = arena_take(&why->arena, size),
		.distance = arena_take(&why->arena, size),
		.interpreter = arena_take(&why->arena, size),
		.queue = arena_take(&why->arena, size),
	};
	bool *started = find_started(m, &why->arena);

	if (!w.parent || !w.distance || !w.interpreter || !w.queue || !started ||
		find_interpreters(&w, why) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_executables; i++)
		w.distance[i] = w.parent[i] = NOWHERE;
	for (uint32_t i = 0; i < m->n_executables; i++)
		if (m->executables[i]->first)
			enqueue(&w, i, NOWHERE, 0);
	walk_queue(&w);
	/* What no run's first leads to: programs that nobody is known to have started, and then
	 * (they started each other) any. */
	for (uint32_t i = 0; i < m->n_executables; i++)
		if (!started[i])
			enqueue(&w, i, NOWHERE, 0);
	walk_queue(&w);
	for (uint32_t i = 0; i < m->n_executables; i++) {
		enqueue(&w, i, NOWHERE, 0);
		walk_queue(&w);
	}
	*ret = w;
	return 0;
}

/* --- the chain --- */

/* Steps for the way to a program; `extra` more will follow. */
static int add_way(const struct ways *w, uint32_t program, size_t extra, struct why *why)
{
	size_t n = w->distance[program] + 1ul;
	uint32_t at = program;

	why->steps = arena_take(&why->arena, (n + extra) * sizeof(*why->steps));
	if (!why->steps)
		return -ENOMEM;
	why->n_steps = n;
	for (size_t i = n; i-- > 0; at = w->parent[at]) {
		const Footprint__Executable *one = w->m->executables[at];
		uint32_t parent = w->parent[at];
		enum why_kind kind = WHY_EXECUTED;

		if (parent == NOWHERE)
			kind = one->first ? WHY_BEGAN : WHY_APPEARED;
		else if (w->interpreter[parent] == at)
			kind = WHY_INTERPRETED;
		why->steps[i] = (struct why_step){ .kind = kind, .path = one->path };
	}
	return 0;
}

static bool is_nearer(const struct ways *w, uint32_t program, uint32_t best)
{
	return best == NOWHERE || w->distance[program] < w->distance[best];
}

/* --- libraries --- */

/* The libraries of one program, each with the loader that is nearest to the program itself. */
struct loading {
	const Footprint__Manifest *m;
	uint32_t by;
	const Footprint__Loader **nearest; /* NULL: not reached */
	uint32_t *level; /* objects between: 0 is not reached, 1 loaded by the program */
};

/* The library that asked, or NOWHERE when it was the program, or somebody unknown. */
static uint32_t requester_index(const Footprint__Manifest *m, const Footprint__Loader *loader)
{
	const Footprint__Library *library = view_find_library(m, &loader->requester);

	return library ? view_library_index(m, library) : NOWHERE;
}

/* Whether a loader of this program asks from the level before: then the library is of `level`. */
static const Footprint__Loader *find_loader(
	const struct loading *l, const Footprint__Library *library, uint32_t level)
{
	for (size_t i = 0; i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];
		uint32_t requester;

		if (loader->by != l->by)
			continue;
		requester = requester_index(l->m, loader);
		if (requester == NOWHERE ? level == 1
					 : level > 1 && l->level[requester] == level - 1)
			return loader;
	}
	return NULL;
}

static int find_loading(
	const Footprint__Manifest *m, uint32_t by, struct why *why, struct loading *ret)
{
	struct loading l = {
		.m = m,
		.by = by,
		.nearest = arena_take(&why->arena, m->n_libraries * sizeof(void *)),
		.level = arena_take(&why->arena, m->n_libraries * sizeof(uint32_t)),
	};
	bool progress = true;

	if (!l.nearest || !l.level)
		return -ENOMEM;
	memset(l.level, 0, m->n_libraries * sizeof(*l.level));
	for (uint32_t level = 1; progress; level++) {
		progress = false;
		for (size_t i = 0; i < m->n_libraries; i++) {
			if (l.level[i])
				continue;
			l.nearest[i] = find_loader(&l, m->libraries[i], level);
			if (l.nearest[i]) {
				l.level[i] = level;
				progress = true;
			}
		}
	}
	*ret = l;
	return 0;
}

static enum why_kind kind_of_loader(const Footprint__Loader *loader)
{
	if (loader && loader->loaded == FOOTPRINT__LOADED__LOADED_DLOPEN)
		return WHY_LOADED;
	if (loader && loader->loaded == FOOTPRINT__LOADED__LOADED_UNOBSERVED)
		return WHY_UNOBSERVED;
	return WHY_NEEDS;
}

/* From the program over what asks for what to the library; by itself, where loaders name each other
 * in a circle and none of them the program. */
static int add_library_chain(const struct ways *w, uint32_t library, uint32_t by, struct why *why)
{
	struct loading l;
	uint32_t n, at = library;

	if (find_loading(w->m, by, why, &l) < 0)
		return -ENOMEM;
	n = l.level[library] ? l.level[library] : 1;
	if (add_way(w, by, n, why) < 0)
		return -ENOMEM;
	why->n_steps += n;
	for (uint32_t i = 1; i <= n; i++) {
		const Footprint__Loader *loader = l.nearest[at];

		why->steps[why->n_steps - i] = (struct why_step){
			.kind = kind_of_loader(loader),
			.path = w->m->libraries[at]->path,
		};
		if (i < n)
			at = requester_index(w->m, loader);
	}
	return 0;
}

static int explain_library(const struct ways *w, const Footprint__Library *library, struct why *why)
{
	uint32_t best = NOWHERE;

	for (size_t i = 0; i < library->n_loaders; i++)
		if (is_nearer(w, library->loaders[i]->by, best))
			best = library->loaders[i]->by;
	if (best == NOWHERE)
		return -ENOENT;
	return add_library_chain(w, view_library_index(w->m, library), best, why);
}

/* --- files, missing paths, endpoints --- */

static uint32_t nearest_user(const struct ways *w, size_t n, const uint32_t *by)
{
	uint32_t best = NOWHERE;

	for (size_t i = 0; i < n; i++)
		if (is_nearer(w, by[i], best))
			best = by[i];
	return best;
}

/* A file that nobody is known to have used is in the manifest all the same: a chain of one. */
static int add_last_step(const struct ways *w, uint32_t user, struct why_step step, struct why *why)
{
	if (user != NOWHERE && add_way(w, user, 1, why) < 0)
		return -ENOMEM;
	if (user == NOWHERE)
		why->steps = arena_take(&why->arena, sizeof(*why->steps));
	if (!why->steps)
		return -ENOMEM;
	why->steps[why->n_steps++] = step;
	return 0;
}

static int explain_file(const struct ways *w, const Footprint__File *file, struct why *why)
{
	struct why_step step = { .kind = WHY_USED, .path = file->path };
	uint32_t best = NOWHERE;

	for (size_t i = 0; i < file->n_uses; i++) {
		if (!is_nearer(w, file->uses[i]->by, best))
			continue;
		best = file->uses[i]->by;
		step.access = file->uses[i]->access;
	}
	return add_last_step(w, best, step, why);
}

static int explain_missing(const struct ways *w, const Footprint__Missing *missing, struct why *why)
{
	struct why_step step = { .kind = WHY_MISSED, .path = missing->path };

	return add_last_step(w, nearest_user(w, missing->n_by, missing->by), step, why);
}

static int explain_endpoint(const struct ways *w, const char *address, struct why *why)
{
	for (size_t i = 0; i < w->m->n_endpoints; i++) {
		const Footprint__Endpoint *endpoint = w->m->endpoints[i];
		struct why_step step = {
			.kind = WHY_CONNECTED,
			.operation = endpoint->operation,
			.text = endpoint->address,
		};

		if (strcmp(endpoint->address, address))
			continue;
		why->path = (ProtobufCBinaryData){ strlen(address), (uint8_t *)endpoint->address };
		return add_last_step(w, nearest_user(w, endpoint->n_by, endpoint->by), step, why);
	}
	return -ENOENT;
}

/* --- the question --- */

static int explain_path(const struct ways *w, struct why *why)
{
	const Footprint__Executable *program = view_find_program(w->m, &why->path);
	const Footprint__Library *library = view_find_library(w->m, &why->path);
	const Footprint__File *file = view_find_file(w->m, &why->path);
	const Footprint__Missing *missing = view_find_missing(w->m, &why->path);

	if (program)
		return add_way(w, program_index(w->m, &program->path), 0, why);
	if (library && library->n_loaders)
		return explain_library(w, library, why);
	if (file)
		return explain_file(w, file, why);
	return missing ? explain_missing(w, missing, why) : -ENOENT;
}

/* "libz.so.1", or the name of a library's file. */
static int explain_soname(const struct ways *w, const char *name, struct why *why)
{
	size_t size = strlen(name);

	for (size_t i = 0; size && i < w->m->n_libraries; i++) {
		const Footprint__Library *library = w->m->libraries[i];
		const uint8_t *end = library->path.data + library->path.len;
		bool named = size < library->path.len && *(end - size - 1) == '/' &&
			     !memcmp(end - size, name, size);

		if (!named && strcmp(library->soname, name))
			continue;
		why->path = library->path;
		return explain_library(w, library, why);
	}
	return -ENOENT;
}

/* Where a symlink leads to nothing that the manifest knows, it is itself what was asked for. */
static int explain_absolute(const struct ways *w, const char *path, struct why *why)
{
	int r;

	if (lookup_resolve(w->m, path, why) < 0)
		return -ENOMEM;
	r = explain_path(w, why);
	if (r != -ENOENT || !why->final_link)
		return r;
	why->n_links = why->final_link - 1;
	why->path = why->links[why->n_links].path;
	return explain_path(w, why);
}

static int explain(const struct ways *w, const char *what, struct why *why)
{
	int r;

	if (what[0] == '/')
		return explain_absolute(w, what, why);
	r = explain_soname(w, what, why);
	return r == -ENOENT ? explain_endpoint(w, what, why) : r;
}

int why_find(const Footprint__Manifest *m, const char *what, struct why *ret)
{
	struct ways ways;
	int r;

	*ret = (struct why){ 0 };
	if (find_ways(m, ret, &ways) < 0)
		return -ENOMEM;
	r = explain(&ways, what, ret);
	if (r == -ENOENT)
		lookup_suggest(m, what, ret);
	return r;
}

void why_deinit(struct why *why)
{
	arena_clear(&why->arena);
}
