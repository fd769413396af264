/*
 * Writes JSON (RFC 8259) to a stream, value by value: nothing is built up in memory, so a manifest
 * of a million files costs no more than one of ten.
 *
 * json_key() goes before each value in an object; commas are put where they belong. Errors of the
 * stream stay in it: ask ferror() at the end. (The names keep clear of those that jansson exports.)
 */
#ifndef FOOTPRINT_BASE_JSON_H
#define FOOTPRINT_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool comma; /* a value stands before this place in the same list or object */
};

void json_begin(struct json *j, char bracket); /* '{' or '[' */
void json_end(struct json *j, char bracket);   /* '}' or ']' */
void json_key(struct json *j, const char *key);
/* The next value or key begins a line. */
void json_newline(struct json *j);

void json_put_number(struct json *j, uint64_t number);
void json_put_bool(struct json *j, bool truth);
void json_put_null(struct json *j);
/* UTF-8, as it is. (Here and below, invisible characters are written as \uHHHH, which readers
 * undo.) */
void json_put_text(struct json *j, const char *text);
/* Any bytes: as UTF-8, but that each byte of no UTF-8 character becomes \xHH, and a backslash \\,
 * which together lose nothing. */
void json_put_bytes(struct json *j, const void *bytes, size_t size);
/* Bytes as hexadecimal digits. */
void json_put_hex(struct json *j, const uint8_t *bytes, size_t size);

#endif
