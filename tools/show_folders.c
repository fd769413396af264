#include "tools/show_folders.h"

#include <string.h>

/* The line of the file at `at` in an open folder: the file itself, or the folder in it that leads
 * there. */
static struct fold line_at(Footprint__File *const *files, size_t at, const struct fold *folder)
{
	const ProtobufCBinaryData *path = &files[at]->path;
	const uint8_t *slash = path->len > folder->prefix ? memchr(path->data + folder->prefix, '/',
								    path->len - folder->prefix)
							  : NULL;
	struct fold line = { .first = at, .n = 1 };
	size_t prefix = slash ? (size_t)(slash + 1 - path->data) : 0;

	while (slash && at + line.n < folder->first + folder->n &&
		files[at + line.n]->path.len >= prefix &&
		!memcmp(files[at + line.n]->path.data, path->data, prefix))
		line.n++;
	if (line.n > 1)
		line.prefix = prefix;
	return line;
}

/* Writes the lines of what is in a folder, unless `lines` is NULL, and returns how many there are:
 * no more than FOLD_LINES_MAX + 1. */
static size_t list_folder(
	Footprint__File *const *files, const struct fold *folder, struct fold lines[])
{
	size_t n = 0;

	for (size_t at = folder->first; at < folder->first + folder->n && n <= FOLD_LINES_MAX;
		n++) {
		struct fold line = line_at(files, at, folder);

		at += line.n;
		if (lines)
			lines[n] = line;
	}
	return n;
}

/* The folder that takes the fewest lines when it is open, or `n`: there is room for none. */
static size_t find_smallest(const struct fold lines[], size_t n, size_t room)
{
	size_t smallest = n;

	for (size_t i = 0; i < n; i++)
		if (lines[i].prefix && n - 1 + lines[i].inside <= room &&
			(smallest == n || lines[i].inside < lines[smallest].inside))
			smallest = i;
	return smallest;
}

size_t fold_files(Footprint__File *const *files, size_t n, size_t room, struct fold lines[])
{
	struct fold inside[FOLD_LINES_MAX];
	size_t n_lines = n ? 1 : 0, at;

	lines[0] = (struct fold){ .n = n, .prefix = 1 };
	lines[0].inside = list_folder(files, &lines[0], NULL);
	while ((at = find_smallest(lines, n_lines, room)) < n_lines) {
		size_t n_inside = list_folder(files, &lines[at], inside);

		for (size_t i = 0; i < n_inside; i++)
			inside[i].inside = list_folder(files, &inside[i], NULL);
		memmove(&lines[at + n_inside], &lines[at + 1], (n_lines - at - 1) * sizeof(*lines));
		memcpy(&lines[at], inside, n_inside * sizeof(*lines));
		n_lines += n_inside - 1;
	}
	return n_lines;
}
