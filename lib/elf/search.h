/*
 * Where a program's dynamic linker looks for a library: glibc's rules (ld.so(8), elf/dl-load.c) or
 * musl's (ldso/dynlink.c). LD_LIBRARY_PATH is the process's and not known here.
 *
 * search.c finds out where that is for one program, find.c looks.
 */
#ifndef FOOTPRINT_ELF_SEARCH_H
#define FOOTPRINT_ELF_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/elf/elf.h"
#include "lib/elf/ldcache.h"
#include "lib/root/resolver.h"

/* An object of the closure, as the dynamic linker has it. */
struct loaded {
	struct loaded *loader; /* what it was loaded for; NULL: the program */
	size_t index;	       /* in the closure */
	char *name;	       /* as asked for */
	char *found;	       /* the path it was found by: $ORIGIN is that one's directory */
	char *canonical;       /* NULL: not found */
	dev_t device;
	ino_t inode;
	struct elf_info info;
};

void loaded_free(struct loaded *object);

/* How many places are looked at for one closure, which takes a few seconds: the lists of
 * directories, the names to look for, and ld.so's cache may be anybody's, and each may be long. A
 * program that has a directory for each of its hundred libraries (Nix) needs a tenth of that. */
#define SEARCH_TRIES_MAX (1u << 19)
/* Entries of ld.so's cache that are read in the time of one of these. */
#define SEARCH_CACHE_ENTRIES 512u

struct search {
	struct resolver *resolver;
	bool musl;		/* else glibc */
	bool is_64, big_endian; /* of the program: others are passed over by glibc */
	unsigned machine;
	char *interpreter; /* PT_INTERP, or the usual one for a library on its own */
	const char *
		*defaults; /* directories, without a slash at the end; point into default_text */
	size_t n_defaults;
	char *default_text;
	const char *lib; /* what $LIB stands for: points into default_text, or a constant */
	struct ld_cache cache;
	uint32_t cache_flags; /* of entries that are for this program */
	int level;	      /* the best x86-64-vN of this processor */
	size_t tries;	      /* against SEARCH_TRIES_MAX */
};

int search_init(struct search *search, struct resolver *r, const struct elf_info *program);
void search_deinit(struct search *search);

/*
 * Finds `name`, needed by `loader`. 0, and `object` has found, canonical, device, inode and info;
 * -ENOENT: nowhere; -E2BIG: past SEARCH_TRIES_MAX; what content_failure() says.
 */
int search_find(struct search *search, const char *name, const struct loaded *loader,
	struct loaded *object);
/*
 * The same for one path, which may hold symlinks. -ENOEXEC: not an object of this program's kind.
 */
int search_try(struct search *search, const char *path, struct loaded *object);

#endif
