/*
 * A line of a diff for people: a sign, what it is about, and notes behind it. diff_text.c prints
 * the first two; the notes are of who uses it (diff_users.c) and of what is different
 * (diff_note.c).
 */
#ifndef FOOTPRINT_TOOLS_DIFF_LINE_H
#define FOOTPRINT_TOOLS_DIFF_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/manifest/diff.h"

#define LINE_NAMES_SHOWN 3 /* programs named in a note, before "+N" */

struct line {
	const struct diff *diff;
	FILE *out;
	bool colour;
	const struct change *change;
	enum change_group group;
	bool noted; /* something stands behind the path */
};

/* What separates notes: two blanks before the first, then semicolons. */
void line_begin_note(struct line *l);
/* "WHAT BEFORE -> AFTER"; an empty text is "none". */
void line_note_change(struct line *l, const char *what, const char *before, const char *after);
/* The same of paths. */
void line_note_paths(struct line *l, const char *what, const ProtobufCBinaryData *before,
	const ProtobufCBinaryData *after);
/* "VERB a, b, c +2": programs, by their indexes in `m`; nothing where there are none. */
void line_note_programs(struct line *l, const Footprint__Manifest *m, const char *verb, size_t n,
	const uint32_t *programs);

/* Who uses the entry of that index, and how. */
void line_note_users(struct line *l, const Footprint__Manifest *m, size_t index);
/* "now by getent; no longer by date"; of the file of a program or library "now used by cp". */
void line_note_other_users(struct line *l);
/* "nginx: read -> read write": what programs of both sides do otherwise with a file. */
void line_note_other_uses(struct line *l);
/* "nginx: needed -> dlopen": programs of both sides that load a library otherwise. */
void line_note_other_ways(struct line *l);
/* "now executes tr; no longer executes sed" */
void line_note_other_children(struct line *l);

/* All that the change says is different. */
void line_note_differences(struct line *l);

#endif
