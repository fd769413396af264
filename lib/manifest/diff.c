#include "lib/manifest/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/cleanup.h"
#include "lib/manifest/compare.h"
#include "lib/manifest/diff_marks.h"
#include "lib/manifest/find.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/pair.h"

/* How the entries of one group are compared. They are in canonical order on both sides. */
struct group_rules {
	size_t (*count)(const Footprint__Manifest *m);
	/* Compares the names of two entries: below 0, 0, above 0. */
	int (*order)(const struct comparison *c, size_t before, size_t after);
	/* What differs between two entries for the same thing. */
	uint32_t (*compare)(const struct comparison *c, size_t before, size_t after);
	/* Is this entry left out, because it is listed in another group? NULL: none is. */
	bool (*is_elsewhere)(
		const struct comparison *c, const Footprint__Manifest *m, size_t index);
};

/* --- the groups --- */

#define LIST_RULES(name, field, order_expression, compare_expression)                              \
	static size_t count_##name(const Footprint__Manifest *m)                                   \
	{                                                                                          \
		return m->n_##field;                                                               \
	}                                                                                          \
	static int order_##name(const struct comparison *c, size_t before, size_t after)           \
	{                                                                                          \
		const __typeof__(**c->before->field) *a = c->before->field[before];                \
		const __typeof__(**c->after->field) *b = c->after->field[after];                   \
		return order_expression;                                                           \
	}                                                                                          \
	static uint32_t compare_##name##_at(                                                       \
		const struct comparison *c, size_t before, size_t after)                           \
	{                                                                                          \
		const __typeof__(**c->before->field) *a = c->before->field[before];                \
		const __typeof__(**c->after->field) *b = c->after->field[after];                   \
		(void)a, (void)b;                                                                  \
		return compare_expression;                                                         \
	}

static int order_text(const char *a, const char *b, int otherwise)
{
	int order = strcmp(a, b);

	return order ? order : otherwise;
}

static int order_endpoint(const Footprint__Endpoint *a, const Footprint__Endpoint *b)
{
	if (a->operation != b->operation)
		return a->operation < b->operation ? -1 : 1;
	return strcmp(a->address, b->address);
}

static int order_gap(const Footprint__Gap *a, const Footprint__Gap *b)
{
	int order = compare_paths(&a->path, &b->path);

	return order_text(a->kind, b->kind, order ? order : strcmp(a->detail, b->detail));
}

static uint32_t compare_packages(const Footprint__Package *a, const Footprint__Package *b)
{
	return (strcmp(a->version, b->version) ? DIFFERENCE_VERSION : 0) |
	       (strcmp(a->name, b->name) ? DIFFERENCE_NAME : 0);
}

LIST_RULES(programs, executables, compare_paths(&a->path, &b->path), compare_programs(c, a, b))
LIST_RULES(libraries, libraries, compare_paths(&a->path, &b->path), compare_libraries(c, a, b))
LIST_RULES(packages, packages,
	order_text(a->manager, b->manager,
		order_text(a->name, b->name,
			order_text(
				a->version, b->version, strcmp(a->architecture, b->architecture)))),
	compare_packages(a, b))
LIST_RULES(files, files, compare_paths(&a->path, &b->path), compare_files(c, a, b))
LIST_RULES(endpoints, endpoints, order_endpoint(a, b), compare_endpoints(c, a, b))
LIST_RULES(missing, missing, compare_paths(&a->path, &b->path), compare_missing(c, a, b))
LIST_RULES(gaps, gaps, order_gap(a, b), 0)

static bool has_image(const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	return view_find_program(m, path) || view_find_library(m, path);
}

/* Is it one on either side? A file that has become a program was not removed. */
static bool is_program_or_library(
	const struct comparison *c, const Footprint__Manifest *m, size_t file)
{
	const ProtobufCBinaryData *path = &m->files[file]->path;

	return has_image(c->before, path) || has_image(c->after, path);
}

#define RULES(name, elsewhere)                                                                     \
	{                                                                                          \
		count_##name, order_##name, compare_##name##_at, elsewhere                         \
	}

static const struct group_rules rules[N_CHANGE_GROUPS] = {
	[GROUP_PROGRAMS] = RULES(programs, NULL),
	[GROUP_LIBRARIES] = RULES(libraries, NULL),
	[GROUP_PACKAGES] = RULES(packages, NULL),
	[GROUP_FILES] = RULES(files, is_program_or_library),
	[GROUP_ENDPOINTS] = RULES(endpoints, NULL),
	[GROUP_MISSING] = RULES(missing, NULL),
	[GROUP_GAPS] = RULES(gaps, NULL),
};

/* --- lists of changes --- */

