/* footprint run: runs a program, and writes the manifest of what it used. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/manifest.h"
#include "tools/command.h"
#include "tools/output.h"
#include "tools/run_find.h"
#include "tools/run_manifest.h"
#include "tools/run_private.h"
#include "tools/run_program.h"
#include "tools/run_signals.h"
#include "tools/run_static.h"
#include "tools/summary.h"
#include "tools/terminal.h"

struct run_options {
	const char *named;   /* -o; NULL: none */
	char *output;	     /* that, or PROGRAM.footprint; allocated */
	const char *app;     /* NULL: FOOTPRINT_APP, or the program's name */
	const char *version; /* NULL: FOOTPRINT_VERSION, or "unversioned" */
	char **argv;	     /* the program and its arguments */
};

enum { OPTION_APP = 256, OPTION_APP_VERSION };

static const struct option names[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "app", required_argument, NULL, OPTION_APP },
	{ "app-version", required_argument, NULL, OPTION_APP_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* An empty name counts as none, as it does for the aggregator. */
static const char *or_environment(const char *value, const char *name, const char *fallback)
{
	const char *set = getenv(name);

	if (value && *value)
		return value;
	return set && *set ? set : fallback;
}

static int choose_output(struct run_options *options)
{
	struct error err;

	if (options->named)
		options->output = strdup(options->named);
	else if (asprintf(&options->output, "%s.footprint", base_name(options->argv[0])) < 0)
		options->output = NULL;
	if (!options->output)
		return command_fail("out of memory");
	/* After the program has run, this message would come too late. */
	return output_check(options->output, &err) < 0 ? command_fail_error(&err) : 0;
}

static int parse(const struct command *self, int argc, char **argv, struct run_options *options)
{
	int option;

	*options = (struct run_options){ 0 };
	while ((option = command_option(self, argc, argv, "+o:h", names)) != -1) {
		if (option == 'o')
			options->named = optarg;
		else if (option == OPTION_APP)
			options->app = optarg;
		else if (option == OPTION_APP_VERSION)
			options->version = optarg;
	}
	if (optind >= argc || !*argv[optind])
		return command_usage(self, "no program given");
	if (options->named && !*options->named)
		return command_usage(self, "the name of the output is empty");
	options->argv = argv + optind;
	options->app = or_environment(options->app, "FOOTPRINT_APP", base_name(argv[optind]));
	options->version = or_environment(options->version, "FOOTPRINT_VERSION", "unversioned");
	return 0;
}

/* --- the program's environment ---------------------------------------------------------------- */

/* The library comes before other preloads: it finds the real functions behind them by itself. */
static int set_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	autofree char *value = NULL;

	if (!others || !*others)
		return setenv("LD_PRELOAD", library, 1);
	if (asprintf(&value, "%s:%s", library, others) < 0) {
		value = NULL;
		return -1;
	}
	return setenv("LD_PRELOAD", value, 1);
}

static int set_environment(
	const struct run_options *options, const struct private_aggregator *aggregator)
{
	if (set_preload(aggregator->library) < 0 ||
		setenv("FOOTPRINT_SOCKET", aggregator->socket, 1) < 0 ||
		setenv("FOOTPRINT_SPOOL", aggregator->spool, 1) < 0 ||
		setenv("FOOTPRINT_APP", options->app, 1) < 0 ||
		setenv("FOOTPRINT_VERSION", options->version, 1) < 0)
		return command_fail("out of memory");
	return 0;
}

/* --- the manifest ----------------------------------------------------------------------------- */

static int say_summary(struct manifest *m, const char *output)
{
	const Footprint__Manifest *view;

	if (manifest_view(m, &view) < 0)
		return command_fail("out of memory");
	fputc('\n', stderr);
	summary_print(stderr, view);
	fputs("  manifest   ", stderr);
	terminal_text(stderr, output_name(output));
	fputc('\n', stderr);
	return 0;
}

/* Nobody may ever read the manifest: so that a signal may end us then, nothing may be left to
 * remove. */
