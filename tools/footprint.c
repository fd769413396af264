/* The `footprint` program: finds the command and runs it. */
#include "tools/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/standard.h"

static const struct command *const commands[] = {
	&command_run,
	&command_show,
	&command_diff,
	&command_merge,
	&command_why,
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("Usage: footprint COMMAND [OPTION…] [ARGUMENT…]\n\n"
	      "Learns which files, libraries, programs and endpoints an application really "
	      "uses.\n\n"
	      "Commands:\n",
		out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s%s\n", commands[i]->name, commands[i]->summary);
	fputs("  help    print the help of a command\n"
	      "\nOptions:\n"
	      "  -h, --help     print this help\n"
	      "  -V, --version  print the version\n\n"
	      "Where a manifest is read or written, - is standard input or output.\n"
	      "`footprint COMMAND --help` and footprint-COMMAND(1) say more about a "
	      "command.\n",
		out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

/* The first command with the same beginning as `name`: what a typing error probably meant. */
static const struct command *guess_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS && *name; i++)
		if (!strncmp(commands[i]->name, name, strlen(name)) ||
			!strncmp(commands[i]->name, name, 2))
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const struct command *guess = guess_command(name);

	if (guess)
		return command_fail("%s: no such command; did you mean '%s'?", name, guess->name);
	return command_fail("%s: no such command; see 'footprint --help'", name);
}

/* `footprint help` and `footprint help help` list all commands. */
static int help(const char *name)
{
	const struct command *command = find_command(name);

	if (command)
		fputs(command->help, stdout);
	else if (!strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h"))
		print_help(stdout);
	else
		return unknown_command(name);
	return command_finish(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	const struct command *command;
	const char *name = argc > 1 ? argv[1] : NULL;

	standard_hold();
	if (!name) {
		print_help(stderr);
		return EXIT_TROUBLE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help(stdout);
		return command_finish(EXIT_SUCCESS);
	}
	if (!strcmp(name, "help"))
		return help(argc > 2 ? argv[2] : name);
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		puts("footprint " FOOTPRINT_VERSION_STRING);
		return command_finish(EXIT_SUCCESS);
	}
	if (*name == '-')
		return command_fail("%s: no such option; see 'footprint --help'", name);
	command = find_command(name);
	if (!command)
		return unknown_command(name);
	return command->main(command, argc - 1, argv + 1);
}
