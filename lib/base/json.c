#include "lib/base/json.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/unseen.h"
#include "lib/base/utf8.h"

static const char digits[] = "0123456789abcdef";

static void before_value(struct json *j)
{
	if (j->comma)
		putc_unlocked(',', j->out);
	j->comma = true;
}

void json_begin(struct json *j, char bracket)
{
	before_value(j);
	putc_unlocked(bracket, j->out);
	j->comma = false;
}

void json_end(struct json *j, char bracket)
{
	putc_unlocked(bracket, j->out);
	j->comma = true;
}

void json_key(struct json *j, const char *key)
{
	json_put_text(j, key);
	putc_unlocked(':', j->out);
	j->comma = false;
}

void json_newline(struct json *j)
{
	if (j->comma)
		putc_unlocked(',', j->out);
	putc_unlocked('\n', j->out);
	j->comma = false;
}

void json_put_number(struct json *j, uint64_t number)
{
	before_value(j);
	fprintf(j->out, "%" PRIu64, number);
}

void json_put_bool(struct json *j, bool truth)
{
	before_value(j);
	fputs_unlocked(truth ? "true" : "false", j->out);
}

void json_put_null(struct json *j)
{
	before_value(j);
	fputs_unlocked("null", j->out);
}

/* As \uHHHH, of which a character beyond U+FFFF needs two (RFC 8259, section 7). */
static void put_escape(struct json *j, uint32_t code)
{
	if (code > 0xffff) {
		fprintf(j->out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
		code = 0xdc00 + ((code - 0x10000) & 0x3ff);
	}
	fprintf(j->out, "\\u%04x", code);
}

/* Puts a character into a string, escaped if JSON requires that, or if it might command a terminal
 * or hide something there. */
static void put_character(struct json *j, const uint8_t *c, size_t size)
{
	if (size == 1 && (*c == '"' || *c == '\\')) {
		putc_unlocked('\\', j->out);
		putc_unlocked(*c, j->out);
	} else if (unseen_character(c, size)) {
		put_escape(j, utf8_code_point(c, size));
	} else {
		fwrite_unlocked(c, 1, size, j->out);
	}
}

/* How many bytes at the start need no escape in a JSON string, whatever follows them. */
static size_t plain_span(const uint8_t *bytes, size_t size)
{
	size_t n = 0;

	while (n < size && bytes[n] >= 0x20 && bytes[n] < 0x7f && bytes[n] != '"' &&
		bytes[n] != '\\')
		n++;
	return n;
}

static void put_string(struct json *j, const uint8_t *bytes, size_t size, bool lossless)
{
	size_t at = 0;

	before_value(j);
	putc_unlocked('"', j->out);
	while (at < size) {
		size_t n = plain_span(bytes + at, size - at);

		fwrite_unlocked(bytes + at, 1, n, j->out);
		at += n;
		if (at == size)
			break;
		n = utf8_character(bytes + at, size - at);
		if (!n) {
			/* The backslash of \xHH is itself escaped in JSON. */
			fputs_unlocked("\\\\x", j->out);
			putc_unlocked(digits[bytes[at] >> 4], j->out);
			putc_unlocked(digits[bytes[at] & 0xf], j->out);
			at++;
			continue;
		}
		put_character(j, bytes + at, n);
		if (lossless && bytes[at] == '\\')
			put_character(j, bytes + at, n);
		at += n;
	}
	putc_unlocked('"', j->out);
}

void json_put_text(struct json *j, const char *text)
{
	put_string(j, (const uint8_t *)text, strlen(text), false);
}

void json_put_bytes(struct json *j, const void *bytes, size_t size)
{
	put_string(j, bytes, size, true);
}

void json_put_hex(struct json *j, const uint8_t *bytes, size_t size)
{
	before_value(j);
	putc_unlocked('"', j->out);
	for (size_t i = 0; i < size; i++) {
		putc_unlocked(digits[bytes[i] >> 4], j->out);
		putc_unlocked(digits[bytes[i] & 0xf], j->out);
	}
	putc_unlocked('"', j->out);
}
