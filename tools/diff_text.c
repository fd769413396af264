#include "tools/diff_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/manifest/find.h"
#include "lib/manifest/words.h"
#include "tools/terminal.h"

#define CHANGES_SHOWN 50 /* of one group, in the short form */
#define NAMES_SHOWN   3

static const struct {
	const char *heading, *one, *many;
} group_words[N_CHANGE_GROUPS] = {
	[GROUP_PROGRAMS] = { "Programs", "program", "programs" },
	[GROUP_LIBRARIES] = { "Libraries", "library", "libraries" },
	[GROUP_PACKAGES] = { "Packages", "package", "packages" },
	[GROUP_FILES] = { "Files", "file", "files" },
	[GROUP_ENDPOINTS] = { "Endpoints", "endpoint", "endpoints" },
	[GROUP_MISSING] = { "Missing: looked for and not there", "missing path", "missing paths" },
	[GROUP_GAPS] = { "Gaps", "gap", "gaps" },
};

/* --- the summary --- */

/* "2 files added, 1 removed": the noun stands with the first number only. */
struct phrase {
	FILE *out;
	enum change_group group;
	bool begun;
};

static void add_count(struct phrase *p, size_t n, const char *verb)
{
	if (!n)
		return;
	fprintf(p->out, p->begun ? ", %zu" : "%zu", n);
	if (!p->begun)
		fprintf(p->out, " %s",
			n == 1 ? group_words[p->group].one : group_words[p->group].many);
	fprintf(p->out, " %s", verb);
	p->begun = true;
}

void diff_print_summary(const struct diff *diff, FILE *out)
{
	const Footprint__Manifest *before = diff->before, *after = diff->after;
	bool colour = terminal_has_colour(out), any = false;

	terminal_style(out, colour, STYLE_HEADING);
	fprintf(out, "%s %s -> ", before->application, before->version);
	if (strcmp(before->application, after->application))
		fprintf(out, "%s ", after->application);
	fputs(after->version, out);
	terminal_style(out, colour, STYLE_PLAIN);
	for (int group = 0; group < N_CHANGE_GROUPS; group++) {
		struct change_counts counts = diff_count(diff, group);
		struct phrase phrase = { .out = out, .group = group };

		if (!diff->groups[group].n)
			continue;
		fputs(any ? "; " : ": ", out);
		any = true;
		add_count(&phrase, counts.added, "added");
		add_count(&phrase, counts.removed, "removed");
		add_count(&phrase, counts.changed, "changed");
		add_count(&phrase, counts.moved, "moved");
		add_count(&phrase, counts.users, "used by other programs");
	}
	fputs(any ? "\n" : ": no difference\n", out);
}

/* --- parts of a line --- */

struct line {
	const struct diff *diff;
	FILE *out;
	bool colour;
	const struct change *change;
	enum change_group group;
	bool noted; /* something stands behind the path */
};

/* What separates notes behind a path: two blanks, then semicolons. */
static void begin_note(struct line *l)
{
	fputs(l->noted ? "; " : "  ", l->out);
	l->noted = true;
}

static void note_change(struct line *l, const char *what, const char *before, const char *after)
{
	begin_note(l);
	fprintf(l->out, "%s %s -> %s", what, *before ? before : "none", *after ? after : "none");
}

static void note_paths(struct line *l, const char *what, const ProtobufCBinaryData *before,
	const ProtobufCBinaryData *after)
{
	begin_note(l);
	fprintf(l->out, "%s ", what);
	terminal_path(l->out, before);
	fputs(" -> ", l->out);
	terminal_path(l->out, after);
}

/* "by a, b +2": programs that one side's entry names. */
struct names {
	struct line *line;
	const Footprint__Manifest *m;
	const char *verb;
	size_t n;
};

static void add_name(struct names *names, uint32_t by)
{
	if (names->n == 0) {
		begin_note(names->line);
		fprintf(names->line->out, "%s ", names->verb);
	}
	if (names->n < NAMES_SHOWN) {
		fputs(names->n ? ", " : "", names->line->out);
		terminal_name(names->line->out, &names->m->executables[by]->path);
	}
	names->n++;
}

static void end_names(const struct names *names)
{
	if (names->n > NAMES_SHOWN)
		fprintf(names->line->out, " +%zu", names->n - NAMES_SHOWN);
}

static void note_programs(struct line *l, const Footprint__Manifest *m, const char *verb, size_t n,
	const uint32_t *programs)
{
	struct names names = { .line = l, .m = m, .verb = verb };

	for (size_t i = 0; i < n; i++)
		add_name(&names, programs[i]);
	end_names(&names);
}

/* --- who uses it --- */

