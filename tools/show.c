/* footprint show: shows what is in a manifest. */
#include "tools/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/manifest/json.h"
#include "tools/input.h"
#include "tools/show_page.h"
#include "tools/summary.h"
#include "tools/terminal.h"

enum section {
	SECTION_GAPS = 1 << 0,
	SECTION_PROGRAMS = 1 << 1,
	SECTION_LIBRARIES = 1 << 2,
	SECTION_PACKAGES = 1 << 3,
	SECTION_FILES = 1 << 4,
	SECTION_ENDPOINTS = 1 << 5,
	SECTION_MISSING = 1 << 6,
	SECTION_ALL = (1 << 7) - 1,
	SECTION_DEFAULT = SECTION_GAPS | SECTION_PROGRAMS | SECTION_LIBRARIES | SECTION_PACKAGES |
			  SECTION_ENDPOINTS,
};

/* The sections in the order in which they are printed, each with the letter of its option. */
static const struct {
	enum section bit;
	int option;
	void (*print)(const struct page *p);
} sections[] = {
	{ SECTION_GAPS, 'g', page_gaps },
	{ SECTION_PROGRAMS, 'p', page_programs },
	{ SECTION_LIBRARIES, 'l', page_libraries },
	{ SECTION_PACKAGES, 'k', page_packages },
	{ SECTION_FILES, 'f', page_files },
	{ SECTION_ENDPOINTS, 'e', page_endpoints },
	{ SECTION_MISSING, 'm', page_missing },
};
#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static int show_text(const Footprint__Manifest *m, unsigned int wanted)
{
	struct page page = { .m = m, .colour = terminal_has_colour(stdout) };

	/* The list of files has the packages as its headings. */
	if (wanted & SECTION_FILES)
		wanted &= ~SECTION_PACKAGES;
	summary_print(stdout, m);
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (wanted & sections[i].bit)
			sections[i].print(&page);
	return command_finish(EXIT_SUCCESS);
}

static const struct option options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "gaps", no_argument, NULL, 'g' },
	{ "programs", no_argument, NULL, 'p' },
	{ "libraries", no_argument, NULL, 'l' },
	{ "packages", no_argument, NULL, 'k' },
	{ "files", no_argument, NULL, 'f' },
	{ "endpoints", no_argument, NULL, 'e' },
	{ "missing", no_argument, NULL, 'm' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static unsigned int section_of(int option)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (sections[i].option == option)
			return sections[i].bit;
	return option == 'a' ? SECTION_ALL : 0;
}

static int show_main(const struct command *self, int argc, char **argv)
{
	auto_manifest struct manifest *m = NULL;
	const Footprint__Manifest *view;
	unsigned int wanted = 0;
	bool json = false;
	int option;

	while ((option = command_option(self, argc, argv, "agplkfemjh", options)) >= 0) {
		json |= option == 'j';
		wanted |= section_of(option);
	}
	if (argc - optind != 1)
		return command_usage(
			self, argc == optind ? "no manifest given" : "one manifest only");
	if (input_read(argv[optind], &m, &view))
		return EXIT_TROUBLE;
	if (!json)
		return show_text(view, wanted ? wanted : SECTION_DEFAULT);
	manifest_write_json(view, stdout);
	return command_finish(EXIT_SUCCESS);
}

const struct command command_show = {
	.name = "show",
	.summary = "show what is in a manifest",
	.help = "Usage: footprint show [OPTION…] FILE\n\n"
		"Shows what the application of a manifest uses: a summary, then gaps, programs,\n"
		"libraries, packages and endpoints, or the sections that are asked for.\n\n"
		"Options:\n"
		"  -a, --all        every section\n"
		"  -g, --gaps       what may have been missed\n"
		"  -p, --programs   programs, and which started them\n"
		"  -l, --libraries  shared libraries, and which programs load them\n"
		"  -k, --packages   packages, with how many of their files are used\n"
		"  -f, --files      all files, by package, with how they are used\n"
		"  -e, --endpoints  socket addresses\n"
		"  -m, --missing    paths that were looked for and not there\n"
		"  -j, --json       everything, as JSON, whatever else is asked for\n"
		"  -h, --help       print this help\n",
	.main = show_main,
};
