/* footprint why: prints the shortest chain from a run to a path. */
#include "tools/command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/manifest/find.h"
#include "lib/manifest/json_parts.h"
#include "lib/manifest/why.h"
#include "lib/manifest/words.h"
#include "tools/input.h"
#include "tools/terminal.h"
#include "tools/why_users.h"

static const struct option options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The text before a step's path. The words of JSON's "step" correspond to the enum. */
static const struct {
	const char *text, *json;
} words[] = {
	[WHY_BEGAN] = { "a run began with", "began" },
	[WHY_APPEARED] = { "somebody started", "appeared" },
	[WHY_EXECUTED] = { "which executed", "executed" },
	[WHY_INTERPRETED] = { "interpreted by", "interpreted" },
	[WHY_NEEDS] = { "which needs", "needs" },
	[WHY_UNOBSERVED] = { "which needs", "unobserved" },
	[WHY_LOADED] = { "which dlopened", "dlopened" },
	[WHY_HAD] = { "which loaded", "loaded" },
	[WHY_USED] = { "which used", "used" },
	[WHY_MISSED] = { "which looked for", "missed" },
	[WHY_CONNECTED] = { "which used", "connected" },
};

#define WORD_COLUMN 20

/* --- text --- */

static void print_links(const struct why *why)
{
	for (size_t i = 0; i < why->n_links; i++) {
		terminal_path(stdout, &why->links[i].path);
		fputs(" is a symlink to ", stdout);
		terminal_path(stdout, &why->links[i].target);
		putchar('\n');
	}
}

static void print_step(const Footprint__Manifest *m, const struct why_step *step)
{
	char access[ACCESS_WORDS_SIZE];

	printf("  %-*s", WORD_COLUMN - 2, words[step->kind].text);
	if (step->text)
		terminal_text(stdout, step->text);
	else
		terminal_file(stdout, m, &step->path);
	if (step->kind == WHY_USED && step->access) {
		access_words(step->access, access);
		printf(" (%s)", access);
	} else if (step->kind == WHY_MISSED) {
		fputs(" (not there)", stdout);
	} else if (step->kind == WHY_UNOBSERVED) {
		fputs(" (not observed)", stdout);
	} else if (step->kind == WHY_CONNECTED) {
		printf(" (%s)", endpoint_word(step->operation));
	}
	putchar('\n');
}

static void print_chain(const Footprint__Manifest *m, const struct why_chain *chain, bool colour)
{
	terminal_style(stdout, colour, STYLE_HEADING);
	terminal_file(stdout, m, &chain->path);
	terminal_style(stdout, colour, STYLE_PLAIN);
	putchar('\n');
	for (size_t i = 0; i < chain->n_steps; i++)
		print_step(m, &chain->steps[i]);
	why_print_others(stdout, m, chain, WORD_COLUMN);
}

static void print_chains(const Footprint__Manifest *m, const struct why *why, bool colour)
{
	print_links(why);
	for (size_t i = 0; i < why->n_chains; i++) {
		if (i)
			putchar('\n');
		print_chain(m, &why->chains[i], colour);
	}
}

static void print_suggestions(const Footprint__Manifest *m, const struct why *why)
{
	if (!why->n_suggestions)
		return;
	fputs("The manifest has:\n", stderr);
	for (size_t i = 0; i < why->n_suggestions; i++) {
		const ProtobufCBinaryData *one = &why->suggestions[i];
		/* It may have been looked for in vain, and made later. */
		bool missing = !view_find_file(m, one) && view_find_missing(m, one);

		fputs("  ", stderr);
		terminal_file(stderr, m, one);
		fputs(missing ? " (not there)\n" : "\n", stderr);
	}
}

/* --- JSON --- */

