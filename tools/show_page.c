#include "tools/show_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/words.h"
#include "tools/show_folders.h"
#include "tools/terminal.h"

#define NAMES_SHOWN 3  /* programs that are named for a file; "+N" counts the rest */
#define FILES_SHOWN 24 /* lines for the files of no package, without --files */

#define ACCESS_COLUMN  60
#define LIBRARY_COLUMN 52
#define PACKAGE_COLUMN 44

static void heading(const struct page *p, const char *word)
{
	putchar('\n');
	terminal_print(stdout, p->colour, STYLE_HEADING, "%s\n", word);
}

static void print_user(const struct page *p, size_t place, uint32_t by)
{
	if (place < NAMES_SHOWN) {
		fputs(place ? ", " : "", stdout);
		terminal_name(stdout, &p->m->executables[by]->path);
	}
}

static void print_more(size_t n)
{
	if (n > NAMES_SHOWN)
		printf(" +%zu", n - NAMES_SHOWN);
}

/* --- gaps --- */

void page_gaps(const struct page *p)
{
	if (!p->m->n_gaps)
		return;
	heading(p, "Gaps: what may have been missed");
	for (size_t i = 0; i < p->m->n_gaps; i++) {
		const Footprint__Gap *gap = p->m->gaps[i];

		fputs("  ", stdout);
		terminal_style(stdout, p->colour, STYLE_BAD);
		terminal_text(stdout, gap->kind);
		terminal_style(stdout, p->colour, STYLE_PLAIN);
		if (gap->path.len) {
			putchar(' ');
			terminal_path(stdout, &gap->path);
		}
		if (gap->count > 1)
			printf(" (%" PRIu64 " times)", gap->count);
		if (*gap->detail) {
			fputs(": ", stdout);
			terminal_text(stdout, gap->detail);
		}
		putchar('\n');
	}
}

/* --- programs --- */

static bool executes(const Footprint__Executable *parent, uint32_t child)
{
	for (size_t i = 0; i < parent->n_executes; i++)
		if (parent->executes[i] == child)
			return true;
	return false;
}

static void print_starters(const struct page *p, uint32_t child)
{
	size_t n = 0;

	for (size_t i = 0; i < p->m->n_executables; i++) {
		if (!executes(p->m->executables[i], child))
			continue;
		if (n == 0)
			fputs(", started by ", stdout);
		print_user(p, n++, (uint32_t)i);
	}
	print_more(n);
}

static void print_watch(const Footprint__Executable *program)
{
	bool watched = program->watched != FOOTPRINT__WATCHED__WATCHED_NONE;

	if (program->runs) {
		printf("  %" PRIu64 " image%s%s", program->runs, plural(program->runs),
			watched ? "" : ", not watched");
	} else if (program_is_script(program)) {
		fputs("  script for ", stdout);
		terminal_path(stdout, &program->interpreter);
	} else if (watched) {
		fputs("  watched under another application", stdout);
	} else {
		fputs("  not watched", stdout);
	}
}

void page_programs(const struct page *p)
{
	if (!p->m->n_executables)
		return;
	heading(p, "Programs");
	for (size_t i = 0; i < p->m->n_executables; i++) {
		const Footprint__Executable *program = p->m->executables[i];

		fputs("  ", stdout);
		terminal_path(stdout, &program->path);
		terminal_style(stdout, p->colour, STYLE_FAINT);
		print_watch(program);
		if (program->first)
			fputs(", first program of a run", stdout);
		print_starters(p, (uint32_t)i);
		terminal_style(stdout, p->colour, STYLE_PLAIN);
		putchar('\n');
	}
}

/* --- libraries --- */

/* "needed by git; dlopen by python3.11": each program once, by its strongest reason. */
static void print_loaders(const struct page *p, const Footprint__Library *library)
{
	const char *separator = "";

	for (Footprint__Loaded how = 0; how <= FOOTPRINT__LOADED__LOADED_UNOBSERVED; how++) {
		size_t n = 0;

		for (size_t i = 0; i < library->n_loaders; i++) {
			if (library->loaders[i]->loaded != how ||
				!loader_is_programs_first(library, i))
				continue;
			if (!n)
				printf("%s%s ", separator, loaded_phrase(how));
			print_user(p, n++, library->loaders[i]->by);
			separator = "; ";
		}
		print_more(n);
	}
}

