/* footprint diff: shows what changed between two manifests. */
#include "tools/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/manifest/diff.h"
#include "lib/manifest/diff_json.h"
#include "tools/diff_text.h"
#include "tools/input.h"

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "summary", no_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

enum form {
	FORM_TEXT,
	FORM_ALL,
	FORM_SUMMARY,
	FORM_JSON,
};

static void print_diff(const struct diff *diff, enum form form)
{
	if (form == FORM_JSON) {
		diff_write_json(diff, stdout);
		return;
	}
	diff_print_summary(diff, stdout);
	if (form != FORM_SUMMARY)
		diff_print_changes(diff, stdout, form == FORM_ALL);
}

static int compare_files(const char *old_path, const char *new_path, enum form form)
{
	auto_manifest struct manifest *before = NULL, *after = NULL;
	const Footprint__Manifest *old_view = NULL, *new_view = NULL;
	struct diff diff;
	int status;

	if (input_read(old_path, &before, &old_view) || input_read(new_path, &after, &new_view))
		return EXIT_TROUBLE;
	if (diff_make(old_view, new_view, &diff) < 0)
		return command_fail("out of memory");
	print_diff(&diff, form);
	status = diff_is_empty(&diff) ? EXIT_SUCCESS : EXIT_DIFFERENT;
	diff_deinit(&diff);
	return command_finish(status);
}

static int diff_main(const struct command *self, int argc, char **argv)
{
	enum form form = FORM_TEXT;
	bool json = false;
	int option;

	while ((option = command_option(self, argc, argv, "asjh", options)) >= 0) {
		if (option == 'a')
			form = FORM_ALL;
		else if (option == 's')
			form = FORM_SUMMARY;
		json |= option == 'j';
	}
	if (argc - optind != 2)
		return command_usage(self, "two manifests are needed, the old and the new");
	return compare_files(argv[optind], argv[optind + 1], json ? FORM_JSON : form);
}

const struct command command_diff = {
	.name = "diff",
	.summary = "show what changed between two manifests",
	.help = "Usage: footprint diff [OPTION…] OLD NEW\n\n"
		"Compares what two versions of an application use: one line that sums it up,\n"
		"then programs, libraries, packages, files, endpoints, missing paths and gaps\n"
		"that were added (+), removed (-), changed (~) or moved (>). Times and counts of\n"
		"runs do not matter.\n\n"
		"Options:\n"
		"  -a, --all      every change, however long the list\n"
		"  -s, --summary  the first line only\n"
		"  -j, --json     every change, as JSON, whatever else is asked for\n"
		"  -h, --help     print this help\n\n"
		"Exit status: 0 the same, 1 different, 2 trouble.\n",
	.main = diff_main,
};
