/* The `#!` line of a script, read as the kernel reads it (fs/binfmt_script.c since Linux 5.1). */
#ifndef FOOTPRINT_ELF_SCRIPT_H
#define FOOTPRINT_ELF_SCRIPT_H

#include <stddef.h>

#include "lib/elf/elf.h"

/*
 * `head`: the file's first ELF_SHEBANG_MAX bytes, zeroes behind a shorter file. 1: a script, the
 * interpreter and its argument (NULL: none) are the caller's. 0: the kernel would not run it.
 * -ENOMEM.
 */
int script_parse(
	const char head[static ELF_SHEBANG_MAX], char **ret_interpreter, char **ret_argument);

#endif
