#include "lib/manifest/why.h"

#include <errno.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/manifest/find.h"
#include "lib/manifest/lookup.h"
#include "lib/manifest/words.h"

#define NOWHERE UINT32_MAX

/*
 * Programs, each with the shortest way to it from a run's first: a breadth-first walk over who
 * executed whom, and over scripts to their interpreters.
 */
struct ways {
	const Footprint__Manifest *m;
	struct arena *arena;
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
static int add_way(const struct ways *w, uint32_t program, size_t extra, struct why_chain *chain)
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

static bool is_nearer(const struct ways *w, uint32_t program, uint32_t best)
{
	return best == NOWHERE || w->distance[program] < w->distance[best];
}

/* --- libraries --- */

/*
 * A search for the shortest way from one program to a library, over what asks for what. It goes
 * from the library back, so that only what leads to it is looked at.
 */
struct asking {
	uint32_t by;	      /* the program */
	uint32_t *round;      /* of each library: the last search that came to it */
	uint32_t *level;      /* how many libraries from it to the one in question */
	uint32_t *next;	      /* the library that it asks for */
	enum why_kind *kinds; /* how it does that */
	uint32_t *queue;
	size_t head, tail;
	uint32_t rounds;
	enum why_kind first_kind; /* how the program asks for the first */
};

static int start_asking(const struct ways *w, struct asking *ret)
{
	size_t n = w->m->n_libraries;
	struct asking a = {
		.round = arena_take(w->arena, n * sizeof(*a.round)),
		.level = arena_take(w->arena, n * sizeof(*a.level)),
		.next = arena_take(w->arena, n * sizeof(*a.next)),
		.kinds = arena_take(w->arena, n * sizeof(*a.kinds)),
		.queue = arena_take(w->arena, n * sizeof(*a.queue)),
	};

	if (!a.round || !a.level || !a.next || !a.kinds || !a.queue)
		return -ENOMEM;
	memset(a.round, 0, n * sizeof(*a.round));
	*ret = a;
	return 0;
}

/* The library that asked, or NOWHERE when it was the program, or somebody unknown. */
static uint32_t requester_index(const struct ways *w, const Footprint__Loader *loader)
{
	const Footprint__Library *library = view_find_library(w->m, &loader->requester);

	if (!library || !compare_paths(&loader->requester, &w->m->executables[loader->by]->path))
		return NOWHERE;
	return view_library_index(w->m, library);
}

static enum why_kind kind_of_loader(const Footprint__Loader *loader)
{
	if (loader->loaded == FOOTPRINT__LOADED__LOADED_DLOPEN)
		return WHY_LOADED;
	if (loader->loaded == FOOTPRINT__LOADED__LOADED_UNOBSERVED)
		return WHY_UNOBSERVED;
	return WHY_NEEDS;
}

/* Where the program's loaders begin: they are sorted by program. */
static size_t first_loader(const Footprint__Library *library, uint32_t by)
{
	size_t low = 0, high = library->n_loaders;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (library->loaders[middle]->by < by)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void come_to(struct asking *a, uint32_t library, uint32_t next, enum why_kind kind)
{
	if (a->round[library] == a->rounds)
		return;
	a->round[library] = a->rounds;
	a->level[library] = next == NOWHERE ? 1 : a->level[next] + 1;
	a->next[library] = next;
	a->kinds[library] = kind;
	a->queue[a->tail++] = library;
}

/* Looks at who asks for the library; true when the program does. */
static bool ask(const struct ways *w, struct asking *a, uint32_t at)
{
	const Footprint__Library *library = w->m->libraries[at];

	for (size_t i = first_loader(library, a->by); i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];
		uint32_t requester;

		if (loader->by != a->by)
			break;
		requester = requester_index(w, loader);
		if (requester == NOWHERE) {
			a->first_kind = kind_of_loader(loader);
			return true;
		}
		come_to(a, requester, at, kind_of_loader(loader));
	}
	return false;
}

/* The first library of the program's shortest way to this one; NOWHERE: none of `limit` libraries
 * at most. */
static uint32_t find_first(
	const struct ways *w, struct asking *a, uint32_t by, uint32_t library, uint32_t limit)
{
	a->by = by;
	a->rounds++;
	a->head = a->tail = 0;
	come_to(a, library, NOWHERE, WHY_NEEDS);
	while (a->head < a->tail) {
		uint32_t at = a->queue[a->head++];

		if (a->level[at] > limit)
			break;
		if (ask(w, a, at))
			return at;
	}
	return NOWHERE;
}

/* The program whose whole way, its own and that to the library, is the shortest; of several the
 * first by path. NOWHERE: they all name each other in a circle, and none of them a program. */
static uint32_t nearest_loader(const struct ways *w, struct asking *a, uint32_t library)
{
	const Footprint__Library *one = w->m->libraries[library];
	uint32_t best = NOWHERE, length = UINT32_MAX;

	for (size_t i = 0; i < one->n_loaders; i++) {
		uint32_t by = one->loaders[i]->by, first;

		if (!loader_is_programs_first(one, i) || w->distance[by] + 1 >= length)
			continue;
		first = find_first(w, a, by, library, length - w->distance[by] - 1);
		if (first == NOWHERE)
			continue;
		best = by;
		length = w->distance[by] + a->level[first];
	}
	return best;
}

/* From the program over what asks for what to the library. */
static int add_library_chain(const struct ways *w, struct asking *a, uint32_t by, uint32_t library,
	struct why_chain *chain)
{
	uint32_t at = find_first(w, a, by, library, UINT32_MAX);
	enum why_kind kind = a->first_kind;

