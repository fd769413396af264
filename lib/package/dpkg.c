/*
 * Debian's database. /var/lib/dpkg/status says which packages are installed, and info/PACKAGE.list
 * which paths each has. Distroless images have one file for each package in status.d instead, with
 * the paths in PACKAGE.md5sums. Lists name diverted files as they came with the package.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/package/lines.h"
#include "lib/root/beneath.h"

#define STATUS	    "/var/lib/dpkg/status"
#define STATUS_D    "/var/lib/dpkg/status.d"
#define DIVERSIONS  "/var/lib/dpkg/diversions"
#define ENTRIES_MAX 65536 /* files of status.d */

struct stanza {
	struct span package, version, architecture, multi_arch, status;
};

/* Which package has diverted a path, and where the file of other packages with that name is now. */
struct diversion {
	struct span to, by;
};

struct dpkg {
	struct package_loader *loader;
	struct lines lines; /* of the list of a package */
	char *diversions_text;
	struct strings diverted; /* number n is diverted as diversions[n - 1] says */
	struct diversion *diversions;
	size_t n_diversions, diversions_size;
};

static void dpkg_deinit(struct dpkg *dpkg)
{
	lines_deinit(&dpkg->lines);
	free(dpkg->diversions_text);
	strings_deinit(&dpkg->diverted);
	free(dpkg->diversions);
}
#define autodpkg __attribute__((cleanup(dpkg_deinit)))

