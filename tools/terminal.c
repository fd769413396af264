#include "tools/terminal.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/unseen.h"
#include "lib/base/utf8.h"
#include "lib/manifest/find.h"

bool terminal_has_colour(FILE *out)
{
	const char *unwanted = getenv("NO_COLOR"), *kind = getenv("TERM");

	if (unwanted && *unwanted)
		return false;
	if (!kind || !strcmp(kind, "dumb"))
		return false;
	return isatty(fileno(out)) == 1;
}

void terminal_style(FILE *out, bool colour, enum style style)
{
	/* ECMA-48, "Select Graphic Rendition". */
	static const char *const codes[] = {
		[STYLE_PLAIN] = "\033[0m",
		[STYLE_HEADING] = "\033[1m",
		[STYLE_FAINT] = "\033[2m",
		[STYLE_GOOD] = "\033[32m",
		[STYLE_BAD] = "\033[31m",
		[STYLE_NOTABLE] = "\033[33m",
	};

	if (colour)
		fputs(codes[style], out);
}

void terminal_print(FILE *out, bool colour, enum style style, const char *format, ...)
{
	va_list args;

	terminal_style(out, colour, style);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	terminal_style(out, colour, STYLE_PLAIN);
}

/* Does the name itself contain "\xHH", which would be read as an escaped byte? */
static bool is_like_escape(const uint8_t *text, size_t size)
{
	return size >= 4 && text[0] == '\\' && text[1] == 'x' && isxdigit(text[2]) &&
	       isxdigit(text[3]);
}

size_t terminal_bytes(FILE *out, const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	size_t at = 0, columns = 0;

	while (at < size) {
		size_t step = utf8_character(byte + at, size - at);

		if (step && !unseen_character(byte + at, step) &&
			!is_like_escape(byte + at, size - at)) {
			fwrite(byte + at, 1, step, out);
			columns++;
			at += step;
			continue;
		}
		/* One byte at a time, since the rest of an invalid character may be a valid one. */
		columns += (size_t)fprintf(out, "\\x%02x", byte[at]);
		at++;
	}
	return columns;
}

size_t terminal_path(FILE *out, const ProtobufCBinaryData *path)
{
	return terminal_bytes(out, path->data, path->len);
}

/* A '/' behind the name of what the manifest knows as a directory. Returns its columns. */
static size_t mark_directory(
	FILE *out, const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	const Footprint__File *file = view_find_file(m, path);

	if (!file || file->type != FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY || path->len == 1)
		return 0;
	fputc('/', out);
	return 1;
}

size_t terminal_file(FILE *out, const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	size_t columns = terminal_path(out, path);

	return columns + mark_directory(out, m, path);
}

size_t terminal_text(FILE *out, const char *text)
{
	return terminal_bytes(out, text, strlen(text));
}

size_t terminal_name(FILE *out, const ProtobufCBinaryData *path)
{
	const uint8_t *slash = path->len > 1 ? memrchr(path->data, '/', path->len) : NULL;
	size_t skip = slash ? (size_t)(slash + 1 - path->data) : 0;

	return terminal_bytes(out, path->data + skip, path->len - skip);
}

size_t terminal_file_name(FILE *out, const Footprint__Manifest *m, const ProtobufCBinaryData *path)
{
	size_t columns = terminal_name(out, path);

	return columns + mark_directory(out, m, path);
}

void terminal_pad(FILE *out, size_t used, size_t column)
{
	size_t blanks = used < column ? column - used : 1;

	fprintf(out, "%*s", (int)blanks, "");
}

const char *terminal_size(uint64_t bytes, char buffer[static SIZE_TEXT_SIZE])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double size = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 10000) {
		snprintf(buffer, SIZE_TEXT_SIZE, "%" PRIu64 " B", bytes);
		return buffer;
	}
	while (size >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		size /= 1024;
		unit++;
	}
	snprintf(buffer, SIZE_TEXT_SIZE, "%.1f %s", size, units[unit]);
	return buffer;
}

const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}
