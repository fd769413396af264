/* Notes in a diff: the programs that use a thing, and which of them were added and removed. */
#include "tools/diff_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/manifest/find.h"
#include "lib/manifest/words.h"
#include "tools/terminal.h"

/* A list of programs, by index. There is room for all programs of a manifest. */
struct programs {
	uint32_t *list;
	size_t n;
};

static struct programs no_programs(const Footprint__Manifest *m)
{
	struct programs p = { calloc(m->n_executables + 1, sizeof(uint32_t)), 0 };

	if (!p.list)
		abort(); /* a command may abort when there is no memory */
	return p;
}

static void add_program(struct programs *p, uint32_t program)
{
	/* Lists of users are sorted, so a program that is in the list already is the last one. */
	if (!p->n || p->list[p->n - 1] != program)
		p->list[p->n++] = program;
}

static void add_starters(struct programs *p, const Footprint__Manifest *m, size_t index)
{
	for (size_t i = 0; i < m->n_executables; i++)
		for (size_t n = 0; n < m->executables[i]->n_executes; n++)
			if (m->executables[i]->executes[n] == index)
				add_program(p, (uint32_t)i);
}

static void add_listed(struct programs *p, size_t n, const uint32_t *by)
{
	for (size_t i = 0; i < n; i++)
		add_program(p, by[i]);
}

static void add_file_users(struct programs *p, const Footprint__File *file, uint32_t mask)
{
	for (size_t i = 0; file && i < file->n_uses; i++)
		if (file->uses[i]->access & mask)
			add_program(p, file->uses[i]->by);
}

/* The programs that use an entry. The caller frees the list. */
static struct programs users_of(const Footprint__Manifest *m, enum change_group group, size_t index)
{
	struct programs p = no_programs(m);

	if (group == GROUP_PROGRAMS)
		add_starters(&p, m, index);
	if (group == GROUP_LIBRARIES)
		for (size_t i = 0; i < m->libraries[index]->n_loaders; i++)
			add_program(&p, m->libraries[index]->loaders[i]->by);
	if (group == GROUP_FILES)
		add_file_users(&p, m->files[index], diff_access_mask(group));
	if (group == GROUP_ENDPOINTS)
		add_listed(&p, m->endpoints[index]->n_by, m->endpoints[index]->by);
	if (group == GROUP_MISSING)
		add_listed(&p, m->missing[index]->n_by, m->missing[index]->by);
	return p;
}

/* The programs that do more with the file of a program or library than executing or loading it. */
static struct programs file_users_of(
	const Footprint__Manifest *m, enum change_group group, size_t index)
{
	struct programs p = no_programs(m);

	add_file_users(&p, diff_file(m, group, index), diff_access_mask(group));
	return p;
}

static struct programs children_of(
	const Footprint__Manifest *m, enum change_group group, size_t index)
{
	struct programs p = no_programs(m);

	(void)group;
	add_listed(&p, m->executables[index]->n_executes, m->executables[index]->executes);
	return p;
}

/* "needed by git; dlopen by python3.11": each program once, by its strongest reason. */
static void note_loaders(
	struct line *l, const Footprint__Manifest *m, const Footprint__Library *library)
{
	for (Footprint__Loaded how = 0; how <= FOOTPRINT__LOADED__LOADED_UNOBSERVED; how++) {
		struct programs p = no_programs(m);

		for (size_t i = 0; i < library->n_loaders; i++)
			if (library->loaders[i]->loaded == how &&
				loader_is_programs_first(library, i))
				add_program(&p, library->loaders[i]->by);
		line_note_programs(l, m, loaded_phrase(how), p.n, p.list);
		free(p.list);
	}
}

static void note_target(struct line *l, const Footprint__File *file)
{
	if (!file->target.len)
		return;
	line_begin_note(l);
	fputs("symlink to ", l->out);
	terminal_path(l->out, &file->target);
}

void line_note_users(struct line *l, const Footprint__Manifest *m, size_t index)
{
	const char *verb = l->group == GROUP_PROGRAMS ? "started by" : "by";
	struct programs users;
	char words[ACCESS_WORDS_SIZE];

	if (l->group == GROUP_LIBRARIES) {
		note_loaders(l, m, m->libraries[index]);
		return;
	}
	if (l->group == GROUP_FILES) {
		note_target(l, m->files[index]);
		access_words(file_access(m->files[index]), words);
		line_begin_note(l);
		fputs(words, l->out);
	}
	users = users_of(m, l->group, index);
	line_note_programs(l, m, verb, users.n, users.list);
	free(users.list);
}

/* Removes a program from the list. True: it was there. */
static bool drop_program(struct programs *p, uint32_t program)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i] == program) {
			p->n--;
			memmove(&p->list[i], &p->list[i + 1], (p->n - i) * sizeof(*p->list));
			return true;
		}
	return false;
}

