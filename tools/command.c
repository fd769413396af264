#include "tools/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/refusal.h"
#include "tools/terminal.h"

#undef command_usage /* command.h defines it as a macro for static analysis */
#undef command_fail_error

/* Prints "PREFIX: what: why". Names in the text may come from anybody, and might contain escape
 * sequences for the terminal. */
static void say(const char *prefix, const char *format, va_list args, const char *hint)
{
	autofree char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	fprintf(stderr, "footprint%s: ", prefix);
	terminal_text(stderr, text ? text : "out of memory");
	fprintf(stderr, "%s\n", hint);
}

int command_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args, "");
	va_end(args);
	return EXIT_TROUBLE;
}

int command_fail_error(const struct error *err)
{
	return command_fail("%s", err->text);
}

void command_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args, "");
	va_end(args);
}

int command_usage(const struct command *self, const char *format, ...)
{
	char prefix[32], hint[64];
	va_list args;

	snprintf(prefix, sizeof(prefix), " %s", self->name);
	snprintf(hint, sizeof(hint), "; see 'footprint %s --help'", self->name);
	va_start(args, format);
	say(prefix, format, args, hint);
	va_end(args);
	return EXIT_TROUBLE;
}

int command_option(const struct command *self, int argc, char **argv, const char *letters,
	const struct option *names)
{
	const char *plus = *letters == '+' ? "+" : "";
	struct refusal refusal;
	char quiet[64];
	int option;

	/* With a leading ':', getopt prints nothing, and distinguishes a missing argument from an
	 * unknown option. */
	snprintf(quiet, sizeof(quiet), "%s:%s", plus, letters + strlen(plus));
	opterr = 0;
	option = getopt_long(argc, argv, quiet, names, NULL);
	switch (option) {
	case 'h':
		fputs(self->help, stdout);
		exit(command_finish(EXIT_SUCCESS));
	case ':':
	case '?':
		refusal_find(option, argv, names, &refusal);
		exit(command_usage(self, "%s: %s", refusal.word, refusal.why));
	default:
		return option;
	}
}

int command_finish(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return command_fail("standard output: %s", strerror(errno));
	return status;
}
