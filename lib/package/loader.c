/* What the readers of all databases use: files against a limit, lines, complaints. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

int loader_read(struct package_loader *loader, const char *path, char **ret, size_t *ret_size)
{
	size_t max = loader->bytes_left < PACKAGE_TEXT_SIZE_MAX ? loader->bytes_left
								: PACKAGE_TEXT_SIZE_MAX;
	int code = content_read(loader->resolver, path, max, ret, ret_size);

	/* Nothing is wrong with the database: it is opened again later. */
	if (code == -ENOMEM || code == -EMFILE || code == -ENFILE)
		return -ENOMEM;
	if (code == -ENOENT || code == -ENOTDIR)
		return 0;
	if (code < 0)
		return loader_complain(loader, code, "%s: %s", path, strerror(-code));
	loader->bytes_left -= *ret_size;
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