static int add_diversion(struct dpkg *dpkg, struct span from, struct diversion diversion)
{
	uint32_t number;

	if (dpkg->n_diversions == dpkg->diversions_size) {
		size_t size = dpkg->diversions_size ? dpkg->diversions_size * 2 : 16;
		struct diversion *grown = realloc(dpkg->diversions, size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		dpkg->diversions = grown;
		dpkg->diversions_size = size;
	}
	if (!from.size || strings_find(&dpkg->diverted, from.bytes, from.size) != UINT32_MAX)
		return 0;
	if (strings_add(&dpkg->diverted, from.bytes, from.size, &number) < 0)
		return -ENOMEM;
	dpkg->diversions[dpkg->n_diversions++] = diversion;
	return 0;
}

/*
 * Each diversion has three lines: the path, where it went, and the package that diverted it (":" is
 * the administrator).
 */
static int read_diversions(struct dpkg *dpkg)
{
	struct span text, from, to, by;
	int code = loader_read(dpkg->loader, DIVERSIONS, &dpkg->diversions_text, &text.size);

	if (code <= 0)
		return code;
	text.bytes = dpkg->diversions_text;
	while (next_line(&text, &from) && next_line(&text, &to) && next_line(&text, &by)) {
		code = add_diversion(dpkg, from, (struct diversion){ to, by });
		if (code < 0)
			return code;
	}
	return 0;
}

/* The real name of a path in this package's list. */
static struct span undivert(const struct dpkg *dpkg, struct span path, struct span package)
{
	const struct diversion *diversion;
	uint32_t number;

	if (!dpkg->n_diversions || !path.size)
		return path;
	number = strings_find(&dpkg->diverted, path.bytes, path.size);
	if (number == UINT32_MAX)
		return path;
	diversion = &dpkg->diversions[number - 1];
	if (diversion->by.size == package.size &&
		!memcmp(diversion->by.bytes, package.bytes, package.size))
		return path;
	return diversion->to;
}

static int add_list(struct dpkg *dpkg, struct span package)
{
	struct span path;

	while (lines_next(&dpkg->lines, &path)) {
		int code = loader_add_path(dpkg->loader, undivert(dpkg, path, package));

		if (code < 0)
			return code;
	}
	return lines_end(&dpkg->lines);
}

/* Adds the paths of lines "digest  path". */
static int add_digests(struct dpkg *dpkg)
{
	struct span line;

	while (lines_next(&dpkg->lines, &line)) {
		const char *blank = memchr(line.bytes, ' ', line.size);
		struct span path;
		int code;

		if (!blank)
			continue;
		path = (struct span){ blank, line.size - (size_t)(blank - line.bytes) };
		for (; path.size && path.bytes[0] == ' '; path.size--)
			path.bytes++;
		code = loader_add_path(dpkg->loader, path);
		if (code < 0)
			return code;
	}
	return lines_end(&dpkg->lines);
}

/* Is this name safe as a part of a file name? No slash, and no dot at its start. */
static bool is_plain_name(struct span name)
{
	return name.size && name.size < 200 && name.bytes[0] != '.' &&
	       !memchr(name.bytes, '/', name.size) && !memchr(name.bytes, '\0', name.size);
}

static int open_list(struct dpkg *dpkg, const struct stanza *stanza, bool with_architecture)
{
	autofree char *path = NULL;

	if (asprintf(&path, "/var/lib/dpkg/info/%.*s%s%.*s.list", (int)stanza->package.size,
		    stanza->package.bytes, with_architecture ? ":" : "",
		    with_architecture ? (int)stanza->architecture.size : 0,
		    with_architecture ? stanza->architecture.bytes : "") < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return lines_open(&dpkg->lines, dpkg->loader, path);
}

/* Packages that can be installed for several architectures have the architecture in the name of
 * their list. */
static int load_list(struct dpkg *dpkg, const struct stanza *stanza)
{
	bool same = span_is(stanza->multi_arch, "same");
	int code;

	if (!is_plain_name(stanza->package) || !is_plain_name(stanza->architecture))
		return loader_complain(dpkg->loader, -EBADMSG,
			"%s: a package without a proper name or "
			"architecture",
			STATUS);
	code = open_list(dpkg, stanza, same);
	if (code == 0)
		code = open_list(dpkg, stanza, !same);
	return code <= 0 ? code : add_list(dpkg, stanza->package);
}

static bool is_there(const struct stanza *stanza)
{
	static const char gone[] = "not-installed";

	return stanza->package.size &&
	       !(stanza->status.size >= sizeof(gone) - 1 &&
		       !memcmp(stanza->status.bytes + stanza->status.size - (sizeof(gone) - 1),
			       gone, sizeof(gone) - 1));
}

static int end_stanza(struct dpkg *dpkg, const struct stanza *stanza)
{
	int code;

	if (!is_there(stanza))
		return 0;
	code = loader_add_package(
		dpkg->loader, "dpkg", stanza->package, stanza->version, stanza->architecture);
	return code < 0 ? code : load_list(dpkg, stanza);
}

static void take_field(struct stanza *stanza, struct span line)
{
	struct span value;

	if (line_value(line, "Package:", &value))
		stanza->package = value;
	else if (line_value(line, "Version:", &value))
		stanza->version = value;
	else if (line_value(line, "Architecture:", &value))
		stanza->architecture = value;
	else if (line_value(line, "Multi-Arch:", &value))
		stanza->multi_arch = value;
	else if (line_value(line, "Status:", &value))
		stanza->status = value;
}

/* The next stanza of *text; false at the end. */
static bool next_stanza(struct span *text, struct stanza *ret)
{
	struct span line;
	bool any = false;

	*ret = (struct stanza){ 0 };
	while (next_line(text, &line)) {
		if (line.size)
			take_field(ret, line);
		else if (any)
			return true;
		any |= line.size > 0;
	}
	return any;
}

static int load_status(struct dpkg *dpkg)
{
	autofree char *text = NULL;
	struct stanza stanza;
	struct span rest;
	int code = loader_read(dpkg->loader, STATUS, &text, &rest.size);

	if (code <= 0)
		return code;
	rest.bytes = text;
	while (next_stanza(&rest, &stanza)) {
		code = end_stanza(dpkg, &stanza);
		if (code < 0)
			return code;
	}
	return 0;
}

/* Loads one file of status.d, with its paths from the .md5sums file beside it. */
static int load_distroless(struct dpkg *dpkg, const char *name)
{
	autofree char *path = NULL, *digests = NULL, *text = NULL;
	struct stanza stanza;
	struct span rest;
	int code;

	if (asprintf(&path, STATUS_D "/%s", name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	code = loader_read(dpkg->loader, path, &text, &rest.size);
	if (code <= 0)
		return code;
	rest.bytes = text;
	if (!next_stanza(&rest, &stanza) || !is_there(&stanza))
		return 0;
	code = loader_add_package(
		dpkg->loader, "dpkg", stanza.package, stanza.version, stanza.architecture);
	if (code < 0)
		return code;
	if (asprintf(&digests, "%s.md5sums", path) < 0) {
		digests = NULL;
		return -ENOMEM;
	}
	code = lines_open(&dpkg->lines, dpkg->loader, digests);
	return code <= 0 ? code : add_digests(dpkg);
}

static void close_directory(DIR *directory)
{
	if (directory)
		closedir(directory);
}
DEFINE_CLEANUP(cleanup_directory, DIR *, close_directory)
#define autodirectory __attribute__((cleanup(cleanup_directory)))

static int is_stanza_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && !(dot && !strcmp(dot, ".md5sums"));
}

static DIR *open_status_d(struct resolver *r)
{
	struct resolution where;
	DIR *directory = NULL;
	int fd = -1;

	if (resolver_resolve(r, NULL, STATUS_D, true, &where) < 0)
		return NULL;
	if (!where.error)
		fd = beneath_open(resolver_root(r), where.path, O_RDONLY | O_DIRECTORY);
	resolution_deinit(&where);
	if (fd >= 0)
		directory = fdopendir(fd);
	if (fd >= 0 && !directory)
		close(fd);
	return directory;
}

static int load_status_d(struct dpkg *dpkg)
{
	autodirectory DIR *directory = open_status_d(dpkg->loader->resolver);
	struct dirent *entry;

	if (!directory)
		return 0;
	for (size_t n = 0; (entry = readdir(directory)); n++) {
		int code = 0;

		if (n == ENTRIES_MAX)
			return loader_complain(
				dpkg->loader, -E2BIG, STATUS_D ": more than %d files", ENTRIES_MAX);
		if (is_stanza_file(entry))
			code = load_distroless(dpkg, entry->d_name);
		if (code < 0)
			return code;
	}
	return 0;
}

int dpkg_load(struct package_loader *loader)
{
	autodpkg struct dpkg dpkg = { .loader = loader };
	int code = read_diversions(&dpkg);

	if (code == 0)
		code = load_status(&dpkg);
	if (code == 0)
		code = load_status_d(&dpkg);
	return code;
}
