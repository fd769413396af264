/* footprint merge: makes one manifest of several. */
#include "tools/command.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "tools/input.h"
#include "tools/output.h"

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "force", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Few people want two applications in one manifest; more likely, a wildcard matched too much. */
static int check_same(const struct manifest *into, const struct manifest *from, const char *path)
{
	if (!strcmp(manifest_application(into), manifest_application(from)) &&
		!strcmp(manifest_version(into), manifest_version(from)))
		return 0;
	return command_fail("%s: is of %s %s, not of %s %s (--force merges them all the same)",
		input_name(path), manifest_application(from), manifest_version(from),
		manifest_application(into), manifest_version(into));
}

static int merge_file(struct manifest *into, const char *path, bool force)
{
	auto_manifest struct manifest *from = NULL;
	int r;

	if (input_read(path, &from, NULL))
		return EXIT_TROUBLE;
	r = force ? 0 : check_same(into, from, path);
	if (r)
		return r;
	return manifest_merge(into, from) < 0 ? command_fail("%s: out of memory", input_name(path))
					      : 0;
}

static int merge_all(const char *output, int n, char **paths, bool force)
{
	auto_manifest struct manifest *merged = NULL;
	struct error err;
	int r;

	if (input_read(paths[0], &merged, NULL))
		return EXIT_TROUBLE;
	for (int i = 1; i < n; i++) {
		r = merge_file(merged, paths[i], force);
		if (r)
			return r;
	}
	if (output_write(merged, output, &err) < 0)
		return command_fail_error(&err);
	return EXIT_SUCCESS;
}

static int merge_main(const struct command *self, int argc, char **argv)
{
	const char *output = NULL;
	bool force = false;
	int option;

	while ((option = command_option(self, argc, argv, "o:fh", options)) >= 0) {
		if (option == 'o')
			output = optarg;
		else if (option == 'f')
			force = true;
	}
	if (!output || !*output)
		return command_usage(
			self, "no output given: -o FILE is %s", output ? "empty" : "missing");
	if (argc == optind)
		return command_usage(self, "no manifests given");
	return merge_all(output, argc - optind, argv + optind, force);
}

const struct command command_merge = {
	.name = "merge",
	.summary = "make one manifest of several",
	.help = "Usage: footprint merge -o FILE [-f] MANIFEST…\n\n"
		"Writes a manifest with all facts of the given ones, which may be of several\n"
		"runs or hosts. The order does not matter, nor how often one is given; FILE may\n"
		"be among them. Manifests of different applications or versions are refused.\n\n"
		"Options:\n"
		"  -o, --output FILE  write the merged manifest to FILE, replacing it\n"
		"  -f, --force        merge different applications and versions too: the result\n"
		"                     takes its names from the first\n"
		"  -h, --help         print this help\n",
	.main = merge_main,
};
