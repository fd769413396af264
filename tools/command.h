/*
 * The commands of `footprint`. Start here: each command is a file with one const struct command,
 * and a row in the table of footprint.c.
 *
 * A command's main() returns the exit status. It reads its options with command_option(), reports a
 * failure once, with command_fail(), and leaves everything else to lib/.
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

/* getopt_long(3) for a command, which also does what all commands have in common: --help prints the
 * help and exits; for an unknown option or a missing argument it prints a hint and exits with
 * EXIT_TROUBLE. Returns the character or `val` of an option, or -1 at the end. `letters` begins
 * with "+" if the first operand ends the options, and never with ":". */
int command_option(const struct command *self, int argc, char **argv, const char *letters,
	const struct option *names);

/* Prints "footprint NAME: why" and how to get help. Returns EXIT_TROUBLE. */
int command_usage(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Prints "footprint: what: why" on stderr. Returns EXIT_TROUBLE. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int command_fail_error(const struct error *err);
#ifdef __clang_analyzer__ /* as in lib/base/error.h */
#define command_usage(self, ...) ((void)(self), EXIT_TROUBLE)
#define command_fail_error(err)	 ((void)(err), EXIT_TROUBLE)
#endif

/* The same for something that is no failure, but that the user should know. */
void command_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes stdout. Returns `status`, or EXIT_TROUBLE, with a message, if stdout could not be
 * written. */
int command_finish(int status);

#endif
