#include "aggregator/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_SIZE 1024

static bool verbose;

void log_verbose(bool on)
{
	verbose = on;
}

/* Names come from peers: a line break or an escape sequence in one may not fake or hide a line. */
static void mask_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void say(const char *format, va_list args)
{
	char line[LOG_LINE_SIZE] = "footprintd: ";
	size_t used = strlen(line);

	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	mask_controls(line);
	used = strlen(line);
	line[used] = '\n';
	/* Nobody is left to tell when stderr is gone. */
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
