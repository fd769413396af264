#include "tools/diff_line.h"

#include "tools/terminal.h"

void line_begin_note(struct line *l)
{
	fputs(l->noted ? "; " : "  ", l->out);
	l->noted = true;
}

void line_note_change(struct line *l, const char *what, const char *before, const char *after)
{
	line_begin_note(l);
	fprintf(l->out, "%s ", what);
	terminal_text(l->out, *before ? before : "none");
	fputs(" -> ", l->out);
	terminal_text(l->out, *after ? after : "none");
}

static void put_path(FILE *out, const ProtobufCBinaryData *path)
{
	if (path->len)
		terminal_path(out, path);
	else
		fputs("none", out);
}

void line_note_paths(struct line *l, const char *what, const ProtobufCBinaryData *before,
	const ProtobufCBinaryData *after)
{
	line_begin_note(l);
	fprintf(l->out, "%s ", what);
	put_path(l->out, before);
	fputs(" -> ", l->out);
	put_path(l->out, after);
}

void line_note_programs(struct line *l, const Footprint__Manifest *m, const char *verb, size_t n,
	const uint32_t *programs)
{
	if (!n)
		return;
	line_begin_note(l);
	fprintf(l->out, "%s ", verb);
	for (size_t i = 0; i < n && i < LINE_NAMES_SHOWN; i++) {
		fputs(i ? ", " : "", l->out);
		terminal_name(l->out, &m->executables[programs[i]]->path);
	}
	if (n > LINE_NAMES_SHOWN)
		fprintf(l->out, " +%zu", n - LINE_NAMES_SHOWN);
}