static void put_step(struct json *j, const struct why_step *step)
{
	json_newline(j);
	json_begin(j, '{');
	json_key(j, "step");
	json_put_text(j, words[step->kind].json);
	if (step->text) {
		json_key(j, "operation");
		json_put_text(j, endpoint_word(step->operation));
		json_key(j, "address");
		json_put_text(j, step->text);
	} else {
		json_put_path(j, "path", &step->path);
	}
	if (step->kind == WHY_USED)
		json_put_access(j, step->access);
	json_end(j, '}');
}

static void put_links(struct json *j, const struct why *why)
{
	json_key(j, "symlinks");
	json_begin(j, '[');
	for (size_t i = 0; i < why->n_links; i++) {
		json_begin(j, '{');
		json_put_path(j, "path", &why->links[i].path);
		json_put_path(j, "target", &why->links[i].target);
		json_end(j, '}');
	}
	json_end(j, ']');
}

static void put_chain(struct json *j, const Footprint__Manifest *m, const struct why_chain *chain)
{
	json_key(j, "chain");
	json_begin(j, '[');
	for (size_t i = 0; i < chain->n_steps; i++)
		put_step(j, &chain->steps[i]);
	json_end(j, ']');
	why_put_users(j, m, chain);
}

static void write_json(const Footprint__Manifest *m, const struct why *why)
{
	struct json j = { .out = stdout };

	json_begin(&j, '{');
	json_put_path(&j, "path", &why->path);
	put_links(&j, why);
	put_chain(&j, m, &why->chains[0]);
	json_key(&j, "also");
	json_begin(&j, '[');
	for (size_t i = 1; i < why->n_chains; i++) {
		json_newline(&j);
		json_begin(&j, '{');
		json_put_path(&j, "path", &why->chains[i].path);
		put_chain(&j, m, &why->chains[i]);
		json_end(&j, '}');
	}
	json_end(&j, ']');
	json_end(&j, '}');
	putchar('\n');
}

/* --- the command --- */

static int not_there(
	const char *file, const Footprint__Manifest *m, const char *what, const struct why *why)
{
	command_warn("%s: %s is not in it", file, what);
	print_suggestions(m, why);
	return EXIT_DIFFERENT;
}

static int answer(const char *file, const Footprint__Manifest *m, const char *what, bool json)
{
	struct why why auto_why;
	int r = why_find(m, what, &why);

	if (r == -ENOENT)
		return not_there(file, m, what, &why);
	if (r < 0)
		return command_fail("%s: out of memory", file);
	if (json)
		write_json(m, &why);
	else
		print_chains(m, &why, terminal_has_colour(stdout));
	return command_finish(EXIT_SUCCESS);
}

static int why_main(const struct command *self, int argc, char **argv)
{
	auto_manifest struct manifest *m = NULL;
	const Footprint__Manifest *view;
	bool json = false;
	int option;

	while ((option = command_option(self, argc, argv, "jh", options)) >= 0)
		json |= option == 'j';
	if (argc - optind != 2)
		return command_usage(self, "a manifest and a path are needed");
	if (!*argv[optind + 1])
		return command_usage(self, "the path is empty");
	if (input_read(argv[optind], &m, &view))
		return EXIT_TROUBLE;
	return answer(input_name(argv[optind]), view, argv[optind + 1], json);
}

const struct command command_why = {
	.name = "why",
	.summary = "explain how a path came into a manifest",
	.help = "Usage: footprint why [OPTION…] FILE PATH\n\n"
		"Prints the shortest chain from a run to PATH: the program that the run began\n"
		"with, what executed what, and who needed, loaded or opened PATH in the end.\n"
		"PATH may be that of a symlink, the soname or file name of a library, or an\n"
		"endpoint's address; if several share a name, each is explained. The other\n"
		"programs that use PATH follow.\n\n"
		"Options:\n"
		"  -j, --json  the chain as JSON\n"
		"  -h, --help  print this help\n\n"
		"Exit status: 0 explained, 1 not in the manifest, 2 trouble.\n",
	.main = why_main,
};
