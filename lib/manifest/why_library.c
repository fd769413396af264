/* The shortest chain to a library: through programs, and within the last one through libraries that
 * ask for each other. */
#include "lib/manifest/why_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/find.h"
#include "lib/manifest/words.h"

/* A library needs this name. */
struct need {
	const char *name;
	uint32_t library;
};

/*
 * A search for the shortest way from a program to a library, through libraries that ask for each
 * other. It starts at the library and goes backwards, so it only visits libraries that lead there.
 */
struct library_search {
	uint32_t by;	      /* the program */
	uint32_t *round;      /* of each library: the last search that reached it */
	uint32_t *level;      /* how many libraries the way from it has, both ends included */
	uint32_t *next;	      /* the library that it asks for */
	enum why_kind *kinds; /* how it does that */
	uint32_t *queue;
	size_t head, tail;
	uint32_t rounds;
	enum why_kind first_kind; /* how the program asks for the first library */
	struct need *needs;	  /* of all libraries, by name */
	size_t n_needs;
};

static int compare_needs(const void *a, const void *b)
{
	const struct need *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->library > y->library) - (x->library < y->library);
}

static int list_needs(const struct ways *w, struct arena *arena, struct library_search *a)
{
	size_t n = 0;

	for (size_t i = 0; i < w->m->n_libraries; i++)
		n += w->m->libraries[i]->n_needed;
	a->needs = arena_take(arena, n * sizeof(*a->needs));
	if (!a->needs)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->m->n_libraries; i++)
		for (size_t j = 0; j < w->m->libraries[i]->n_needed; j++)
			a->needs[a->n_needs++] = (struct need){ w->m->libraries[i]->needed[j], i };
	qsort(a->needs, n, sizeof(*a->needs), compare_needs);
	return 0;
}

static int start_asking(const struct ways *w, struct arena *arena, struct library_search *ret)
{
	size_t n = w->m->n_libraries;
	struct library_search a = {
		.round = arena_take(arena, n * sizeof(*a.round)),
		.level = arena_take(arena, n * sizeof(*a.level)),
		.next = arena_take(arena, n * sizeof(*a.next)),
		.kinds = arena_take(arena, n * sizeof(*a.kinds)),
		.queue = arena_take(arena, n * sizeof(*a.queue)),
	};

	if (!a.round || !a.level || !a.next || !a.kinds || !a.queue)
		return -ENOMEM;
	memset(a.round, 0, n * sizeof(*a.round));
	if (list_needs(w, arena, &a) < 0)
		return -ENOMEM;
	*ret = a;
	return 0;
}

static bool program_asked(const struct ways *w, const Footprint__Loader *loader)
{
	return !compare_paths(&loader->requester, &w->m->executables[loader->by]->path);
}

/* The library that asked; NOWHERE: it was the program, or it is not known. */
static uint32_t requester_index(const struct ways *w, const Footprint__Loader *loader)
{
	const Footprint__Library *library = view_find_library(w->m, &loader->requester);

	if (!library || program_asked(w, loader))
		return NOWHERE;
	return view_library_index(w->m, library);
}

/* Does the library that asked need this one, by its soname, or by its file name if it has no
 * soname? */
static bool is_needed(
	const struct ways *w, const Footprint__Library *library, const Footprint__Loader *loader)
{
	const Footprint__Library *requester = view_find_library(w->m, &loader->requester);
	const uint8_t *end = library->path.data + library->path.len;

	for (size_t i = 0; requester && i < requester->n_needed; i++) {
		const char *needed = requester->needed[i];
		size_t size = strlen(needed);

		if (*library->soname ? !strcmp(needed, library->soname)
				     : size < library->path.len && *(end - size - 1) == '/' &&
					       !memcmp(end - size, needed, size))
			return true;
	}
	return false;
}

/* What a dlopened library needs was loaded by that dlopen, and for the program it is "dlopened".
 * But the library needs it nevertheless. */
static enum why_kind kind_of_loader(
	const struct ways *w, const Footprint__Library *library, const Footprint__Loader *loader)
{
	if (loader->loaded == FOOTPRINT__LOADED__LOADED_UNOBSERVED)
		return WHY_UNOBSERVED;
	if (loader->loaded == FOOTPRINT__LOADED__LOADED_DLOPEN && !is_needed(w, library, loader))
		return WHY_LOADED;
	return requester_index(w, loader) != NOWHERE || program_asked(w, loader) ? WHY_NEEDS
										 : WHY_HAD;
}

/* The first of the program's loaders, which are sorted by program. */
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

static void visit(struct library_search *a, uint32_t library, uint32_t next, enum why_kind kind)
{
	if (a->round[library] == a->rounds)
		return;
	a->round[library] = a->rounds;
	a->level[library] = next == NOWHERE ? 1 : a->level[next] + 1;
	a->next[library] = next;
	a->kinds[library] = kind;
	a->queue[a->tail++] = library;
}