void page_libraries(const struct page *p)
{
	if (!p->m->n_libraries)
		return;
	heading(p, "Libraries");
	for (size_t i = 0; i < p->m->n_libraries; i++) {
		const Footprint__Library *library = p->m->libraries[i];
		size_t used;

		fputs("  ", stdout);
		used = 2 + terminal_path(stdout, &library->path);
		terminal_pad(stdout, used, LIBRARY_COLUMN);
		terminal_style(stdout, p->colour, STYLE_FAINT);
		print_loaders(p, library);
		terminal_style(stdout, p->colour, STYLE_PLAIN);
		putchar('\n');
	}
}

/* --- packages and files --- */

static void print_file(const struct page *p, const Footprint__File *file)
{
	char words[ACCESS_WORDS_SIZE], size[SIZE_TEXT_SIZE];
	size_t used = 4;

	fputs("    ", stdout);
	used += terminal_file(stdout, p->m, &file->path);
	if (file->target.len) {
		used += (size_t)printf(" -> ");
		used += terminal_path(stdout, &file->target);
	}
	terminal_pad(stdout, used, ACCESS_COLUMN);
	access_words(file_access(file), words);
	terminal_style(stdout, p->colour, STYLE_FAINT);
	fputs(words, stdout);
	if (file->size)
		printf(", %s", terminal_size(file->size, size));
	if (file->n_uses)
		fputs(", by ", stdout);
	for (size_t i = 0; i < file->n_uses; i++)
		print_user(p, i, file->uses[i]->by);
	print_more(file->n_uses);
	terminal_style(stdout, p->colour, STYLE_PLAIN);
	putchar('\n');
}

struct tally {
	size_t files;
	uint64_t bytes;
	size_t end; /* behind them, in the order of files by package */
};

/* Counts files by package number; 0 stands for files of no package. */
static struct tally *count_by_package(const Footprint__Manifest *m)
{
	struct tally *tallies = calloc(m->n_packages + 1, sizeof(*tallies));

	if (!tallies)
		abort(); /* a command may abort when there is no memory */
	for (size_t i = 0; i < m->n_files; i++) {
		tallies[m->files[i]->package].files++;
		tallies[m->files[i]->package].bytes += m->files[i]->size;
	}
	return tallies;
}

/* The indexes of all files, by package, and in the order of the manifest within one. */
static size_t *order_by_package(const Footprint__Manifest *m, struct tally *tallies)
{
	size_t *order = calloc(m->n_files + 1, sizeof(*order)), at = 0;

	if (!order)
		abort();
	for (size_t i = 0; i <= m->n_packages; i++) {
		tallies[i].end = at;
		at += tallies[i].files;
	}
	for (size_t i = 0; i < m->n_files; i++)
		order[tallies[m->files[i]->package].end++] = i;
	return order;
}

static void print_tally(const struct page *p, const struct tally *tally, size_t used)
{
	char size[SIZE_TEXT_SIZE];

	terminal_pad(stdout, used, PACKAGE_COLUMN);
	terminal_print(stdout, p->colour, STYLE_FAINT, "%5zu file%s  %10s", tally->files,
		tally->files == 1 ? " " : "s", terminal_size(tally->bytes, size));
	putchar('\n');
}

static void print_package(const struct page *p, size_t number, const struct tally *tally)
{
	size_t used = 2;

	fputs("  ", stdout);
	if (number) {
		const Footprint__Package *package = p->m->packages[number - 1];

		used += terminal_text(stdout, package->name);
		used += (size_t)printf(" ");
		used += terminal_text(stdout, package->version);
	} else {
		used += (size_t)printf("of no package");
	}
	print_tally(p, tally, used);
}

static void print_files_of(const struct page *p, const struct tally *tally, const size_t *order)
{
	const size_t *files = order + tally->end - tally->files;

	for (size_t i = 0; i < tally->files; i++)
		print_file(p, p->m->files[files[i]]);
}

/* Is it a folder with other files of no package below it? */
static bool leads_to_others(const Footprint__Manifest *m, size_t folder)
{
	const ProtobufCBinaryData *path = &m->files[folder]->path;

	if (m->files[folder]->type != FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY)
		return false;
	for (size_t i = folder + 1; i < m->n_files; i++) {
		const ProtobufCBinaryData *other = &m->files[i]->path;

		if (other->len <= path->len || memcmp(other->data, path->data, path->len) != 0 ||
			other->data[path->len] > '/')
			return false;
		if (other->data[path->len] == '/' && !m->files[i]->package)
			return true;
	}
	return false;
}

