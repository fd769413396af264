#include "lib/manifest/manifest.h"

#include <stdio.h>
#include <string.h>

#include "proto/session_memory.h"

#define NAME_LENGTH_MAX (MANIFEST_NAME_SIZE - 1)
#define NAME_KEPT	101

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._+-", c));
}

void manifest_name_sanitise(
	const char *name, const char *fallback, char buffer[static MANIFEST_NAME_SIZE])
{
	const char *from = name && *name ? name : fallback;
	size_t size = strlen(from), kept = size > NAME_LENGTH_MAX ? NAME_KEPT : size;

	for (size_t i = 0; i < kept; i++)
		buffer[i] = is_plain(from[i]) ? from[i] : '_';
	buffer[kept] = '\0';
	/* Two long names that begin the same remain different. */
	if (kept < size)
		snprintf(buffer + kept, 10, "_%08x", (unsigned)fp_directory_id(0, from, size));
	if (buffer[0] == '.')
		buffer[0] = '_';
}

/* Would a lookup drop the component at `p`, which ends at a '/' or a NUL? */
static bool is_empty_or_dots(const char *p)
{
	size_t size = strcspn(p, "/");

	return size == 0 || (size == 1 && p[0] == '.') || (size == 2 && p[0] == '.' && p[1] == '.');
}

bool manifest_path_is_canonical(const char *path)
{
	if (path[0] != '/')
		return false;
	if (!path[1])
		return true;
	for (const char *p = path; p; p = strchr(p + 1, '/'))
		if (is_empty_or_dots(p + 1))
			return false;
	return true;
}
