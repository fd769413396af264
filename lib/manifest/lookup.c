#include "lib/manifest/lookup.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/manifest/find.h"

/* --- symlinks --- */

/* With symlinks that a crafted manifest has, a path could grow without end. */
#define LINK_TEXT_MAX (64u << 10)

/* A lookup in progress: the path so far, and what is left of it. */
struct walk {
	char *done; /* canonical, without a '/' at its end; "" is the root. Owned */
	size_t size, room;
	const char *rest;
};

static void walk_deinit(struct walk *w)
{
	free(w->done);
}
#define autowalk __attribute__((cleanup(walk_deinit)))

static void step_up(struct walk *w)
{
	while (w->size && w->done[w->size - 1] != '/')
		w->size--;
	if (w->size)
		w->size--;
}

/* Continues with the target of a symlink, followed by the rest of the path. */
static int enter_link(struct walk *w, const Footprint__File *link, struct why *why)
{
	size_t size = link->target.len + strlen(w->rest) + 2;
	char *rest = arena_take_bytes(&why->arena, size);

	if (!rest)
		return -ENOMEM;
	memcpy(rest, link->target.data, link->target.len);
	rest[link->target.len] = '/';
	strcpy(rest + link->target.len + 1, w->rest);
	why->links[why->n_links++] = (struct why_link){ link->path, link->target };
	if (!w->rest[strspn(w->rest, "/")])
		why->final_link = why->n_links;
	w->rest = rest;
	if (*rest == '/')
		w->size = 0;
	else
		step_up(w);
	return 0;
}

static int make_room(struct walk *w, size_t more)
{
	size_t room = w->room ? w->room : 256;
	char *larger;

	if (w->done && w->size + more <= w->room)
		return 0;
	while (room < w->size + more)
		room *= 2;
	larger = realloc(w->done, room);
	if (!larger)
		return -ENOMEM;
	w->done = larger;
	w->room = room;
	return 0;
}

/* Past the limits this is probably a loop, so what was found so far is the answer. */
static bool may_enter(const struct walk *w, const Footprint__File *link, const struct why *why)
{
	return link->target.len && why->n_links < WHY_LINKS_MAX &&
	       link->target.len + strlen(w->rest) <= LINK_TEXT_MAX;
}

static int step_down(const Footprint__Manifest *m, struct walk *w, const char *name, size_t size,
	struct why *why)
{
	ProtobufCBinaryData path;
	const Footprint__File *file;

	if (make_room(w, size + 1) < 0)
		return -ENOMEM;
	w->done[w->size] = '/';
	memcpy(w->done + w->size + 1, name, size);
	w->size += size + 1;
	path = (ProtobufCBinaryData){ w->size, (uint8_t *)w->done };
	file = view_find_file(m, &path);
	return file && may_enter(w, file, why) ? enter_link(w, file, why) : 0;
}

int lookup_resolve(const Footprint__Manifest *m, const char *path, struct why *why)
{
	autowalk struct walk w = { .rest = path };
	char *result;

	while (*w.rest) {
		const char *name = w.rest;
		size_t size = strcspn(name, "/");

		w.rest += size + (name[size] == '/');
		if (size == 0 || (size == 1 && name[0] == '.'))
			continue;
		if (size == 2 && name[0] == '.' && name[1] == '.')
			step_up(&w);
		else if (step_down(m, &w, name, size, why) < 0)
			return -ENOMEM;
	}
	result = arena_take_bytes(&why->arena, w.size + 2);
	if (!result)
		return -ENOMEM;
	memcpy(result, w.size ? w.done : "/", w.size ? w.size : 1);
	why->path = (ProtobufCBinaryData){ w.size ? w.size : 1, (uint8_t *)result };
	return 0;
}

/* --- escapes --- */

static int digit_value(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The byte that "\xHH" stands for. 0: this is not such an escape, or it is a NUL, which no name
 * contains. */
static int escaped_byte(const char *at)
{
	int high = at[0] == '\\' && at[1] == 'x' ? digit_value(at[2]) : -1;
	int low = high < 0 ? -1 : digit_value(at[3]);

	return low < 0 ? 0 : high * 16 + low;
}

const char *lookup_unescape(const char *name, bool doubled, struct arena *arena)
{
	char *result = arena_take_bytes(arena, strlen(name) + 1), *to = result;
	const char *from = name;

	while (to && *from) {
		int byte = escaped_byte(from);
		bool pair = doubled && from[0] == '\\' && from[1] == '\\';

		*to++ = byte ? (char)byte : *from;
		from += byte ? 4 : pair ? 2 : 1;
	}
	if (!to || to - result == from - name)
		return NULL;
	*to = '\0';
	return result;
}

/* --- suggestions --- */

static ProtobufCBinaryData last_component(const ProtobufCBinaryData *path)
{
	const uint8_t *slash = path->len ? memrchr(path->data, '/', path->len) : NULL;
	size_t skip = slash ? (size_t)(slash + 1 - path->data) : 0;

	return (ProtobufCBinaryData){ path->len - skip, path->data + skip };
}

/* 2: the last component is the same; 1: it begins the same; 0: it differs. */
static int likeness(const ProtobufCBinaryData *wanted, const ProtobufCBinaryData *path)
{
	ProtobufCBinaryData name = last_component(path);

	if (!wanted->len || name.len < wanted->len || memcmp(name.data, wanted->data, wanted->len))
		return 0;
	return name.len == wanted->len ? 2 : 1;
}

static void suggest(struct why *why, const ProtobufCBinaryData *path)
{
	for (size_t i = 0; i < why->n_suggestions; i++)
		if (!compare_paths(&why->suggestions[i], path))
			return;
	if (why->n_suggestions < WHY_SUGGESTIONS_MAX)
		why->suggestions[why->n_suggestions++] = *path;
}

/* Does the address begin with it, or is it the address's port, with or without the colon? */
static bool is_like_address(const char *address, const char *what)
{
	const char *port = strrchr(address, ':');

	return !strncmp(address, what, strlen(what)) ||
	       (port && (!strcmp(port, what) || !strcmp(port + 1, what)));
}

void lookup_suggest(const Footprint__Manifest *m, const char *what, struct why *why)
{
	ProtobufCBinaryData whole = { strlen(what), (uint8_t *)what };
	ProtobufCBinaryData wanted;

	while (whole.len > 1 && whole.data[whole.len - 1] == '/')
		whole.len--;
	wanted = last_component(&whole);
	for (int least = 2; least > 0; least--) {
		for (size_t i = 0; i < m->n_files; i++)
			if (likeness(&wanted, &m->files[i]->path) >= least)
				suggest(why, &m->files[i]->path);
		for (size_t i = 0; i < m->n_missing; i++)
			if (likeness(&wanted, &m->missing[i]->path) >= least)
				suggest(why, &m->missing[i]->path);
	}
	for (size_t i = 0; *what && i < m->n_endpoints; i++) {
		char *address = m->endpoints[i]->address;

		if (is_like_address(address, what))
			suggest(why, &(ProtobufCBinaryData){ strlen(address), (uint8_t *)address });
	}
}
