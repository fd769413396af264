#include "tools/diff_text.h"

#include <stdbool.h>
#include <string.h>

#include "lib/manifest/words.h"
#include "tools/diff_line.h"
#include "tools/diff_rank.h"
#include "tools/terminal.h"

#define CHANGES_SHOWN 50 /* of one group, without --all */

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

/* How things that only differ in their users are counted. */
static const char *users_phrase(enum change_group group)
{
	return group == GROUP_MISSING ? "looked for by other programs" : "used by other programs";
}

/* --- the summary --- */

/* "2 files added, 1 removed": only the first number gets the noun. */
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

/* What one of them has missed, the other one may seem to have more. */
static const char *incomplete_phrase(const struct diff *diff)
{
	bool before = view_is_complete(diff->before), after = view_is_complete(diff->after);

	if (before && after)
		return "";
	if (before || after)
		return before ? "; the new one is not complete" : "; the old one is not complete";
	return "; neither is complete";
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
	if (strcmp(before->application, after->application)) {
		fputs(": another application", out);
		any = true;
	}
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
		add_count(&phrase, counts.users, users_phrase(group));
		add_count(&phrase, counts.uses, "used in other ways");
	}
	if (diff_is_empty(diff))
		fputs(any ? "; no difference" : ": no difference", out);
	fprintf(out, "%s\n", incomplete_phrase(diff));
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
		terminal_file(l->out, m, path);
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

/* The new version, after the new name if that is another one. */
static void print_new_package(const struct line *l, const Footprint__Package *package)
{
	if (l->change->what & DIFFERENCE_NAME) {
		terminal_text(l->out, package->name);
		fputc(' ', l->out);
	}
	terminal_text(l->out, package->version);
}

/* "/usr/lib/libz.so.1.2.13 -> libz.so.1.3.1", "/etc/php/8.2/ -> 8.4/", "libssl3 3.0.11 -> 3.0.13",
 * "libicu72 72.1-3 -> libicu76 76.1-4" */
static void print_new_name(const struct line *l)
{
	const Footprint__Manifest *before = l->diff->before, *after = l->diff->after;
	const ProtobufCBinaryData *new_path = path_at(after, l->group, l->change->after);

	fputs(" -> ", l->out);
	if (!new_path)
		print_new_package(l, after->packages[l->change->after]);
	else if (same_directory(path_at(before, l->group, l->change->before), new_path))
		terminal_file_name(l->out, after, new_path);
	else
		terminal_file(l->out, after, new_path);
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
	if (change->what & (DIFFERENCE_PATH | DIFFERENCE_NAME | DIFFERENCE_VERSION))
		print_new_name(l);
	terminal_style(l->out, l->colour, STYLE_PLAIN);
	if (added || removed)
		line_note_users(l, m, index);
	else
		line_note_differences(l);
	fputc('\n', l->out);
}

/* One group of changes on the page. */
struct page {
	const struct diff *diff;
	const struct changed_packages *packages;
	FILE *out;
	bool all;
	enum change_group group;
	size_t shown[N_CHANGE_RANKS], cut[N_CHANGE_RANKS]; /* how many changes of each rank */
};

/* Unless all changes are wanted, those that only concern users are just counted. */
static bool is_listed(const struct page *p, const struct change *change)
{
	return p->all || !change_is_of_users(change);
}

/* Decides how many changes of each rank are shown: of a long list, those that say most. */
static void cut_list(struct page *p)
{
	const struct change_list *list = &p->diff->groups[p->group];
	size_t room = p->all ? list->n : CHANGES_SHOWN;

	for (size_t i = 0; i < list->n; i++)
		if (is_listed(p, &list->changes[i]))
			p->cut[change_rank(p->diff, p->packages, p->group, &list->changes[i])]++;
	for (int rank = 0; rank < N_CHANGE_RANKS; rank++) {
		p->shown[rank] = p->cut[rank] < room ? p->cut[rank] : room;
		p->cut[rank] -= p->shown[rank];
		room -= p->shown[rank];
	}
}

static void print_list(struct page *p)
{
	const struct change_list *list = &p->diff->groups[p->group];
	bool colour = terminal_has_colour(p->out);

	for (size_t i = 0; i < list->n; i++) {
		struct line line = { p->diff, p->out, colour, &list->changes[i], p->group, false };
		enum change_rank rank;

		if (!is_listed(p, line.change))
			continue;
		rank = change_rank(p->diff, p->packages, p->group, line.change);
		if (!p->shown[rank])
			continue;
		p->shown[rank]--;
		print_change(&line);
	}
}

/* ", 12 of them of packages that changed" */
static void print_part(FILE *out, size_t part, size_t whole, const char *what)
{
	if (part == whole)
		fprintf(out, ", %s", what);
	else if (part)
		fprintf(out, ", %zu of them %s", part, what);
}

static void print_cut(const struct page *p)
{
	size_t with_packages =
		p->cut[RANK_CAME_OR_WENT_WITH_PACKAGE] + p->cut[RANK_CHANGED_WITH_PACKAGE];
	size_t written = p->cut[RANK_WRITTEN];
	size_t n = p->cut[RANK_CAME_OR_WENT] + p->cut[RANK_CHANGED] + written + with_packages;

	if (!n)
		return;
	fprintf(p->out, "  and %zu more", n);
	print_part(p->out, with_packages, n, "of packages that changed");
	print_part(p->out, written, n, "written by the application");
	fputs(": see --all\n", p->out);
}

static void print_group(struct page *p)
{
	struct change_counts counts = diff_count(p->diff, p->group);

	fputc('\n', p->out);
	terminal_print(p->out, terminal_has_colour(p->out), STYLE_HEADING, "%s\n",
		group_words[p->group].heading);
	cut_list(p);
	print_list(p);
	print_cut(p);
	if (!p->all && counts.users)
		fprintf(p->out, "  and %zu %s than before: see --all\n", counts.users,
			users_phrase(p->group));
	if (!p->all && counts.uses)
		fprintf(p->out, "  and %zu used in other ways than before: see --all\n",
			counts.uses);
}

void diff_print_changes(const struct diff *diff, FILE *out, bool all)
{
	struct changed_packages packages = changed_packages_find(diff);

	for (int group = 0; group < N_CHANGE_GROUPS; group++) {
		struct page page = { diff, &packages, out, all, group, { 0 }, { 0 } };

		if (diff->groups[group].n)
			print_group(&page);
	}
	changed_packages_deinit(&packages);
}
