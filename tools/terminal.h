/* Output for people: colours where they are wanted, names that cannot play tricks on a terminal,
 * sizes with units. */
#ifndef FOOTPRINT_TOOLS_TERMINAL_H
#define FOOTPRINT_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "proto/manifest.pb-c.h"

enum style {
	STYLE_PLAIN,
	STYLE_HEADING, /* bold */
	STYLE_FAINT,
	STYLE_GOOD,    /* green: complete, added */
	STYLE_BAD,     /* red: gaps, removed */
	STYLE_NOTABLE, /* yellow: changed */
};

/* Is `out` a terminal that shows colours, and does the user want them (NO_COLOR, TERM=dumb)? See
 * https://no-color.org. */
bool terminal_has_colour(FILE *out);

/* Begins a style, if `colour`. STYLE_PLAIN ends it. */
void terminal_style(FILE *out, bool colour, enum style style);
/* printf in a style. */
void terminal_print(FILE *out, bool colour, enum style style, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Prints any bytes. Those of invisible characters and those that are not UTF-8 become \xHH, and so
 * does a backslash that would be read as the beginning of that form; so what is printed stands for
 * one name only. Returns the columns that it takes (its characters, which is right except for
 * double-width and combining ones). */
size_t terminal_bytes(FILE *out, const void *bytes, size_t size);
size_t terminal_path(FILE *out, const ProtobufCBinaryData *path);
size_t terminal_text(FILE *out, const char *text);
/* The same, followed by a '/' if the manifest knows it as a directory. */
size_t terminal_file(FILE *out, const Footprint__Manifest *m, const ProtobufCBinaryData *path);
/* The last component only. */
size_t terminal_name(FILE *out, const ProtobufCBinaryData *path);
size_t terminal_file_name(FILE *out, const Footprint__Manifest *m, const ProtobufCBinaryData *path);

/* Prints blanks up to `column`, but at least one. */
void terminal_pad(FILE *out, size_t used, size_t column);

/* "0 B", "1447 B", "12.3 KiB", "1.4 GiB" */
#define SIZE_TEXT_SIZE 16
const char *terminal_size(uint64_t bytes, char buffer[static SIZE_TEXT_SIZE]);

/* "" for 1, "s" for all else. */
const char *plural(uint64_t n);

#endif
