/* Finds the program that a name stands for, as execvp(3) will find it. */
#ifndef FOOTPRINT_TOOLS_RUN_FIND_H
#define FOOTPRINT_TOOLS_RUN_FIND_H

#include "lib/elf/elf.h"

#define SHELL "/bin/sh" /* of execvp(3): it reads what the kernel does not know */

struct program {
	char *name; /* the path by which it is executed; NULL: there is none, and execvp(3) fails */
	char *path; /* the same with symlinks resolved */
	struct elf_info info; /* kind OTHER also if it cannot be read */
	bool by_shell;	      /* it, or its interpreter, is neither ELF nor script */
};

/* 0, the negative errno with which execvp(3) would fail, or -ENOMEM. On failure *ret is empty. */
int program_find(const char *name, struct program *ret);
void program_deinit(struct program *program);

#endif
