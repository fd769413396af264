#define _GNU_SOURCE

#include "preload/programs/program_search.h"

#include <errno.h>
#include <linux/limits.h>

#include "preload/hooks/hooks.h"
#include "preload/text.h"

/* What libc uses where PATH is not set. */
#define DEFAULT_PATH_GLIBC "/bin:/usr/bin"
#define DEFAULT_PATH_MUSL  "/usr/local/bin:/bin:/usr/bin"

/* Uses libc's own getenv: a shell may define one that finds the shell's variables, which execvp
 * does not see. */
static const char *search_path(void)
{
	static void *slot;
	char *(*real_getenv)(const char *) = hook_real(&slot, "getenv");
	const char *path = real_getenv ? real_getenv("PATH") : NULL;

	if (path)
		return path;
	return hook_libc_is_glibc() ? DEFAULT_PATH_GLIBC : DEFAULT_PATH_MUSL;
}

static bool has_slash(const char *file)
{
	while (*file && *file != '/')
		file++;
	return *file == '/';
}

static size_t element_size(const char *element)
{
	size_t size = 0;

	while (element[size] && element[size] != ':')
		size++;
	return size;
}

/* libc skips longer elements. */
static bool is_tried(size_t element)
{
	return element < PATH_MAX;
}

static size_t longest_tried(const char *path)
{
	size_t longest = 0;

	for (;; path++) {
		size_t size = element_size(path);

		if (size > longest && is_tried(size))
			longest = size;
		path += size;
		if (!*path)
			return longest;
	}
}

int program_search_begin(struct program_search *search, const char *file)
{
	search->path = NULL;
	search->file = file;
	search->file_size = text_length(file);
	search->rest = NULL;
	search->room = 0;
	if (!*file)
		return ENOENT;
	if (has_slash(file))
		return 0;
	if (search->file_size > NAME_MAX)
		return ENAMETOOLONG;
	search->rest = search_path();
	search->room = longest_tried(search->rest) + sizeof("/") + search->file_size;
	return 0;
}

/* Makes a candidate of an element of PATH and the file. An empty element is the working
 * directory. */
static void join(struct program_search *search, const char *element, size_t size)
{
	char *to = search->text;

	memcpy(to, element, size);
	to += size;
	if (size)
		*to++ = '/';
	memcpy(to, search->file, search->file_size + 1);
	search->path = search->text;
}

bool program_search_next(struct program_search *search)
{
	if (!search->path && !search->rest) {
		search->path = search->file;
		return true;
	}
	while (search->rest) {
		const char *element = search->rest;
		size_t size = element_size(element);

		search->rest = element[size] ? element + size + 1 : NULL;
		if (is_tried(size)) {
			join(search, element, size);
			return true;
		}
	}
	return false;
}
