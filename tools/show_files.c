/* The sections of `show` about packages and files. */
#include "tools/show_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/words.h"
#include "tools/show_folders.h"
#include "tools/terminal.h"

#define FILES_SHOWN 24 /* lines for the files of no package, without --files */

#define PACKAGE_COLUMN 44

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
		page_user(p, i, file->uses[i]->by);
	page_more(file->n_uses);
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
			page_user(p, n++, by);
		}
	page_more(n);
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
	page_heading(p, word);
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
