#include "lib/manifest/why.h"

#include <errno.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/manifest/find.h"
#include "lib/manifest/lookup.h"
#include "lib/manifest/why_parts.h"
#include "lib/manifest/words.h"

#define ABSTRACT "unix:@"

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

/* The manifest has interpreters of scripts as the script names them: /bin/sh, not /usr/bin/dash.
 * A dynamic linker that somebody executed as a program was not started by all programs that it
 * links. */
static int find_interpreters(struct ways *w, struct why *why)
{
	for (size_t i = 0; i < w->m->n_executables; i++) {
		const ProtobufCBinaryData *named = &w->m->executables[i]->interpreter;
		struct why scratch = { 0 };
		char *path;
		int r;

		w->interpreter[i] = NOWHERE;
		if (!program_is_script(w->m->executables[i]) || named->data[0] != '/')
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
		.arena = &why->arena,
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
	/* Programs that no first program of a run leads to: begin at those that nobody is known to
	 * have started, and then (if they started each other) at any. */
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

int why_add_way(const struct ways *w, uint32_t program, size_t extra, struct why_chain *chain)
{
	size_t n = w->distance[program] + 1ul;
	uint32_t at = program;

	chain->steps = arena_take(w->arena, (n + extra) * sizeof(*chain->steps));
	if (!chain->steps)
		return -ENOMEM;
	chain->n_steps = n;
	for (size_t i = n; i-- > 0; at = w->parent[at]) {
		const Footprint__Executable *one = w->m->executables[at];
		uint32_t parent = w->parent[at];
		enum why_kind kind = WHY_EXECUTED;

		if (parent == NOWHERE)
			kind = one->first ? WHY_BEGAN : WHY_APPEARED;
		else if (w->interpreter[parent] == at)
			kind = WHY_INTERPRETED;
		chain->steps[i] = (struct why_step){ .kind = kind, .path = one->path };
	}
	return 0;
}

/* --- files, missing paths, endpoints --- */

static uint32_t nearest_user(const struct ways *w, size_t n, const uint32_t *by)
{
	uint32_t best = NOWHERE;

	for (size_t i = 0; i < n; i++)
		if (why_is_nearer(w, by[i], best))
			best = by[i];
	return best;
}

/* A file may be in the manifest although nobody is known to have used it: then the chain is only
 * the file. */
static int add_last_step(
	const struct ways *w, uint32_t user, struct why_step step, struct why_chain *chain)
{
	if (user != NOWHERE && why_add_way(w, user, 1, chain) < 0)
		return -ENOMEM;
	if (user == NOWHERE)
		chain->steps = arena_take(w->arena, sizeof(*chain->steps));
	if (!chain->steps)
		return -ENOMEM;
	chain->steps[chain->n_steps++] = step;
	return 0;
}

static int explain_file(const struct ways *w, const Footprint__File *file, struct why_chain *chain)
{
	struct why_step step = { .kind = WHY_USED, .path = file->path };
	uint32_t best = NOWHERE;

	for (size_t i = 0; i < file->n_uses; i++) {
		if (!why_is_nearer(w, file->uses[i]->by, best))
			continue;
		best = file->uses[i]->by;
		step.access = file->uses[i]->access;
	}
	return add_last_step(w, best, step, chain);
}

static int explain_missing(
	const struct ways *w, const Footprint__Missing *missing, struct why_chain *chain)
{
	struct why_step step = { .kind = WHY_MISSED, .path = missing->path };

	return add_last_step(w, nearest_user(w, missing->n_by, missing->by), step, chain);
}

static int explain_endpoint(
	const struct ways *w, const Footprint__Endpoint *endpoint, struct why_chain *chain)
{
	struct why_step step = {
		.kind = WHY_CONNECTED,
		.operation = endpoint->operation,
		.text = endpoint->address,
	};

	return add_last_step(w, nearest_user(w, endpoint->n_by, endpoint->by), step, chain);
}

static int explain_entry(
	const struct ways *w, const ProtobufCBinaryData *path, struct why_chain *chain)
{
	const Footprint__Executable *program = view_find_program(w->m, path);
	const Footprint__Library *library = view_find_library(w->m, path);
	const Footprint__File *file = view_find_file(w->m, path);
	const Footprint__Missing *missing = view_find_missing(w->m, path);

	if (program)
		return why_add_way(w, program_index(w->m, path), 0, chain);
	if (library && library->n_loaders)
		return why_explain_library(w, library, chain);
	if (file)
		return explain_file(w, file, chain);
	return missing ? explain_missing(w, missing, chain) : -ENOENT;
}

/* --- the question --- */

/* Makes room for one more answer. NULL: there is no memory. */
static struct why_chain *add_chain(struct why *why, ProtobufCBinaryData path)
{
	size_t n = why->n_chains;

	if ((n & (n - 1)) == 0) { /* full: the capacity is always a power of two */
		struct why_chain *more = arena_take(&why->arena, (n ? 2 * n : 1) * sizeof(*more));

		if (!more)
			return NULL;
		if (n)
			memcpy(more, why->chains, n * sizeof(*more));
		why->chains = more;
	}
	why->chains[n] = (struct why_chain){ .path = path };
	return &why->chains[why->n_chains++];
}

static int explain_path(const struct ways *w, struct why *why)
{
	struct why_chain chain = { .path = why->path }, *added;
	int r = explain_entry(w, &why->path, &chain);

	if (r < 0)
		return r;
	added = add_chain(why, why->path);
	if (!added)
		return -ENOMEM;
	*added = chain;
	return 0;
}

static bool has_file_name(const Footprint__Library *library, const char *name, size_t size)
{
	const uint8_t *end = library->path.data + library->path.len;

	return size < library->path.len && *(end - size - 1) == '/' &&
	       !memcmp(end - size, name, size);
}

/* Explains "libz.so.1", or the file name of a library. `text`: the same as the manifest has it, if
 * it has it as text. Several libraries may have that name. */
static int explain_soname(const struct ways *w, const char *name, const char *text, struct why *why)
{
	size_t size = strlen(name);

	for (size_t i = 0; size && i < w->m->n_libraries; i++) {
		const Footprint__Library *library = w->m->libraries[i];
		struct why_chain *chain;

		if (!library->n_loaders ||
			(!has_file_name(library, name, size) && strcmp(library->soname, text)))
			continue;
		chain = add_chain(why, library->path);
		if (!chain || why_explain_library(w, library, chain) < 0)
			return -ENOMEM;
	}
	return why->n_chains ? 0 : -ENOENT;
}

/* Abstract names may have any bytes. In the manifest, blanks, control characters and backslashes of
 * theirs are escaped, like bytes that are not UTF-8. */
static bool is_address(const struct ways *w, const Footprint__Endpoint *endpoint, const char *name,
	const char *text)
{
	const char *bytes;

	if (!strcmp(endpoint->address, text))
		return true;
	if (strncmp(endpoint->address, ABSTRACT, strlen(ABSTRACT)) != 0)
		return false;
	bytes = lookup_unescape(endpoint->address, false, w->arena);
	return bytes && !strcmp(bytes, name);
}

/* One address may have been used in several ways. */
static int explain_address(
	const struct ways *w, const char *name, const char *text, struct why *why)
{
	for (size_t i = 0; i < w->m->n_endpoints; i++) {
		const Footprint__Endpoint *endpoint = w->m->endpoints[i];
		struct why_chain *chain;

		if (!is_address(w, endpoint, name, text))
			continue;
		chain = add_chain(why, (ProtobufCBinaryData){ strlen(endpoint->address),
					       (uint8_t *)endpoint->address });
		if (!chain || explain_endpoint(w, endpoint, chain) < 0)
			return -ENOMEM;
	}
	return why->n_chains ? 0 : -ENOENT;
}

/* If a symlink leads to nothing that the manifest knows, the question is about the symlink
 * itself. */
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

/* Everything except paths is UTF-8 in the manifest, with other bytes escaped. */
static char *as_text(const char *what, struct arena *arena)
{
	size_t size = strlen(what);
	char *text = arena_take_bytes(arena, UTF8_ESCAPED_SIZE * size + 1);

	if (text)
		text[utf8_escape(what, size, text)] = '\0';
	return text;
}

static int explain(const struct ways *w, const char *what, struct why *why)
{
	const char *text;
	int r;

	why->n_links = why->final_link = 0;
	if (what[0] == '/')
		return explain_absolute(w, what, why);
	text = as_text(what, w->arena);
	if (!text)
		return -ENOMEM;
	r = explain_soname(w, what, text, why);
	if (r == -ENOENT)
		r = explain_address(w, what, text, why);
	if (!r)
		why->path = why->chains[0].path;
	return r;
}

int why_find(const Footprint__Manifest *m, const char *what, struct why *ret)
{
	const char *forms[3] = { what };
	struct ways ways;
	int r = -ENOENT;

	*ret = (struct why){ 0 };
	if (find_ways(m, ret, &ways) < 0)
		return -ENOMEM;
	/* As it was typed, as text output prints it, and as JSON has it. */
	forms[1] = lookup_unescape(what, false, &ret->arena);
	forms[2] = lookup_unescape(what, true, &ret->arena);
	for (size_t i = 0; i < 3 && r == -ENOENT; i++)
		if (forms[i])
			r = explain(&ways, forms[i], ret);
	for (size_t i = 0; i < 3 && r == -ENOENT && !ret->n_suggestions; i++)
		if (forms[i])
			lookup_suggest(m, forms[i], ret);
	return r;
}

void why_deinit(struct why *why)
{
	arena_clear(&why->arena);
}
