#include "lib/elf/tokens.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* AT_PLATFORM of this architecture, whose containers run here. ld.so may use "haswell" instead. */
#if defined(__x86_64__)
#define PLATFORM "x86_64"
#elif defined(__aarch64__)
#define PLATFORM "aarch64"
#else
#define PLATFORM ""
#endif

/*
 * The size of the token `name` at `text`, behind a '$': NAME or {NAME}. 0: it is not there.
 */
static size_t token_size(const char *text, const char *name)
{
	size_t size = strlen(name);

	if (!strncmp(text, name, size))
		return size;
	if (text[0] == '{' && !strncmp(text + 1, name, size) && text[1 + size] == '}')
		return size + 2;
	return 0;
}

/* The value of the token behind a '$', and the token's size; 0: it is not a known one. */
static size_t token_value(const char *text, const char *object, const char *lib,
	const char **ret_value, size_t *ret_value_size)
{
	const char *slash = strrchr(object, '/');
	size_t size = token_size(text, "ORIGIN");

	if (size) {
		*ret_value = slash && slash != object ? object : "/";
		*ret_value_size = slash && slash != object ? (size_t)(slash - object) : 1;
		return size;
	}
	if (!lib)
		return 0;
	size = token_size(text, "LIB");
	*ret_value = lib;
	if (!size) {
		size = token_size(text, "PLATFORM");
		*ret_value = PLATFORM;
	}
	*ret_value_size = strlen(*ret_value);
	return size;
}

static int write_expanded(FILE *out, const char *text, const char *object, const char *lib)
{
	size_t written = 0, max = lib ? PATH_MAX : TOKENS_EXPANDED_MAX;

	while (*text) {
		size_t plain = strcspn(text, "$"), token, value_size;
		const char *value;

		if (plain) {
			fwrite(text, 1, plain, out);
			text += plain;
			written += plain;
			continue;
		}
		token = token_value(text + 1, object, lib, &value, &value_size);
		if (!token && !lib)
			return -ENOENT;
		if (token)
			fwrite(value, 1, value_size, out);
		else
			fputc('$', out);
		text += 1 + token;
		written += token ? value_size : 1;
		if (written > max)
			return -ENOENT;
	}
	return 0;
}

int tokens_expand(const char *text, const char *object, const char *lib, char **ret)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);
	bool failed;
	int code;

	if (!out)
		return -ENOMEM;
	code = write_expanded(out, text, object, lib);
	failed = ferror(out);
	if ((fclose(out) || failed) && code == 0)
		code = -ENOMEM;
	if (code < 0) {
		free(expanded);
		return code;
	}
	*ret = expanded;
	return 0;
}
