/* UTF-8, and what to do with bytes that are not: paths and names are any bytes. */
#ifndef FOOTPRINT_BASE_UTF8_H
#define FOOTPRINT_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character (RFC 3629: no overlong form, no surrogate, at most U+10FFFF)
 * at the start of the text, 0 where there is none. */
size_t utf8_character(const void *text, size_t size);
/* The code point of such a character of so many bytes. */
uint32_t utf8_code_point(const void *character, size_t size);
bool utf8_valid(const void *text, size_t size);

#define UTF8_ESCAPED_SIZE 4 /* \xHH: bytes that one byte may become */

/* Writes `text` as UTF-8 into `buffer` (room for UTF8_ESCAPED_SIZE times size): each byte of no
 * character becomes \xHH. Returns the bytes written. Text without such bytes stays as it is. */
size_t utf8_escape(const void *text, size_t size, char *buffer);

#endif
