#include "aggregator/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/unseen.h"
#include "lib/base/utf8.h"

#define LOG_LINE_SIZE 8192 /* a path and a reason */

static bool verbose;

void log_verbose(bool on)
{
	verbose = on;
}

/* Names come from peers: a line break or an escape sequence in one must not forge or hide a line.
 * Neither must bytes that are not UTF-8, which a terminal may interpret. */
static void mask_unseen(char *text)
{
	uint8_t *p = (uint8_t *)text, *end = p + strlen(text);

	while (p < end) {
		size_t size = utf8_character(p, (size_t)(end - p)), step = size ? size : 1;

		if (!size || unseen_character(p, size))
			memset(p, '?', step);
		p += step;
	}
}

static void say(const char *format, va_list args)
{
	char line[LOG_LINE_SIZE] = "footprintd: ";
	size_t used = strlen(line);

	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	mask_unseen(line);
	used = strlen(line);
	line[used] = '\n';
	/* If stderr is gone, nobody is left to report it to. */
	if (write(STDERR_FILENO, line, used + 1) < 0)
		return;
}

void log_trouble(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void log_error(const char *doing, const struct error *err)
{
	log_trouble("%s: %s", doing, err->text);
}

void log_note(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}
