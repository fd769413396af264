#include "lib/package/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/root/content.h"

static void close_file(struct lines *lines)
{
	if (lines->size)
		close(lines->fd);
	lines->size = 0;
}

void lines_deinit(struct lines *lines)
{
	close_file(lines);
	free(lines->buffer);
	lines->buffer = NULL;
}

int lines_open(struct lines *lines, struct package_loader *loader, const char *path)
{
	uint64_t size;
	int code;

	close_file(lines);
	if (!lines->buffer)
		lines->buffer = malloc(LINES_BUFFER);
	if (!lines->buffer)
		return -ENOMEM;
	code = loader_open(loader, path, &lines->fd, &size);
	if (code <= 0)
		return code;
	lines->size = size;
	lines->loader = loader;
	snprintf(lines->path, sizeof(lines->path), "%s", path);
	lines->offset = lines->at = lines->end = 0;
	lines->too_long = false;
	lines->error = 0;
	if (!size)
		close(lines->fd);
	return 1;
}

/* Reads more of the file, behind what is left in the buffer. False: there is no more. */
static bool fill(struct lines *lines)
{
	uint64_t left = lines->size - lines->offset;
	size_t room;
	ssize_t n;

	memmove(lines->buffer, lines->buffer + lines->at, lines->end - lines->at);
	lines->end -= lines->at;
	lines->at = 0;
	room = LINES_BUFFER - lines->end;
	n = content_read_at(
		lines->fd, lines->buffer + lines->end, left < room ? left : room, lines->offset);
	if (n < 0)
		lines->error = (int)n;
	if (n <= 0)
		return false;
	lines->end += (size_t)n;
	lines->offset += (uint64_t)n;
	return true;
}

static struct span take(struct lines *lines, size_t size, size_t newline)
{
	struct span line = { lines->buffer + lines->at, size };

	lines->at += size + newline;
	return line;
}

bool lines_next(struct lines *lines, struct span *ret)
{
	size_t looked = 0;

	while (lines->size) {
		char *from = lines->buffer + lines->at + looked;
		char *newline = memchr(from, '\n', lines->end - lines->at - looked);
		bool whole = !lines->too_long;

		if (newline) {
			*ret = take(lines, (size_t)(newline - lines->buffer) - lines->at, 1);
			lines->too_long = false;
			looked = 0;
			if (whole)
				return true;
			continue;
		}
		looked = lines->end - lines->at;
		if (looked == LINES_BUFFER) {
			lines->too_long = true;
			lines->at = lines->end;
			looked = 0;
		}
		if (fill(lines))
			continue;
		close_file(lines);
		*ret = take(lines, looked, 0);
		return whole && !lines->too_long && !lines->error && ret->size;
	}
	return false;
}

int lines_end(struct lines *lines)
{
	int error = lines->error;

	if (!error || error == -ENOMEM)
		return error;
	return loader_complain(lines->loader, error, "%s: %s", lines->path, strerror(-error));
}