/* Removes the programs that both sides have. */
static void drop_common(const struct diff *diff, struct programs *before, struct programs *after)
{
	size_t kept = 0;

	for (size_t i = 0; i < before->n; i++)
		if (!drop_program(after, diff->program[before->list[i]]))
			before->list[kept++] = before->list[i];
	before->n = kept;
}

typedef struct programs list_programs(
	const Footprint__Manifest *m, enum change_group group, size_t index);

/* "now by getent; no longer by date": notes the programs that only one side has. */
static void note_other_programs(
	struct line *l, list_programs *list, const char *now, const char *no_longer)
{
	const Footprint__Manifest *before = l->diff->before, *after = l->diff->after;
	struct programs came = list(after, l->group, l->change->after);
	struct programs went = list(before, l->group, l->change->before);

	drop_common(l->diff, &went, &came);
	line_note_programs(l, after, now, came.n, came.list);
	line_note_programs(l, before, no_longer, went.n, went.list);
	free(came.list);
	free(went.list);
}

void line_note_other_users(struct line *l)
{
	/* Which programs execute a program is noted at those programs. */
	if (l->group != GROUP_PROGRAMS)
		note_other_programs(l, users_of, "now by", "no longer by");
	if (l->group == GROUP_PROGRAMS || l->group == GROUP_LIBRARIES)
		note_other_programs(l, file_users_of, "now used by", "no longer used by");
}

void line_note_other_children(struct line *l)
{
	note_other_programs(l, children_of, "now executes", "no longer executes");
}

static const Footprint__Use *use_after(
	const struct diff *diff, const Footprint__File *after, uint32_t before)
{
	uint32_t by = diff->program[before];

	for (size_t i = 0; i < after->n_uses; i++)
		if (after->uses[i]->by == by)
			return after->uses[i];
	return NULL;
}

/* "nginx: read -> read write"; `n` such notes precede it. */
static void note_other_use(
	struct line *l, size_t n, uint32_t program, const char *before, const char *after)
{
	if (n >= LINE_NAMES_SHOWN)
		return;
	line_begin_note(l);
	terminal_name(l->out, &l->diff->after->executables[program]->path);
	fprintf(l->out, ": %s -> %s", before, after);
}

static void note_more(struct line *l, size_t n)
{
	if (n > LINE_NAMES_SHOWN)
		fprintf(l->out, " +%zu", n - LINE_NAMES_SHOWN);
}

void line_note_other_uses(struct line *l)
{
	const Footprint__File *before = diff_file(l->diff->before, l->group, l->change->before);
	const Footprint__File *after = diff_file(l->diff->after, l->group, l->change->after);
	uint32_t mask = diff_access_mask(l->group);
	char old_words[ACCESS_WORDS_SIZE], new_words[ACCESS_WORDS_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < before->n_uses; i++) {
		const Footprint__Use *now = use_after(l->diff, after, before->uses[i]->by);
		uint32_t old_access = before->uses[i]->access & mask;
		uint32_t new_access = now ? now->access & mask : 0;

		if (!old_access || !new_access || old_access == new_access)
			continue;
		access_words(old_access, old_words);
		access_words(new_access, new_words);
		note_other_use(l, n++, now->by, old_words, new_words);
	}
	note_more(l, n);
}

#define WAYS_SIZE 32

/* "needed dlopen": all ways in which the program loads the library. */
static void ways_of(const Footprint__Library *library, uint32_t by, char buffer[static WAYS_SIZE])
{
	int last = -1;
	size_t used = 0;

	buffer[0] = '\0';
	for (size_t i = 0; i < library->n_loaders; i++) {
		const Footprint__Loader *loader = library->loaders[i];

		if (loader->by != by || (int)loader->loaded == last)
			continue; /* loaders are sorted by program and way */
		last = (int)loader->loaded;
		used += (size_t)snprintf(buffer + used, WAYS_SIZE - used, "%s%s", used ? " " : "",
			loaded_word(loader->loaded));
	}
}

void line_note_other_ways(struct line *l)
{
	const Footprint__Library *before = l->diff->before->libraries[l->change->before];
	const Footprint__Library *after = l->diff->after->libraries[l->change->after];
	char old_ways[WAYS_SIZE], new_ways[WAYS_SIZE];
	size_t n = 0;

	for (size_t i = 0; i < before->n_loaders; i++) {
		uint32_t by = l->diff->program[before->loaders[i]->by];

		if (!loader_is_programs_first(before, i) || by == NO_PROGRAM)
			continue;
		ways_of(before, before->loaders[i]->by, old_ways);
		ways_of(after, by, new_ways);
		if (strcmp(old_ways, new_ways))
			note_other_use(l, n++, by, old_ways, new_ways);
	}
	note_more(l, n);
}
