#include "lib/elf/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t skip_blanks(const char *line, size_t at, size_t end)
{
	while (at < end && (line[at] == ' ' || line[at] == '\t'))
		at++;
	return at;
}

static size_t skip_word(const char *line, size_t at, size_t end)
{
	while (at < end && line[at] && line[at] != ' ' && line[at] != '\t')
		at++;
	return at;
}

/*
 * Where the line ends: at its newline, or else at the last byte of the buffer. 0 means that the
 * kernel refuses it, because the interpreter's name reaches up to there and may have been
 * truncated.
 */
static size_t line_end(const char head[static ELF_SHEBANG_MAX])
{
	size_t whole = ELF_SHEBANG_MAX - 1, name, end = 0;

	while (end <= whole && head[end] && head[end] != '\n')
		end++;
	if (end <= whole && head[end] == '\n')
		return end;
	name = skip_blanks(head, 2, whole + 1);
	if (skip_word(head, name, whole + 1) > whole)
		return 0;
	return whole;
}

int script_parse(
	const char head[static ELF_SHEBANG_MAX], char **ret_interpreter, char **ret_argument)
{
	size_t end, name, name_end, argument;
	char *interpreter, *rest = NULL;

	if (head[0] != '#' || head[1] != '!')
		return 0;
	end = line_end(head);
	while (end > 2 && (head[end - 1] == ' ' || head[end - 1] == '\t'))
		end--;
	name = skip_blanks(head, 2, end);
	name_end = skip_word(head, name, end);
	if (end <= 2 || name == name_end)
		return 0;
	/* If blanks are followed by the end of the file, and not by a newline, the kernel makes
	 * that an empty argument. */
	argument = head[name_end] ? skip_blanks(head, name_end, end) : end;
	interpreter = strndup(head + name, name_end - name);
	if (argument < end)
		rest = strndup(head + argument, end - argument);
	if (!interpreter || (argument < end && !rest)) {
		free(interpreter);
		free(rest);
		return -ENOMEM;
	}
	*ret_interpreter = interpreter;
	*ret_argument = rest;
	return 1;
}
