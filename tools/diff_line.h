/*
 * A line of a diff for people: a sign, the thing that has changed, and notes. diff_text.c prints
 * the first two; the notes say who uses the thing (diff_users.c), and what is different
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
	bool noted; /* there is a note already */
};

/* Prints what separates notes: two blanks before the first, then semicolons. */
void line_begin_note(struct line *l);
/* "WHAT BEFORE -> AFTER"; an empty text is "none". */
void line_note_change(struct line *l, const char *what, const char *before, const char *after);
/* The same of paths. */
void line_note_paths(struct line *l, const char *what, const ProtobufCBinaryData *before,
	const ProtobufCBinaryData *after);
/* "VERB a, b, c +2": programs, by their indexes in `m`. Prints nothing if there are none. */
void line_note_programs(struct line *l, const Footprint__Manifest *m, const char *verb, size_t n,
	const uint32_t *programs);

/* Who uses the entry of that index, and how. */
void line_note_users(struct line *l, const Footprint__Manifest *m, size_t index);
/* "now by getent; no longer by date"; for the file of a program or library "now used by cp". */
void line_note_other_users(struct line *l);
/* "nginx: read -> read write": programs on both sides that do other things with the file. */
void line_note_other_uses(struct line *l);
/* "nginx: needed -> dlopen": programs on both sides that load a library in another way. */
void line_note_other_ways(struct line *l);
/* "now executes tr; no longer executes sed" */
void line_note_other_children(struct line *l);

/* Notes for all differences of the change. */
void line_note_differences(struct line *l);

#endif
