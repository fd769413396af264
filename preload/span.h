/* A stretch of text within another: no NUL ends it. */
#ifndef FOOTPRINT_PRELOAD_SPAN_H
#define FOOTPRINT_PRELOAD_SPAN_H

#include <stdbool.h>

#include "preload/text.h"

struct span {
	const char *text;
	size_t size;
};

/* All of a text; NULL: nothing. */
static inline struct span span_of(const char *text)
{
	return (struct span){ text, text ? text_length(text) : 0 };
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* What stands behind the last '/' of a path. */
static inline struct span span_file_name(struct span path)
{
	size_t start = path.size;

	while (start > 0 && path.text[start - 1] != '/')
		start--;
	return (struct span){ path.text + start, path.size - start };
}

#endif
