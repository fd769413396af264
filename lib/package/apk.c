/*
 * Alpine's database: one text, in which empty lines separate packages, and each line is a letter
 * and a value. P: name, V: version, A: architecture, F: a directory, R: a file in the directory
 * named last.
 */

#include "lib/base/cleanup.h"
#include "lib/package/database.h"

struct apk_package {
	struct span name, version, architecture, directory;
	bool added;
};

static int add_package_once(struct package_loader *loader, struct apk_package *package)
{
	if (package->added)
		return 0;
	package->added = true;
	return loader_add_package(
		loader, "apk", package->name, package->version, package->architecture);
}

static int take_line(struct package_loader *loader, struct apk_package *package, struct span line)
{
	struct span value;
	int code;

	if (line_value(line, "P:", &package->name) || line_value(line, "V:", &package->version) ||
		line_value(line, "A:", &package->architecture))
		return 0;
	if (!line_value(line, "F:", &value) && !line_value(line, "R:", &value))
		return 0;
	code = add_package_once(loader, package);
	if (code < 0)
		return code;
	if (line.bytes[0] == 'R')
		return loader_add_file(loader, package->directory, value);
	package->directory = value;
	return loader_add_path(loader, value);
}

static int parse(struct package_loader *loader, struct span text)
{
	const struct apk_package none = { .directory = { "", 0 } };
	struct apk_package package = none;
	struct span line;

	while (next_line(&text, &line)) {
		int code = 0;

		if (!line.size)
			package = none;
		else
			code = take_line(loader, &package, line);
		if (code < 0)
			return code;
	}
	return 0;
}

int apk_load(struct package_loader *loader)
{
	static const char *const places[] = { "/lib/apk/db/installed",
		"/usr/lib/apk/db/installed" };

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		autofree char *text = NULL;
		size_t size;
		int code = loader_read(loader, places[i], &text, &size);

		if (code != 0)
			return code < 0 ? code : parse(loader, (struct span){ text, size });
	}
	return 0;
}