/* "/srv/www/  41 files, read check, 12.3 KiB, by nginx, php8.2": what all do with all of them. */
static void print_folder(
	const struct page *p, const struct fold *line, Footprint__File *const *files)
{
	const ProtobufCBinaryData *path = &files[line->first]->path;
	autofree bool *users = calloc(p->m->n_executables + 1, sizeof(*users));
	char words[ACCESS_WORDS_SIZE], size[SIZE_TEXT_SIZE];
	uint32_t access = 0;
	uint64_t bytes = 0;
	size_t n = 0;

	if (!users)
		abort(); /* a command may abort when there is no memory */
	for (size_t i = line->first; i < line->first + line->n; i++) {
		access |= file_access(files[i]);
		bytes += files[i]->size;
		for (size_t use = 0; use < files[i]->n_uses; use++)
			users[files[i]->uses[use]->by] = true;
	}
	fputs("    ", stdout);
	terminal_pad(stdout, 4 + terminal_bytes(stdout, path->data, line->prefix), ACCESS_COLUMN);
	access_words(access, words);
	terminal_style(stdout, p->colour, STYLE_FAINT);
	printf("%zu files, %s", line->n, words);
	if (bytes)
		printf(", %s", terminal_size(bytes, size));
	for (uint32_t by = 0; by < p->m->n_executables; by++)
		if (users[by]) {
			fputs(n ? "" : ", by ", stdout);
			print_user(p, n++, by);
		}
	print_more(n);
	terminal_style(stdout, p->colour, STYLE_PLAIN);
	putchar('\n');
}

/* Many files are shown by the folders that they are in. A folder itself then is no file, unless it
 * is all that is used of it. */
static void print_folders_of_none(const struct page *p, size_t n_files)
{
	autofree Footprint__File **files = calloc(n_files, sizeof(*files));
	struct fold lines[FOLD_LINES_MAX];
	size_t n = 0, n_lines;

	if (!files)
		abort(); /* a command may abort when there is no memory */
	for (size_t i = 0; i < p->m->n_files; i++)
		if (!p->m->files[i]->package &&
			(n_files <= FILES_SHOWN || !leads_to_others(p->m, i)))
			files[n++] = p->m->files[i];
	n_lines = fold_files(files, n, FILES_SHOWN, lines);
	for (size_t i = 0; i < n_lines; i++)
		if (lines[i].prefix)
			print_folder(p, &lines[i], files);
		else
			print_file(p, files[lines[i].first]);
	if (n_lines < n)
		fputs("    each of them: see --files\n", stdout);
}

static void print_packages(const struct page *p, const char *word, bool with_files)
{
	autofree struct tally *tallies = count_by_package(p->m);
	autofree size_t *order = order_by_package(p->m, tallies);

	if (!p->m->n_files)
		return;
	heading(p, word);
	for (size_t i = 1; i <= p->m->n_packages; i++) {
		print_package(p, i, &tallies[i]);
		if (with_files)
			print_files_of(p, &tallies[i], order);
	}
	if (!tallies[0].files)
		return;
	print_package(p, 0, &tallies[0]);
	if (with_files)
		print_files_of(p, &tallies[0], order);
	else
		print_folders_of_none(p, tallies[0].files);
}

void page_packages(const struct page *p)
{
	print_packages(p, "Packages and files of none", false);
}

void page_files(const struct page *p)
{
	print_packages(p, "Files", true);
}

/* --- endpoints and missing paths --- */

void page_endpoints(const struct page *p)
{
	if (!p->m->n_endpoints)
		return;
	heading(p, "Endpoints");
	for (size_t i = 0; i < p->m->n_endpoints; i++) {
		const Footprint__Endpoint *endpoint = p->m->endpoints[i];
		size_t used = 2 + sizeof("connect");

		printf("  %-*s", (int)sizeof("connect"), endpoint_word(endpoint->operation));
		used += terminal_text(stdout, endpoint->address);
		terminal_pad(stdout, used, LIBRARY_COLUMN);
		for (size_t by = 0; by < endpoint->n_by; by++)
			print_user(p, by, endpoint->by[by]);
		print_more(endpoint->n_by);
		putchar('\n');
	}
}

void page_missing(const struct page *p)
{
	if (!p->m->n_missing)
		return;
	heading(p, "Missing: looked for and not there");
	for (size_t i = 0; i < p->m->n_missing; i++) {
		const Footprint__Missing *missing = p->m->missing[i];
		size_t used;

		fputs("  ", stdout);
		used = 2 + terminal_path(stdout, &missing->path);
		terminal_pad(stdout, used, ACCESS_COLUMN);
		for (size_t by = 0; by < missing->n_by; by++)
			print_user(p, by, missing->by[by]);
		print_more(missing->n_by);
		putchar('\n');
	}
}
