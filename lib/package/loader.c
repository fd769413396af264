/* What the readers of all databases share: reading files up to a limit, lines, and complaints. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/package/database.h"
#include "lib/root/content.h"

int loader_complain(struct package_loader *loader, int code, const char *format, ...)
{
	va_list args;

	if (loader->err->code)
		return 0;
	loader->err->code = code;
	va_start(args, format);
	vsnprintf(loader->err->text, sizeof(loader->err->text), format, args);
	va_end(args);
	return 0;
}

/* Handles the result of opening or reading `path`. 1, 0 or -ENOMEM. */
static int judge(struct package_loader *loader, const char *path, int code)
{
	/* The database is not to blame: it will be opened again later. */
	if (code == -ENOMEM || code == -EMFILE || code == -ENFILE)
		return -ENOMEM;
	if (code == -ENOENT || code == -ENOTDIR)
		return 0;
	return code < 0 ? loader_complain(loader, code, "%s: %s", path, strerror(-code)) : 1;
}

static size_t most(const struct package_loader *loader)
{
	return loader->bytes_left < PACKAGE_TEXT_SIZE_MAX ? loader->bytes_left
							  : PACKAGE_TEXT_SIZE_MAX;
}

int loader_read(struct package_loader *loader, const char *path, char **ret, size_t *ret_size)
{
	int code = judge(
		loader, path, content_read(loader->resolver, path, most(loader), ret, ret_size));

	if (code > 0)
		loader->bytes_left -= *ret_size;
	return code;
}

int loader_open(struct package_loader *loader, const char *path, int *ret_fd, uint64_t *ret_size)
{
	int fd = content_open(loader->resolver, path, ret_size), code;

	if (fd >= 0 && *ret_size > most(loader)) {
		close(fd);
		fd = -EFBIG;
	}
	code = judge(loader, path, fd);
	if (code <= 0)
		return code;
	loader->bytes_left -= *ret_size;
	*ret_fd = fd;
	return 1;
}

bool next_line(struct span *text, struct span *ret_line)
{
	const char *newline;

	if (!text->size)
		return false;
	newline = memchr(text->bytes, '\n', text->size);
	*ret_line = (struct span){ text->bytes,
		newline ? (size_t)(newline - text->bytes) : text->size };
	text->bytes += ret_line->size + (newline ? 1 : 0);
	text->size -= ret_line->size + (newline ? 1 : 0);
	return true;
}

bool span_is(struct span span, const char *text)
{
	return span.size == strlen(text) && !memcmp(span.bytes, text, span.size);
}

bool line_value(struct span line, const char *key, struct span *ret_value)
{
	size_t size = strlen(key);

	if (line.size < size || memcmp(line.bytes, key, size))
		return false;
	while (size < line.size && (line.bytes[size] == ' ' || line.bytes[size] == '\t'))
		size++;
	*ret_value = (struct span){ line.bytes + size, line.size - size };
	return true;
}
