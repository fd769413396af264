/*
 * What an executable file needs to run: read from ELF headers and `#!` lines, never executed.
 * Input is hostile: every offset and count is checked, sizes are bounded.
 */
#ifndef FOOTPRINT_ELF_ELF_H
#define FOOTPRINT_ELF_ELF_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"
#include "lib/root/resolver.h"

#define ELF_NEEDED_MAX	  4096 /* DT_NEEDED entries of one object */
#define ELF_CLOSURE_MAX	  8192 /* objects of one closure */
#define ELF_SHEBANG_MAX	  256  /* bytes of a #! line, as the kernel's BINPRM_BUF_SIZE */
#define ELF_SHEBANG_DEPTH 5    /* scripts that interpret scripts, as the kernel allows */

enum program_kind { PROGRAM_OTHER, PROGRAM_ELF, PROGRAM_SCRIPT };

struct elf_info {
	enum program_kind kind;
	bool dynamic; /* has PT_DYNAMIC and PT_INTERP: a preloaded library enters it */
	bool is_64, big_endian;
	unsigned machine;  /* e_machine */
	char *interpreter; /* PT_INTERP, or the script's interpreter; NULL: none */
	char *argument;	   /* of a script's interpreter; NULL: none */
	char *soname, *rpath, *runpath, *build_id; /* NULL: none; build_id hexadecimal */
	char **needed;
	size_t n_needed;
	bool no_default_paths; /* DF_1_NODEFLIB */
	bool is_go;	       /* made by Go's linker: makes system calls past libc */
};

/* Describes the file open at fd (pread only). A file that is neither ELF nor script: kind OTHER and
 * success. -EBADMSG: damaged ELF, err says where. */
int elf_describe(int fd, struct elf_info *ret, struct error *err);
void elf_info_deinit(struct elf_info *info);

/* One object of a program's closure. Paths where it was looked for in vain are not kept. */
struct elf_object {
	char *path;	  /* canonical; NULL: not found */
	char *name;	  /* as it stands in DT_NEEDED or PT_INTERP */
	size_t requester; /* index of the object that needs it; the program itself is 0 */
	struct elf_info info;
};
struct elf_closure {
	struct elf_object *objects; /* breadth first, objects[0] is the program */
	size_t n_objects;
};

/*
 * Finds the DT_NEEDED closure of the program at `canonical`, as its dynamic linker does: with
 * glibc, by RPATH, RUNPATH, ld.so.cache and default paths (LD_LIBRARY_PATH is not known here); with
 * musl, by its path file or built-in path. $ORIGIN, $LIB and $PLATFORM are expanded. The
 * interpreter is one of the objects. Objects that cannot be found are in the list with path NULL.
 */
int elf_closure_find(
	struct resolver *r, const char *canonical, struct elf_closure *ret, struct error *err);
void elf_closure_deinit(struct elf_closure *closure);

#endif