/* Programs, by index; as many as a manifest has at most. */
struct programs {
	uint32_t *list;
	size_t n;
};

static void add_program(struct programs *p, uint32_t program)
{
	/* Lists of users are sorted: one that is there already stands last. */
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

/* The programs that use an entry; the list is the caller's to free. */
static struct programs users_of(const Footprint__Manifest *m, enum change_group group, size_t index)
{
	struct programs p = { calloc(m->n_executables + 1, sizeof(uint32_t)), 0 };

	if (!p.list)
		abort(); /* a command may, where memory ends */
	if (group == GROUP_PROGRAMS)
		add_starters(&p, m, index);
	if (group == GROUP_LIBRARIES)
		for (size_t i = 0; i < m->libraries[index]->n_loaders; i++)
			add_program(&p, m->libraries[index]->loaders[i]->by);
	if (group == GROUP_FILES)
		for (size_t i = 0; i < m->files[index]->n_uses; i++)
			add_program(&p, m->files[index]->uses[i]->by);
	if (group == GROUP_ENDPOINTS)
		add_listed(&p, m->endpoints[index]->n_by, m->endpoints[index]->by);
	if (group == GROUP_MISSING)
		add_listed(&p, m->missing[index]->n_by, m->missing[index]->by);
	return p;
}

static const char *library_verb(const Footprint__Library *library)
{
	switch (library_loaded(library)) {
	case FOOTPRINT__LOADED__LOADED_NEEDED:
		return "needed by";
	case FOOTPRINT__LOADED__LOADED_UNOBSERVED:
		return "not observed, needed by";
	default:
		return "dlopen by";
	}
}

static void note_users(struct line *l, const Footprint__Manifest *m, size_t index)
{
	struct programs users = users_of(m, l->group, index);
	const char *verb = "by";
	char words[ACCESS_WORDS_SIZE];

	if (l->group == GROUP_PROGRAMS)
		verb = "started by";
	if (l->group == GROUP_LIBRARIES)
		verb = library_verb(m->libraries[index]);
	if (l->group == GROUP_FILES) {
		access_words(file_access(m->files[index]), words);
		begin_note(l);
		fputs(words, l->out);
	}
	note_programs(l, m, verb, users.n, users.list);
	free(users.list);
}

static bool has_user(
	const Footprint__Manifest *m, const struct programs *users, const ProtobufCBinaryData *path)
{
	for (size_t i = 0; i < users->n; i++)
		if (!compare_paths(&m->executables[users->list[i]]->path, path))
			return true;
	return false;
}

/* Leaves the users of `m` that the other side does not have. */
static void drop_common(const Footprint__Manifest *m, struct programs *users,
	const Footprint__Manifest *other, const struct programs *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < users->n; i++)
		if (!has_user(other, others, &m->executables[users->list[i]]->path))
			users->list[kept++] = users->list[i];
	users->n = kept;
}

/* "now by getent; no longer by date", or, of the same programs, what each of them does now. */
static void note_other_users(struct line *l)
{
	const Footprint__Manifest *before = l->diff->before, *after = l->diff->after;
	struct programs came = users_of(after, l->group, l->change->after);
	struct programs went = users_of(before, l->group, l->change->before);
	struct programs all = users_of(after, l->group, l->change->after);

	drop_common(after, &came, before, &went);
	drop_common(before, &went, after, &all);
	note_programs(l, after, "now by", came.n, came.list);
	note_programs(l, before, "no longer by", went.n, went.list);
	if (!came.n && !went.n) {
		begin_note(l);
		fputs("used otherwise", l->out);
		note_programs(l, after, "by", all.n, all.list);
	}
	free(came.list);
	free(went.list);
	free(all.list);
}

/* --- what changed --- */

static void note_content(
	struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_size[SIZE_TEXT_SIZE], new_size[SIZE_TEXT_SIZE];

	if (before && after && before->size != after->size) {
		note_change(l, "content", terminal_size(before->size, old_size),
			terminal_size(after->size, new_size));
		return;
	}
	begin_note(l);
	fputs("content", l->out);
	if (after && after->size)
		fprintf(l->out, ", still %s", terminal_size(after->size, new_size));
}

static void note_owner(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_owner[32], new_owner[32];

	snprintf(old_owner, sizeof(old_owner), "%u:%u", before->uid, before->gid);
	snprintf(new_owner, sizeof(new_owner), "%u:%u", after->uid, after->gid);
	note_change(l, "owner", old_owner, new_owner);
}

static void note_mode(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_mode[16], new_mode[16];

	snprintf(old_mode, sizeof(old_mode), "%04o", before->mode);
	snprintf(new_mode, sizeof(new_mode), "%04o", after->mode);
	note_change(l, "mode", old_mode, new_mode);
}

