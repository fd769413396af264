/*
 * The commands of `footprint`. Start here: one file a command, one const struct command in it, one
 * row in the table of footprint.c.
 *
 * A command's main() returns the exit status. It reads its options with command_option(), reports
 * trouble once with command_fail(), and leaves everything else to lib/.
 */
#ifndef FOOTPRINT_TOOLS_COMMAND_H
#define FOOTPRINT_TOOLS_COMMAND_H

#include <getopt.h>

#include "lib/base/error.h"

#define EXIT_DIFFERENT 1 /* diff: they differ; why: not in the manifest */
#define EXIT_TROUBLE   2 /* bad usage, unreadable files, no memory */

struct command {
	const char *name;
	const char *summary; /* one line of `footprint --help`, no full stop */
	/* What --help prints: "Usage: footprint NAME …", a blank line, what it does, the options,
	 * one a line, indented by two spaces. `-h, --help` is among them. */
	const char *help;
	/* argv[0] is the command's name. */
	int (*main)(const struct command *self, int argc, char **argv);
};

extern const struct command command_run;
extern const struct command command_show;
extern const struct command command_diff;
extern const struct command command_merge;
extern const struct command command_why;

/* getopt_long(3) for a command, with what all have in common: --help is answered (and the process
 * ends), an unknown option or a missing argument is reported with a hint and ends it with
 * EXIT_TROUBLE. Returns an option's character or `val`, or -1 at the end. `letters` begins with "+"
 * where the first operand ends the options, and never with ":". */
int command_option(const struct command *self, int argc, char **argv, const char *letters,
	const struct option *names);

/* Says "footprint NAME: why" and where help is; returns EXIT_TROUBLE. */
int command_usage(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says "footprint: what: why" on stderr; returns EXIT_TROUBLE. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int command_fail_error(const struct error *err);
#ifdef __clang_analyzer__ /* as in lib/base/error.h */
#define command_usage(self, ...) ((void)(self), EXIT_TROUBLE)
#define command_fail_error(err)	 ((void)(err), EXIT_TROUBLE)
#endif

/* The same without the status: something the person should know. */
void command_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes stdout; `status`, or EXIT_TROUBLE with a message where it could not be written. */
int command_finish(int status);

#endif