struct work {
	struct comparison c;
	const struct group_rules *rules;
	struct change_list list;
	size_t room;
	struct arena arena; /* of path shapes */
};

static int append(struct work *w, struct change change)
{
	if (w->list.n == w->room) {
		size_t room = w->room ? w->room * 2 : 16;
		struct change *larger = reallocarray(w->list.changes, room, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		w->list.changes = larger;
		w->room = room;
	}
	w->list.changes[w->list.n++] = change;
	return 0;
}

static size_t skip_elsewhere(const struct work *w, const Footprint__Manifest *m, size_t at)
{
	while (w->rules->is_elsewhere && at < w->rules->count(m) &&
		w->rules->is_elsewhere(&w->c, m, at))
		at++;
	return at;
}

/* Both lists are sorted, so one walk finds what was removed and added. Entries of both sides are
 * kept for later, when it is known which programs are the same under another path. */
static int collect(struct work *w)
{
	size_t n_before = w->rules->count(w->c.before), n_after = w->rules->count(w->c.after);
	size_t before = skip_elsewhere(w, w->c.before, 0), after = skip_elsewhere(w, w->c.after, 0);

	while (before < n_before || after < n_after) {
		struct change change = { .before = before, .after = after };
		int order;

		if (before == n_before || after == n_after)
			order = before == n_before ? 1 : -1;
		else
			order = w->rules->order(&w->c, before, after);
		change.kind = order < 0	  ? CHANGE_REMOVED
			      : order > 0 ? CHANGE_ADDED
					  : CHANGE_CHANGED;
		if (append(w, change) < 0)
			return -ENOMEM;
		if (order <= 0)
			before = skip_elsewhere(w, w->c.before, before + 1);
		if (order >= 0)
			after = skip_elsewhere(w, w->c.after, after + 1);
	}
	return 0;
}

/* --- pairs of what went and what came --- */

/* Makes one change of a removal and an addition, unless there are several: the removal becomes the
 * pair, and the addition is dropped later (settle). */
static void join_changes(void *context, const struct pair_item *before, size_t n_before,
	const struct pair_item *after, size_t n_after)
{
	struct work *w = context;
	struct change *went = &w->list.changes[before->index];
	struct change *came = &w->list.changes[after->index];

	if (n_before != 1 || n_after != 1)
		return;
	went->after = came->after;
	went->kind = CHANGE_CHANGED;
	came->kind = N_CHANGE_KINDS;
}

#define NAME_OF_RUN UINT32_MAX /* `what` of an addition or removal that is none */

/* Marks what both sides have, under names of their own. */
static void mark_names_of_run(void *context, const struct pair_item *before, size_t n_before,
	const struct pair_item *after, size_t n_after)
{
	struct work *w = context;

	for (size_t i = 0; i < n_before; i++)
		w->list.changes[before[i].index].what = NAME_OF_RUN;
	for (size_t i = 0; i < n_after; i++)
		w->list.changes[after[i].index].what = NAME_OF_RUN;
}

static size_t gather(
	struct work *w, enum change_kind kind, diff_mark *mark, struct pair_item *items)
{
	const struct marking marking = { &w->c, &w->arena };
	size_t n = 0;

	for (size_t i = 0; i < w->list.n; i++) {
		const struct change *change = &w->list.changes[i];

		if (change->kind != kind)
			continue;
		items[n].index = i;
		items[n++].mark = kind == CHANGE_REMOVED
					  ? mark(&marking, w->c.before, change->before)
					  : mark(&marking, w->c.after, change->after);
	}
	return n;
}

static int find_pairs(struct work *w, diff_mark *mark, pair_found *found)
{
	autofree struct pair_item *went = calloc(w->list.n + 1, sizeof(*went));
	autofree struct pair_item *came = calloc(w->list.n + 1, sizeof(*came));
	size_t n_went, n_came;

	if (!went || !came)
		return -ENOMEM;
	n_went = gather(w, CHANGE_REMOVED, mark, went);
	n_came = gather(w, CHANGE_ADDED, mark, came);
	pair_equal(went, n_went, came, n_came, found, w);
	arena_clear(&w->arena);
	return 0;
}

static int find_all_pairs(struct work *w, enum change_group group)
{
	for (size_t i = 0; i < DIFF_MARKS_MAX && diff_marks[group][i]; i++)
		if (find_pairs(w, diff_marks[group][i], join_changes) < 0)
			return -ENOMEM;
	return 0;
}

/* A name stays a candidate when one rule has found its like: of several, each may have another. */
static int drop_run_names(struct work *w, enum change_group group)
{
	if (!run_names_any(w->c.before) || !run_names_any(w->c.after))
		return 0;
	for (size_t i = 0; i < N_RUN_NAME_RULES && diff_run_marks[group][i]; i++)
		if (find_pairs(w, diff_run_marks[group][i], mark_names_of_run) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < w->list.n; i++)
		if (w->list.changes[i].what == NAME_OF_RUN)
			w->list.changes[i].kind = N_CHANGE_KINDS;
	return 0;
}

/* --- the whole --- */

static void fill_program_map(struct comparison *c, const struct change_list *programs)
{
	for (size_t i = 0; i < c->before->n_executables; i++)
		c->program[i] = NO_PROGRAM;
	for (size_t i = 0; i < programs->n; i++)
		if (programs->changes[i].kind == CHANGE_CHANGED)
			c->program[programs->changes[i].before] =
				(uint32_t)programs->changes[i].after;
}

/* Compares the pairs, and drops entries without a difference, the additions that a pair took over,
 * and what only has another name in each run. */
static void settle(struct work *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->list.n; i++) {
		struct change change = w->list.changes[i];

		if (change.kind == N_CHANGE_KINDS)
			continue;
		if (change.kind == CHANGE_CHANGED) {
			change.what = w->rules->compare(&w->c, change.before, change.after);
			if (!change.what)
				continue;
			if ((change.what & DIFFERENCE_PATH) && !(change.what & DIFFERENCE_CONTENT))
				change.kind = CHANGE_MOVED;
		}
		w->list.changes[kept++] = change;
	}
	w->list.n = kept;
}

