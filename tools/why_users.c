#include "tools/why_users.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/find.h"
#include "lib/manifest/json_parts.h"
#include "lib/manifest/words.h"
#include "tools/terminal.h"

#define NAMES_SHOWN 20

static bool is_program(enum why_kind kind)
{
	return kind == WHY_BEGAN || kind == WHY_APPEARED || kind == WHY_EXECUTED ||
	       kind == WHY_INTERPRETED;
}

/* --- the users, as marks by the index of a program --- */

static void mark_starters(bool *users, const Footprint__Manifest *m, uint32_t program)
{
	for (size_t i = 0; i < m->n_executables; i++)
		for (size_t n = 0; n < m->executables[i]->n_executes; n++)
			users[i] |= m->executables[i]->executes[n] == program;
}

static void mark_listed(bool *users, size_t n, const uint32_t *by)
{
	for (size_t i = 0; i < n; i++)
		users[by[i]] = true;
}

static void mark_loaders(bool *users, const Footprint__Library *library)
{
	for (size_t i = 0; i < library->n_loaders; i++)
		users[library->loaders[i]->by] = true;
}

static void mark_file_users(bool *users, const Footprint__File *file)
{
	for (size_t i = 0; i < file->n_uses; i++)
		users[file->uses[i]->by] = true;
}

static void mark_missed(bool *users, const Footprint__Missing *missing)
{
	mark_listed(users, missing->n_by, missing->by);
}

static void mark_connected(bool *users, const Footprint__Manifest *m, const struct why_step *step)
{
	for (size_t i = 0; i < m->n_endpoints; i++)
		if (m->endpoints[i]->operation == step->operation &&
			!strcmp(m->endpoints[i]->address, step->text))
			mark_listed(users, m->endpoints[i]->n_by, m->endpoints[i]->by);
}

static void mark_users(bool *users, const Footprint__Manifest *m, const struct why_step *step)
{
	switch (step->kind) {
	case WHY_BEGAN:
	case WHY_APPEARED:
	case WHY_EXECUTED:
	case WHY_INTERPRETED:
		mark_starters(users, m, view_program_index(m, view_find_program(m, &step->path)));
		break;
	case WHY_NEEDS:
	case WHY_UNOBSERVED:
	case WHY_LOADED:
	case WHY_HAD:
		mark_loaders(users, view_find_library(m, &step->path));
		break;
	case WHY_USED:
		mark_file_users(users, view_find_file(m, &step->path));
		break;
	case WHY_MISSED:
		mark_missed(users, view_find_missing(m, &step->path));
		break;
	case WHY_CONNECTED:
		mark_connected(users, m, step);
		break;
	}
}

/* --- as a list of indexes --- */

struct users {
	uint32_t *list;
	size_t n;
};

/* The caller frees the list. */
static struct users users_of(const Footprint__Manifest *m, const struct why_chain *chain)
{
	autofree bool *marks = calloc(m->n_executables + 1, sizeof(*marks));
	struct users users = { calloc(m->n_executables + 1, sizeof(*users.list)), 0 };

	if (!marks || !users.list)
		abort(); /* a command may abort when there is no memory */
	mark_users(marks, m, &chain->steps[chain->n_steps - 1]);
	for (uint32_t i = 0; i < m->n_executables; i++)
		if (marks[i])
			users.list[users.n++] = i;
	return users;
}

/* The program by which the chain leads to its end, or NULL: a run began with that. */
static const Footprint__Executable *program_before(
	const Footprint__Manifest *m, const struct why_chain *chain)
{
	for (size_t i = chain->n_steps - 1; i-- > 0;)
		if (is_program(chain->steps[i].kind))
			return view_find_program(m, &chain->steps[i].path);
	return NULL;
}

static void drop(
	struct users *users, const Footprint__Manifest *m, const Footprint__Executable *program)
{
	size_t kept = 0;

	for (size_t i = 0; i < users->n; i++)
		if (m->executables[users->list[i]] != program)
			users->list[kept++] = users->list[i];
	users->n = kept;
}

/* --- what is printed --- */

static const char *others_phrase(enum why_kind kind)
{
	if (is_program(kind))
		return "also executed by";
	return kind == WHY_NEEDS || kind == WHY_UNOBSERVED || kind == WHY_LOADED ? "also loaded by"
	       : kind == WHY_MISSED						 ? "also sought by"
										 : "also used by";
}

/* "dash, python3.13 (read)": what each did, if it is a file. */
static void print_user(
	FILE *out, const Footprint__Manifest *m, const struct why_step *step, uint32_t user)
{
	const Footprint__File *file =
		step->kind == WHY_USED ? view_find_file(m, &step->path) : NULL;
	char access[ACCESS_WORDS_SIZE];

	terminal_name(out, &m->executables[user]->path);
	for (size_t i = 0; file && i < file->n_uses; i++)
		if (file->uses[i]->by == user) {
			access_words(file->uses[i]->access, access);
			fprintf(out, " (%s)", access);
		}
}

void why_print_others(
	FILE *out, const Footprint__Manifest *m, const struct why_chain *chain, size_t column)
{
	const struct why_step *step = &chain->steps[chain->n_steps - 1];
	struct users others = users_of(m, chain);

	drop(&others, m, program_before(m, chain));
	if (others.n)
		fprintf(out, "  %-*s", (int)column - 2, others_phrase(step->kind));
	for (size_t i = 0; i < others.n && i < NAMES_SHOWN; i++) {
		fputs(i ? ", " : "", out);
		print_user(out, m, step, others.list[i]);
	}
	if (others.n > NAMES_SHOWN)
		fprintf(out, " +%zu", others.n - NAMES_SHOWN);
	if (others.n)
		fputc('\n', out);
	free(others.list);
}

void why_put_users(struct json *j, const Footprint__Manifest *m, const struct why_chain *chain)
{
	struct users users = users_of(m, chain);

	json_put_programs(j, m, "by", users.n, users.list);
	free(users.list);
}