static const char *package_of(const Footprint__Manifest *m, const Footprint__File *file)
{
	return file->package ? m->packages[file->package - 1]->name : "";
}

/* What a look at both files told. */
static void note_states(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_CONTENT)
		note_content(l, before, after);
	if (!before || !after)
		return;
	if (what & DIFFERENCE_TYPE)
		note_change(l, "type", file_type_word(before->type), file_type_word(after->type));
	if (what & DIFFERENCE_MODE)
		note_mode(l, before, after);
	if (what & DIFFERENCE_OWNER)
		note_owner(l, before, after);
	if (what & DIFFERENCE_TARGET)
		note_paths(l, "target", &before->target, &after->target);
	if (what & DIFFERENCE_PACKAGE)
		note_change(l, "package", package_of(l->diff->before, before),
			package_of(l->diff->after, after));
}

static void note_access(struct line *l)
{
	const Footprint__File *before = l->diff->before->files[l->change->before];
	const Footprint__File *after = l->diff->after->files[l->change->after];
	char old_words[ACCESS_WORDS_SIZE], new_words[ACCESS_WORDS_SIZE];

	access_words(file_access(before), old_words);
	access_words(file_access(after), new_words);
	note_change(l, "access", old_words, new_words);
}

static struct programs children_of(
	const Footprint__Manifest *m, const Footprint__Executable *program)
{
	struct programs p = { calloc(m->n_executables + 1, sizeof(uint32_t)), 0 };

	if (!p.list)
		abort(); /* a command may, where memory ends */
	add_listed(&p, program->n_executes, program->executes);
	return p;
}

static void note_other_children(
	struct line *l, const Footprint__Executable *before, const Footprint__Executable *after)
{
	const Footprint__Manifest *old = l->diff->before, *new = l->diff->after;
	struct programs went = children_of(old, before), came = children_of(new, after);
	struct programs all = children_of(new, after);

	drop_common(new, &came, old, &went);
	drop_common(old, &went, new, &all);
	note_programs(l, new, "now executes", came.n, came.list);
	note_programs(l, old, "no longer executes", went.n, went.list);
	free(came.list);
	free(went.list);
	free(all.list);
}

static void note_program(struct line *l)
{
	const Footprint__Executable *before = l->diff->before->executables[l->change->before];
	const Footprint__Executable *after = l->diff->after->executables[l->change->after];
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_INTERPRETER)
		note_paths(l, "interpreter", &before->interpreter, &after->interpreter);
	if (what & DIFFERENCE_WATCHED)
		note_change(
			l, "watched", watched_word(before->watched), watched_word(after->watched));
	if (what & DIFFERENCE_FIRST) {
		begin_note(l);
		fputs(after->first ? "now a run's first" : "no longer a run's first", l->out);
	}
	if (what & DIFFERENCE_EXECUTES)
		note_other_children(l, before, after);
}

static void note_library(struct line *l)
{
	const Footprint__Library *before = l->diff->before->libraries[l->change->before];
	const Footprint__Library *after = l->diff->after->libraries[l->change->after];
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_SONAME)
		note_change(l, "soname", before->soname, after->soname);
	if (what & DIFFERENCE_NEEDED) {
		begin_note(l);
		fprintf(l->out, "needs %zu -> %zu libraries", before->n_needed, after->n_needed);
	}
	if ((what & DIFFERENCE_BUILD_ID) && !(what & DIFFERENCE_CONTENT)) {
		begin_note(l);
		fputs("build id", l->out);
	}
	if (what & DIFFERENCE_LOADED) {
		begin_note(l);
		fputs("loaded another way", l->out);
	}
}

static void note_differences(struct line *l)
{
	const struct diff *diff = l->diff;
	const Footprint__File *before = diff_file(diff->before, l->group, l->change->before);
	const Footprint__File *after = diff_file(diff->after, l->group, l->change->after);
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_PRESENCE) {
		begin_note(l);
		fputs(after && after->present ? "was gone, now there" : "was there, now gone",
			l->out);
	}
	note_states(l, before, after);
	if (l->group == GROUP_PROGRAMS)
		note_program(l);
	if (l->group == GROUP_LIBRARIES)
		note_library(l);
	if (what & DIFFERENCE_ACCESS)
		note_access(l);
	if (what & DIFFERENCE_USERS)
		note_other_users(l);
}

/* --- names --- */

static const ProtobufCBinaryData *path_at(
	const Footprint__Manifest *m, enum change_group group, size_t index)
{
	switch (group) {
	case GROUP_PROGRAMS:
		return &m->executables[index]->path;
	case GROUP_LIBRARIES:
		return &m->libraries[index]->path;
	case GROUP_FILES:
		return &m->files[index]->path;
	case GROUP_MISSING:
		return &m->missing[index]->path;
	default:
		return NULL;
	}
}