/* Finds what was removed and added in one group, and which of these are pairs. */
static int match_group(struct work *w, enum change_group group)
{
	w->rules = &rules[group];
	w->list = (struct change_list){ 0 };
	w->room = 0;
	if (collect(w) < 0 || drop_run_names(w, group) < 0 || find_all_pairs(w, group) < 0) {
		free(w->list.changes);
		return -ENOMEM;
	}
	return 0;
}

static int make_groups(struct work *w, struct diff *diff)
{
	for (int group = 0; group < N_CHANGE_GROUPS; group++) {
		if (match_group(w, group) < 0)
			return -ENOMEM;
		/* Programs come first, because the entries of other groups are compared by their
		 * users. */
		if (group == GROUP_PROGRAMS)
			fill_program_map(&w->c, &w->list);
		settle(w);
		diff->groups[group] = w->list;
	}
	return 0;
}

int diff_make(const Footprint__Manifest *before, const Footprint__Manifest *after, struct diff *ret)
{
	struct diff diff = {
		.before = before,
		.after = after,
		.program = calloc(before->n_executables + 1, sizeof(*diff.program)),
	};
	struct work w = { .c = { before, after, diff.program } };

	if (!diff.program)
		return -ENOMEM;
	if (make_groups(&w, &diff) < 0) {
		diff_deinit(&diff);
		return -ENOMEM;
	}
	*ret = diff;
	return 0;
}

void diff_deinit(struct diff *diff)
{
	for (int group = 0; group < N_CHANGE_GROUPS; group++)
		free(diff->groups[group].changes);
	memset(diff->groups, 0, sizeof(diff->groups));
	free(diff->program);
	diff->program = NULL;
}

bool diff_is_empty(const struct diff *diff)
{
	for (int group = 0; group < N_CHANGE_GROUPS; group++)
		if (diff->groups[group].n)
			return false;
	return true;
}

struct change_counts diff_count(const struct diff *diff, enum change_group group)
{
	const struct change_list *list = &diff->groups[group];
	struct change_counts counts = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		enum change_kind kind = list->changes[i].kind;

		counts.added += kind == CHANGE_ADDED;
		counts.removed += kind == CHANGE_REMOVED;
		counts.moved += kind == CHANGE_MOVED;
		if (!change_is_of_users(&list->changes[i]))
			counts.changed += kind == CHANGE_CHANGED;
		else if (list->changes[i].what & DIFFERENCE_USERS)
			counts.users++;
		else
			counts.uses++;
	}
	return counts;
}

const Footprint__File *diff_file(
	const Footprint__Manifest *m, enum change_group group, size_t index)
{
	switch (group) {
	case GROUP_PROGRAMS:
		return view_find_file(m, &m->executables[index]->path);
	case GROUP_LIBRARIES:
		return view_find_file(m, &m->libraries[index]->path);
	case GROUP_FILES:
		return m->files[index];
	default:
		return NULL;
	}
}

uint32_t diff_access_mask(enum change_group group)
{
	bool image = group == GROUP_PROGRAMS || group == GROUP_LIBRARIES;

	return ~(uint32_t)(image ? ACCESS_EXEC | ACCESS_LOAD | ACCESS_UNOBSERVED : 0);
}
