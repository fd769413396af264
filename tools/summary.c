#include "tools/summary.h"

#include <inttypes.h>
#include <time.h>

#include "lib/manifest/words.h"
#include "tools/terminal.h"

#define LABEL_COLUMN 13

static void label(FILE *out, const char *word)
{
	fprintf(out, "  %-*s", LABEL_COLUMN - 2, word);
}

static void print_title(FILE *out, bool colour, const Footprint__Manifest *m)
{
	terminal_print(out, colour, STYLE_HEADING, "%s %s", m->application, m->version);
	fputs(": ", out);
	if (view_is_complete(m))
		terminal_print(out, colour, STYLE_GOOD, "complete");
	else if (m->n_gaps)
		terminal_print(out, colour, STYLE_BAD, "not complete, %zu gap%s", m->n_gaps,
			plural(m->n_gaps));
	else
		terminal_print(out, colour, STYLE_BAD, "no runs");
	fputc('\n', out);
}

/* Prints whole seconds, which suffice for people, rounded down. */
static void print_time(FILE *out, uint64_t nanoseconds)
{
	char text[TIME_TEXT_SIZE];

	time_text(nanoseconds, text);
	fprintf(out, "%.10s %.8sZ", text, text + sizeof("2026-11-22T") - 1);
}

static void print_runs(FILE *out, const Footprint__Manifest *m)
{
	uint64_t first = UINT64_MAX, last = 0, processes = 0;
	bool running = false;

	label(out, "runs");
	if (!m->n_runs) {
		fputs("none\n", out);
		return;
	}
	for (size_t i = 0; i < m->n_runs; i++) {
		const Footprint__Run *run = m->runs[i];

		first = run->started_ns < first ? run->started_ns : first;
		last = run->ended_ns > last ? run->ended_ns : last;
		running |= !run->ended_ns;
		processes += run->processes;
	}
	fprintf(out, "%zu with %" PRIu64 " process image%s, ", m->n_runs, processes,
		processes == 1 ? "" : "s and forks");
	print_time(out, first);
	fputs(" to ", out);
	if (running)
		fputs("now (running)", out);
	else
		print_time(out, last);
	fputc('\n', out);
}

static void print_files(FILE *out, const Footprint__Manifest *m)
{
	char size[SIZE_TEXT_SIZE];
	uint64_t bytes = 0;

	for (size_t i = 0; i < m->n_files; i++)
		bytes += m->files[i]->size;
	label(out, "files");
	fprintf(out, "%zu, %s", m->n_files, terminal_size(bytes, size));
	if (m->n_packages)
		fprintf(out, ", from %zu package%s", m->n_packages, plural(m->n_packages));
	fputc('\n', out);
}

static void print_count(FILE *out, const char *word, size_t n)
{
	label(out, word);
	fprintf(out, "%zu\n", n);
}

void summary_print(FILE *out, const Footprint__Manifest *m)
{
	bool colour = terminal_has_colour(out);

	print_title(out, colour, m);
	print_runs(out, m);
	print_count(out, "programs", m->n_executables);
	print_count(out, "libraries", m->n_libraries);
	print_files(out, m);
	print_count(out, "endpoints", m->n_endpoints);
	if (m->n_missing) {
		label(out, "missing");
		fprintf(out, "%zu path%s looked for and not there\n", m->n_missing,
			plural(m->n_missing));
	}
}