static void print_gap(FILE *out, const Footprint__Gap *gap)
{
	terminal_text(out, gap->kind);
	if (gap->path.len) {
		fputc(' ', out);
		terminal_path(out, &gap->path);
	}
	if (*gap->detail) {
		fputs(": ", out);
		terminal_text(out, gap->detail);
	}
}

static void print_name(const struct line *l, const Footprint__Manifest *m, size_t index)
{
	const ProtobufCBinaryData *path = path_at(m, l->group, index);

	if (path) {
		terminal_path(l->out, path);
	} else if (l->group == GROUP_PACKAGES) {
		terminal_text(l->out, m->packages[index]->name);
		fputc(' ', l->out);
		terminal_text(l->out, m->packages[index]->version);
	} else if (l->group == GROUP_ENDPOINTS) {
		fprintf(l->out, "%s ", endpoint_word(m->endpoints[index]->operation));
		terminal_text(l->out, m->endpoints[index]->address);
	} else {
		print_gap(l->out, m->gaps[index]);
	}
}

static bool same_directory(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
	const uint8_t *x = memrchr(a->data, '/', a->len), *y = memrchr(b->data, '/', b->len);
	size_t size = (size_t)(x - a->data);

	return size == (size_t)(y - b->data) && !memcmp(a->data, b->data, size);
}

/* "/usr/lib/libz.so.1.2.13 -> libz.so.1.3.1", "libssl3 3.0.11 -> 3.0.13" */
static void print_new_name(const struct line *l)
{
	const Footprint__Manifest *before = l->diff->before, *after = l->diff->after;
	const ProtobufCBinaryData *new_path = path_at(after, l->group, l->change->after);

	fputs(" -> ", l->out);
	if (!new_path)
		terminal_text(l->out, after->packages[l->change->after]->version);
	else if (same_directory(path_at(before, l->group, l->change->before), new_path))
		terminal_name(l->out, new_path);
	else
		terminal_path(l->out, new_path);
}

/* --- the whole --- */

static void print_change(struct line *l)
{
	static const struct {
		char sign;
		enum style style;
	} looks[N_CHANGE_KINDS] = {
		[CHANGE_ADDED] = { '+', STYLE_GOOD },
		[CHANGE_REMOVED] = { '-', STYLE_BAD },
		[CHANGE_CHANGED] = { '~', STYLE_NOTABLE },
		[CHANGE_MOVED] = { '>', STYLE_NOTABLE },
	};
	const struct change *change = l->change;
	bool added = change->kind == CHANGE_ADDED, removed = change->kind == CHANGE_REMOVED;
	const Footprint__Manifest *m = added ? l->diff->after : l->diff->before;
	size_t index = added ? change->after : change->before;

	fputs("  ", l->out);
	terminal_style(l->out, l->colour, looks[change->kind].style);
	fprintf(l->out, "%c ", looks[change->kind].sign);
	print_name(l, m, index);
	if (change->what & (DIFFERENCE_PATH | DIFFERENCE_VERSION))
		print_new_name(l);
	terminal_style(l->out, l->colour, STYLE_PLAIN);
	if (added || removed)
		note_users(l, m, index);
	else
		note_differences(l);
	fputc('\n', l->out);
}

/* Unless all are wanted, changes of users alone are counted only, and long lists cut off. */
static void print_group(const struct diff *diff, enum change_group group, FILE *out, bool all)
{
	const struct change_list *list = &diff->groups[group];
	struct change_counts counts = diff_count(diff, group);
	size_t wanted = all ? list->n : list->n - counts.users;
	size_t limit = all || wanted <= CHANGES_SHOWN ? wanted : CHANGES_SHOWN;
	bool colour = terminal_has_colour(out);
	size_t shown = 0;

	fputc('\n', out);
	terminal_print(out, colour, STYLE_HEADING, "%s\n", group_words[group].heading);
	for (size_t i = 0; i < list->n && shown < limit; i++) {
		struct line line = { diff, out, colour, &list->changes[i], group, false };

		if (!all && change_is_of_users(line.change))
			continue;
		print_change(&line);
		shown++;
	}
	if (shown < wanted)
		fprintf(out, "  and %zu more: see --all\n", wanted - shown);
	if (!all && counts.users)
		fprintf(out, "  and %zu used by other programs than before: see --all\n",
			counts.users);
}

void diff_print_changes(const struct diff *diff, FILE *out, bool all)
{
	for (int group = 0; group < N_CHANGE_GROUPS; group++)
		if (diff->groups[group].n)
			print_group(diff, group, out, all);
}