/* The first of the needs with this name, or where it would be. */
static size_t first_need(const struct library_search *a, const char *name)
{
	size_t low = 0, high = a->n_needs;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(a->needs[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Looks for libraries that the program has loaded, too, and that need this one by `name`. False:
 * there is none. */
static bool visit_needers(const struct ways *w, struct library_search *a, uint32_t at,
	const char *name, enum why_kind kind)
{
	bool any = false;

	for (size_t i = first_need(a, name); i < a->n_needs && !strcmp(a->needs[i].name, name);
		i++) {
		uint32_t needer = a->needs[i].library;
		const Footprint__Library *library = w->m->libraries[needer];
		size_t loader = first_loader(library, a->by);

		if (needer == at || loader == library->n_loaders ||
			library->loaders[loader]->by != a->by)
			continue;
		visit(a, needer, at, kind);
		any = true;
	}
	return any;
}

/* The same by the library's soname or the name of its file: it is not known who asked, as with
 * LD_LIBRARY_PATH, which belongs to a process, and not to an ELF file that could be read. */
static bool visit_probable(const struct ways *w, struct library_search *a, uint32_t at,
	const Footprint__Loader *loader)
{
	const Footprint__Library *library = w->m->libraries[at];
	const uint8_t *slash = memrchr(library->path.data, '/', library->path.len);
	size_t size = (size_t)(library->path.data + library->path.len - slash) - 1;
	autofree char *file = strndup((const char *)slash + 1, size);
	enum why_kind kind =
		loader->loaded == FOOTPRINT__LOADED__LOADED_UNOBSERVED ? WHY_UNOBSERVED : WHY_NEEDS;
	bool any = *library->soname && visit_needers(w, a, at, library->soname, kind);

	/* Without memory for the name, it stays unknown. */
	return (file && visit_needers(w, a, at, file, kind)) || any;
}

/* Looks at who asks for the library. True: the program does. */
static bool visit_requesters(const struct ways *w, struct library_search *a, uint32_t at)
{
	const Footprint__Library *library = w->m->libraries[at];

	for (size_t i = first_loader(library, a->by); i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];
		uint32_t requester;

		if (loader->by != a->by)
			break;
		requester = requester_index(w, loader);
		if (requester == NOWHERE && !program_asked(w, loader) &&
			visit_probable(w, a, at, loader))
			continue;
		if (requester == NOWHERE) {
			a->first_kind = kind_of_loader(w, library, loader);
			return true;
		}
		visit(a, requester, at, kind_of_loader(w, library, loader));
	}
	return false;
}

/* The first library on the program's shortest way to this one. NOWHERE: there is no way through at
 * most `limit` libraries. */
static uint32_t find_first(const struct ways *w, struct library_search *a, uint32_t by,
	uint32_t library, uint32_t limit)
{
	a->by = by;
	a->rounds++;
	a->head = a->tail = 0;
	visit(a, library, NOWHERE, WHY_NEEDS);
	while (a->head < a->tail) {
		uint32_t at = a->queue[a->head++];

		if (a->level[at] > limit)
			break;
		if (visit_requesters(w, a, at))
			return at;
	}
	return NOWHERE;
}

/* The program with the shortest way to the library, counting the way to the program; among several,
 * the first by path. NOWHERE: libraries ask for each other in a circle, and no program asks for any
 * of them. */
static uint32_t nearest_loader(const struct ways *w, struct library_search *a, uint32_t library)
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

/* Adds the chain from the program to the library. */
static int add_library_chain(const struct ways *w, struct library_search *a, uint32_t by,
	uint32_t library, struct why_chain *chain)
{
	uint32_t at = find_first(w, a, by, library, UINT32_MAX);
	enum why_kind kind = a->first_kind;

	if (why_add_way(w, by, a->level[at], chain) < 0)
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

static enum why_kind kind_without_chain(const Footprint__Loader *loader)
{
	switch (loader->loaded) {
	case FOOTPRINT__LOADED__LOADED_UNOBSERVED:
		return WHY_UNOBSERVED;
	case FOOTPRINT__LOADED__LOADED_DLOPEN:
		return WHY_LOADED;
	default:
		return WHY_HAD;
	}
}

/* Only known is which program has loaded it: no chain leads from that program to it. */
static int add_short_chain(
	const struct ways *w, const Footprint__Library *library, struct why_chain *chain)
{
	const Footprint__Loader *best = NULL;

	for (size_t i = 0; i < library->n_loaders; i++)
		if (!best || why_is_nearer(w, library->loaders[i]->by, best->by))
			best = library->loaders[i];
	if (!best)
		return -ENOENT;
	if (why_add_way(w, best->by, 1, chain) < 0)
		return -ENOMEM;
	chain->steps[chain->n_steps++] = (struct why_step){
		.kind = kind_without_chain(best),
		.path = library->path,
	};
	return 0;
}

DEFINE_CLEANUP(clear_arena, struct arena *, arena_clear)

int why_explain_library(
	const struct ways *w, const Footprint__Library *library, struct why_chain *chain)
{
	struct arena arena = { 0 };
	__attribute__((cleanup(clear_arena))) struct arena *search = &arena;
	uint32_t index = view_library_index(w->m, library), by;
	struct library_search asking;

	if (start_asking(w, search, &asking) < 0)
		return -ENOMEM;
	by = nearest_loader(w, &asking, index);
	return by == NOWHERE ? add_short_chain(w, library, chain)
			     : add_library_chain(w, &asking, by, index, chain);
}
