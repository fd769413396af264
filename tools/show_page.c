#include "tools/show_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/manifest/words.h"
#include "tools/terminal.h"

#define NAMES_SHOWN 3 /* programs that are named for a file; "+N" counts the rest */

#define LIBRARY_COLUMN 52

void page_heading(const struct page *p, const char *word)
{
	putchar('\n');
	terminal_print(stdout, p->colour, STYLE_HEADING, "%s\n", word);
}

void page_user(const struct page *p, size_t place, uint32_t by)
{
	if (place < NAMES_SHOWN) {
		fputs(place ? ", " : "", stdout);
		terminal_name(stdout, &p->m->executables[by]->path);
	}
}

void page_more(size_t n)
{
	if (n > NAMES_SHOWN)
		printf(" +%zu", n - NAMES_SHOWN);
}

static void print_users(const struct page *p, size_t n, const uint32_t *by)
{
	for (size_t i = 0; i < n; i++)
		page_user(p, i, by[i]);
	page_more(n);
}

/* --- gaps --- */

void page_gaps(const struct page *p)
{
	if (!p->m->n_gaps)
		return;
	page_heading(p, "Gaps: what may have been missed");
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
		page_user(p, n++, (uint32_t)i);
	}
	page_more(n);
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
	page_heading(p, "Programs");
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
			page_user(p, n++, library->loaders[i]->by);
			separator = "; ";
		}
		page_more(n);
	}
}

void page_libraries(const struct page *p)
{
	if (!p->m->n_libraries)
		return;
	page_heading(p, "Libraries");
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

/* --- endpoints and missing paths --- */

void page_endpoints(const struct page *p)
{
	if (!p->m->n_endpoints)
		return;
	page_heading(p, "Endpoints");
	for (size_t i = 0; i < p->m->n_endpoints; i++) {
		const Footprint__Endpoint *endpoint = p->m->endpoints[i];
		size_t used = 2 + sizeof("connect");

		printf("  %-*s", (int)sizeof("connect"), endpoint_word(endpoint->operation));
		used += terminal_text(stdout, endpoint->address);
		terminal_pad(stdout, used, LIBRARY_COLUMN);
		print_users(p, endpoint->n_by, endpoint->by);
		putchar('\n');
	}
}

void page_missing(const struct page *p)
{
	if (!p->m->n_missing)
		return;
	page_heading(p, "Missing: looked for and not there");
	for (size_t i = 0; i < p->m->n_missing; i++) {
		const Footprint__Missing *missing = p->m->missing[i];
		size_t used;

		fputs("  ", stdout);
		used = 2 + terminal_path(stdout, &missing->path);
		terminal_pad(stdout, used, ACCESS_COLUMN);
		print_users(p, missing->n_by, missing->by);
		putchar('\n');
	}
}