static void clean_up_early(
	struct private_aggregator *aggregator, const struct held_signals *signals)
{
	signals_forget(signals);
	private_remove(aggregator);
	signals_let_end(signals);
}

/* `failed`: the aggregator has failed, and may not have written everything that it knew. */
static int keep_manifest(const struct run_options *options, struct private_aggregator *aggregator,
	const struct start *start, bool failed)
{
	auto_manifest struct manifest *m = NULL;
	struct error err;

	if (manifest_new(options->app, options->version, &m) < 0)
		return command_fail("out of memory");
	if (run_manifest_fill(m, aggregator->manifests, start->program, &err) < 0)
		return command_fail_error(&err);
	if (failed && manifest_add_gap(m, "lost-records", NULL, "the aggregator failed", 1) < 0)
		return command_fail("out of memory");
	if (output_may_wait(options->output))
		clean_up_early(aggregator, start->signals);
	if (output_write(m, options->output, &err) < 0)
		return command_fail_error(&err);
	return say_summary(m, options->output);
}

/* --- running ---------------------------------------------------------------------------------- */

/* Runs the program and writes its manifest. There is none if the program could not be started.
 * Returns the program's status, except if that is success and the manifest could not be written. */
static int run_program(const struct run_options *options, struct private_aggregator *aggregator,
	const struct start *start)
{
	struct error program_error, err;
	int status = program_run(start, &program_error);
	bool failed = private_finish(aggregator, &err) < 0;

	if (failed)
		command_fail_error(&err);
	if (program_error.code)
		command_fail_error(&program_error);
	else if (keep_manifest(options, aggregator, start, failed) && status == EXIT_SUCCESS)
		status = EXIT_TROUBLE;
	return status;
}

/* The program is examined before it runs, because it may replace or remove its own file. */
static int run_in(const struct run_options *options, struct private_aggregator *aggregator,
	struct held_signals *signals)
{
	autofree char *supervisor = NULL;
	struct program program;
	struct start start = { .program = &program, .argv = options->argv, .signals = signals };
	int status = EXIT_TROUBLE;

	if (set_environment(options, aggregator) < 0)
		return EXIT_TROUBLE;
	program_find(options->argv[0], &program);
	start.supervisor = supervisor = static_supervisor(aggregator->library, &program);
	if (!signals_interrupted(signals))
		status = run_program(options, aggregator, &start);
	program_deinit(&program);
	return status;
}

static int run_held(struct run_options *options, struct held_signals *signals)
{
	struct private_aggregator aggregator = { 0 };
	int status = choose_output(options);
	struct error err;

	if (status)
		return status;
	status = EXIT_TROUBLE;
	if (private_start(&aggregator, signals, &err) == 0)
		status = run_in(options, &aggregator, signals);
	else if (!signals_interrupted(signals))
		status = command_fail_error(&err);
	private_remove(&aggregator);
	return status;
}

static int run_main(const struct command *self, int argc, char **argv)
{
	struct run_options options;
	struct held_signals signals;
	int status = parse(self, argc, argv, &options);

	if (!status) {
		signals_hold(&signals);
		status = run_held(&options, &signals);
		if (signals.interrupted)
			signals_end(&signals);
	}
	free(options.output);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "run a program and write its manifest",
	.help = "Usage: footprint run [OPTION…] [--] PROGRAM [ARGUMENT…]\n"
		"\n"
		"Runs PROGRAM, watches it and all processes that it starts, and writes a\n"
		"manifest of what they used. Exits with the program's status: 128+N if signal N\n"
		"killed it, 127 if it was not found, 126 if it could not be executed.\n"
		"\n"
		"Options:\n"
		"  -o, --output FILE    the manifest (default: PROGRAM.footprint), replacing it\n"
		"      --app NAME       the application (default: FOOTPRINT_APP, or PROGRAM)\n"
		"      --app-version V  its version (default: FOOTPRINT_VERSION, or unversioned)\n"
		"  -h, --help           print this help\n",
	.main = run_main,
};
