#define _GNU_SOURCE
#include "supervise/interp.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/rawcall.h"
#include "preload/text.h"

#define HEADERS_MAX 64u
#define FIRST_SIZE  256 /* bytes that the kernel looks at, at first (BINPRM_BUF_SIZE) */

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return rawcall4(SYS_pread64, fd, (long)to, (long)size, (long)offset) == (long)size;
}

static int copy_linker(int fd, const Elf64_Phdr *header, char path[FP_PATH_SIZE_MAX])
{
	if (!header->p_filesz || header->p_filesz >= FP_PATH_SIZE_MAX ||
		!read_at(fd, path, header->p_filesz, header->p_offset))
		return 0;
	path[header->p_filesz] = '\0';
	return (int)text_length(path);
}

static int linker_of(int fd, const char head[FIRST_SIZE], char path[FP_PATH_SIZE_MAX])
{
	Elf64_Phdr headers[HEADERS_MAX];
	Elf64_Ehdr elf;

	memcpy(&elf, head, sizeof(elf));
	if (elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(headers[0]) ||
		elf.e_phnum > HEADERS_MAX ||
		!read_at(fd, headers, elf.e_phnum * sizeof(headers[0]), elf.e_phoff))
		return 0;
	for (unsigned i = 0; i < elf.e_phnum; i++)
		if (headers[i].p_type == PT_INTERP)
			return copy_linker(fd, &headers[i], path);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The first word behind #!. Without one, it is no script. */
static int word_of(const char *line, const char *end, char path[FP_PATH_SIZE_MAX])
{
	int size = 0;

	while (line < end && is_blank(*line))
		line++;
	while (line < end && *line && *line != '\n' && !is_blank(*line))
		path[size++] = *line++;
	path[size] = '\0';
	return size ? size : -ENOEXEC;
}

int interpreter_of(int fd, char path[FP_PATH_SIZE_MAX])
{
	char head[FIRST_SIZE] = { 0 };

	rawcall4(SYS_pread64, fd, (long)head, sizeof(head), 0);
	if (memcmp(head, ELFMAG, SELFMAG) == 0)
		return linker_of(fd, head, path);
	if (head[0] == '#' && head[1] == '!')
		return word_of(head + 2, head + sizeof(head), path);
	return -ENOEXEC;
}
