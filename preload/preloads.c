#include "preload/preloads.h"

bool preloads_next(const char **at, struct span *ret_entry)
{
	const char *start = *at;
	const char *end;

	while (*start && preloads_separates(*start))
		start++;
	for (end = start; *end && !preloads_separates(*end);)
		end++;
	*at = end;
	*ret_entry = (struct span){ start, (size_t)(end - start) };
	return end > start;
}

bool preloads_hold(const char *value, const char *path)
{
	struct span wanted = span_of(path), entry;

	while (value && preloads_next(&value, &entry))
		if (span_equal(entry, wanted))
			return true;
	return false;
}

bool preloads_hold_file(const char *value, const char *name)
{
	struct span wanted = span_of(name), entry;

	while (value && preloads_next(&value, &entry))
		if (span_equal(span_file_name(entry), wanted))
			return true;
	return false;
}
