/* Notes in a diff: how a thing has changed. */
#include "tools/diff_line.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/words.h"
#include "tools/terminal.h"

static void note_content(
	struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_size[SIZE_TEXT_SIZE], new_size[SIZE_TEXT_SIZE];

	terminal_size(before ? before->size : 0, old_size);
	terminal_size(after ? after->size : 0, new_size);
	/* Sizes that differ by a few bytes may look the same. */
	if (before && after && strcmp(old_size, new_size)) {
		line_note_change(l, "content", old_size, new_size);
		return;
	}
	line_begin_note(l);
	fputs("content", l->out);
	if (after && after->size)
		fprintf(l->out, ", still %s", new_size);
}

static void note_owner(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_owner[32], new_owner[32];

	snprintf(old_owner, sizeof(old_owner), "%u:%u", before->uid, before->gid);
	snprintf(new_owner, sizeof(new_owner), "%u:%u", after->uid, after->gid);
	line_note_change(l, "owner", old_owner, new_owner);
}

static void note_mode(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_mode[16], new_mode[16];

	snprintf(old_mode, sizeof(old_mode), "%04o", before->mode);
	snprintf(new_mode, sizeof(new_mode), "%04o", after->mode);
	line_note_change(l, "mode", old_mode, new_mode);
}

static const char *package_of(const Footprint__Manifest *m, const Footprint__File *file)
{
	return file->package ? m->packages[file->package - 1]->name : "";
}

/* Notes differences that looks at both files have found. */
static void note_states(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_CONTENT)
		note_content(l, before, after);
	if (!before || !after)
		return;
	if (what & DIFFERENCE_TYPE)
		line_note_change(
			l, "type", file_type_word(before->type), file_type_word(after->type));
	if (what & DIFFERENCE_MODE)
		note_mode(l, before, after);
	if (what & DIFFERENCE_OWNER)
		note_owner(l, before, after);
	if (what & DIFFERENCE_TARGET)
		line_note_paths(l, "target", &before->target, &after->target);
	if (what & DIFFERENCE_PACKAGE)
		line_note_change(l, "package", package_of(l->diff->before, before),
			package_of(l->diff->after, after));
}

static void note_access(struct line *l, const Footprint__File *before, const Footprint__File *after)
{
	char old_words[ACCESS_WORDS_SIZE], new_words[ACCESS_WORDS_SIZE];
	uint32_t mask = diff_access_mask(l->group);

	access_words(file_access(before) & mask, old_words);
	access_words(file_access(after) & mask, new_words);
	line_note_change(l, "access", old_words, new_words);
}

static void note_program(struct line *l)
{
	const Footprint__Executable *before = l->diff->before->executables[l->change->before];
	const Footprint__Executable *after = l->diff->after->executables[l->change->after];
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_INTERPRETER)
		line_note_paths(l, "interpreter", &before->interpreter, &after->interpreter);
	if (what & DIFFERENCE_WATCHED)
		line_note_change(
			l, "watched", watched_word(before->watched), watched_word(after->watched));
	if (what & DIFFERENCE_FIRST) {
		line_begin_note(l);
		fputs(after->first ? "now the first program of a run"
				   : "no longer the first program of a run",
			l->out);
	}
	if (what & DIFFERENCE_EXECUTES)
		line_note_other_children(l);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the libraries that it needs, sorted. The caller frees the list. */
static char **needed_names(const Footprint__Library *library)
{
	char **names = calloc(library->n_needed + 1, sizeof(*names));

	if (!names)
		abort(); /* a command may abort when there is no memory */
	for (size_t i = 0; i < library->n_needed; i++)
		names[i] = library->needed[i];
	qsort(names, library->n_needed, sizeof(*names), compare_names);
	return names;
}

/* "VERB libz.so.1, liblz4.so.1 +2": what `one` needs, and `other` does not. Returns how many. */
static size_t note_needed(struct line *l, const char *verb, const Footprint__Library *one,
	const Footprint__Library *other)
{
	autofree char **names = needed_names(other);
	size_t n = 0;

	for (size_t i = 0; i < one->n_needed; i++) {
		if (bsearch(&one->needed[i], names, other->n_needed, sizeof(*names), compare_names))
			continue;
		if (!n) {
			line_begin_note(l);
			fprintf(l->out, "%s ", verb);
		}
		if (n < LINE_NAMES_SHOWN) {
			fputs(n ? ", " : "", l->out);
			terminal_text(l->out, one->needed[i]);
		}
		n++;
	}
	if (n > LINE_NAMES_SHOWN)
		fprintf(l->out, " +%zu", n - LINE_NAMES_SHOWN);
	return n;
}

/* "now needs libz.so.1; no longer needs libm.so.6" */
static void note_other_needed(
	struct line *l, const Footprint__Library *before, const Footprint__Library *after)
{
	size_t n = note_needed(l, "now needs", after, before);

	if (note_needed(l, "no longer needs", before, after) + n)
		return;
	line_begin_note(l);
	fputs("needs the same libraries in another order", l->out);
}

static void note_library(struct line *l)
{
	const Footprint__Library *before = l->diff->before->libraries[l->change->before];
	const Footprint__Library *after = l->diff->after->libraries[l->change->after];
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_SONAME)
		line_note_change(l, "soname", before->soname, after->soname);
	if (what & DIFFERENCE_NEEDED)
		note_other_needed(l, before, after);
	if ((what & DIFFERENCE_BUILD_ID) && !(what & DIFFERENCE_CONTENT)) {
		line_begin_note(l);
		fputs("build id", l->out);
	}
	if (what & DIFFERENCE_LOADED)
		line_note_other_ways(l);
}

void line_note_differences(struct line *l)
{
	const struct diff *diff = l->diff;
	const Footprint__File *before = diff_file(diff->before, l->group, l->change->before);
	const Footprint__File *after = diff_file(diff->after, l->group, l->change->after);
	uint32_t what = l->change->what;

	if (what & DIFFERENCE_PRESENCE) {
		line_begin_note(l);
		fputs(after && after->present ? "was gone, now there" : "was there, now gone",
			l->out);
	}
	note_states(l, before, after);
	if (l->group == GROUP_PROGRAMS)
		note_program(l);
	if (l->group == GROUP_LIBRARIES)
		note_library(l);
	if (what & DIFFERENCE_ACCESS)
		note_access(l, before, after);
	if (what & DIFFERENCE_USERS)
		line_note_other_users(l);
	/* If there is only one program, its access has been printed already. */
	if ((what & DIFFERENCE_USES) && before && after &&
		(before->n_uses > 1 || after->n_uses > 1))
		line_note_other_uses(l);
}