	if (add_way(w, by, a->level[at], chain) < 0)
		return -ENOMEM;
	for (; at != NOWHERE; at = a->next[at]) {
		chain->steps[chain->n_steps++] = (struct why_step){
			.kind = kind,
			.path = w->m->libraries[at]->path,
		};
		kind = a->kinds[at];
	}
	return 0;
}

/* Who has it loaded is all that is known: nothing leads from the program to it. */
static int add_short_chain(
	const struct ways *w, const Footprint__Library *library, struct why_chain *chain)
{
	const Footprint__Loader *best = NULL;

	for (size_t i = 0; i < library->n_loaders; i++)
		if (!best || is_nearer(w, library->loaders[i]->by, best->by))
			best = library->loaders[i];
	if (!best)
		return -ENOENT;
	if (add_way(w, best->by, 1, chain) < 0)
		return -ENOMEM;
	chain->steps[chain->n_steps++] = (struct why_step){
		.kind = kind_of_loader(best),
		.path = library->path,
	};
	return 0;
}

static int explain_library(
	const struct ways *w, const Footprint__Library *library, struct why_chain *chain)
{
	uint32_t index = view_library_index(w->m, library), by;
	struct asking asking;

	if (start_asking(w, &asking) < 0)
		return -ENOMEM;
	by = nearest_loader(w, &asking, index);
	return by == NOWHERE ? add_short_chain(w, library, chain)
			     : add_library_chain(w, &asking, by, index, chain);
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
static int add_last_step(
	const struct ways *w, uint32_t user, struct why_step step, struct why_chain *chain)
{
	if (user != NOWHERE && add_way(w, user, 1, chain) < 0)
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
		if (!is_nearer(w, file->uses[i]->by, best))
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
		return add_way(w, program_index(w->m, path), 0, chain);
	if (library && library->n_loaders)
		return explain_library(w, library, chain);
	if (file)
		return explain_file(w, file, chain);
	return missing ? explain_missing(w, missing, chain) : -ENOENT;
}

/* --- the question --- */

/* Room for one more answer; NULL: no memory. */
static struct why_chain *add_chain(struct why *why, ProtobufCBinaryData path)
{
	size_t n = why->n_chains;

	if ((n & (n - 1)) == 0) { /* full: there is room for a power of two */
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

/* "libz.so.1", or the name of a library's file; as `text` where it stands as a text in the
 * manifest. There may be several of that name. */
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
		if (!chain || explain_library(w, library, chain) < 0)
			return -ENOMEM;
	}
	return why->n_chains ? 0 : -ENOENT;
}

/* One address may have been used in several ways. */
static int explain_address(const struct ways *w, const char *address, struct why *why)
{
	ProtobufCBinaryData name = { strlen(address), (uint8_t *)(uintptr_t)address };

	for (size_t i = 0; i < w->m->n_endpoints; i++) {
		const Footprint__Endpoint *endpoint = w->m->endpoints[i];
		struct why_chain *chain;

		if (strcmp(endpoint->address, address))
			continue;
		chain = add_chain(why, name);
		if (!chain || explain_endpoint(w, endpoint, chain) < 0)
			return -ENOMEM;
	}
	return why->n_chains ? 0 : -ENOENT;
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

/* Of all but paths the manifest has no bytes that are not UTF-8: they stand there escaped. */
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
		r = explain_address(w, text, why);
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
	/* As it was typed, as text has it, as JSON has it. */
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
