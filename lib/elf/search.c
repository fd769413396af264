#include "lib/elf/search.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/elf/defaults.h"
#include "lib/elf/tokens.h"
#include "lib/root/content.h"

#define DIRECTORIES_MAX 256 /* built-in ones */

void loaded_free(struct loaded *object)
{
	if (!object)
		return;
	free(object->name);
	free(object->found);
	free(object->canonical);
	elf_info_deinit(&object->info);
	free(object);
}

/* What ld.so of each architecture wants in an entry's flags: FLAG_ELF_LIBC6 and its own bit. */
static uint32_t cache_flags(const struct search *search)
{
	switch (search->machine) {
	case EM_X86_64:
		return search->is_64 ? 0x0303 : 0x0803;
	case EM_386:
		return 0x0003;
	case EM_AARCH64:
		return 0x0a03;
	case EM_S390:
		return search->is_64 ? 0x0403 : 0x0003;
	case EM_PPC64:
		return 0x0503;
	default:
		return 0; /* several calling conventions share one machine number */
	}
}

/*
 * The N of the best x86-64-vN that this processor, which containers share with us, can run; 0: none
 * (x86-64 psABI, "Micro-Architecture Levels", by what tells each level from the one below).
 */
static int processor_level(unsigned machine)
{
#ifdef __x86_64__
	if (machine != EM_X86_64 || !__builtin_cpu_supports("sse4.2") ||
		!__builtin_cpu_supports("popcnt"))
		return 0;
	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2") ||
		!__builtin_cpu_supports("fma"))
		return 2;
	if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512cd") ||
		!__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
		return 3;
	return 4;
#else
	(void)machine;
	return 0;
#endif
}

bool search_is_musl_itself(const char *name)
{
	static const char *const names[] = { "c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet." };

	if (strncmp(name, "lib", 3))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name + 3, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool is_musl(const struct elf_info *program)
{
	if (program->interpreter)
		return strstr(program->interpreter, "/ld-musl-") != NULL;
	for (size_t i = 0; i < program->n_needed; i++)
		if (!strcmp(program->needed[i], "libc.so") ||
			!strncmp(program->needed[i], "libc.musl-", 10))
			return true;
	return false;
}

/* For a library, which names no interpreter: the one that programs of its kind name. */
static const char *usual_interpreter(const struct elf_info *info, bool musl)
{
	switch (info->machine) {
	case EM_X86_64:
		if (musl)
			return "/lib/ld-musl-x86_64.so.1";
		return info->is_64 ? "/lib64/ld-linux-x86-64.so.2" : "/libx32/ld-linux-x32.so.2";
	case EM_386:
		return musl ? "/lib/ld-musl-i386.so.1" : "/lib/ld-linux.so.2";
	case EM_AARCH64:
		return musl ? "/lib/ld-musl-aarch64.so.1" : "/lib/ld-linux-aarch64.so.1";
	case EM_ARM:
		return musl ? "/lib/ld-musl-armhf.so.1" : "/lib/ld-linux-armhf.so.3";
	case EM_PPC64:
		return musl ? "/lib/ld-musl-powerpc64le.so.1" : "/lib64/ld64.so.2";
	case EM_S390:
		return musl ? "/lib/ld-musl-s390x.so.1" : "/lib/ld64.so.1";
	case EM_RISCV:
		return musl ? "/lib/ld-musl-riscv64.so.1" : "/lib/ld-linux-riscv64-lp64d.so.1";
	default:
		return "/lib/ld.so.1";
	}
}

static int split_defaults(struct search *search)
{
	char *rest = search->default_text, *directory;

	search->defaults = calloc(DIRECTORIES_MAX, sizeof(*search->defaults));
	if (!search->defaults)
		return -ENOMEM;
	while ((directory = strsep(&rest, ":\n")) && search->n_defaults < DIRECTORIES_MAX)
		if (*directory)
			search->defaults[search->n_defaults++] = directory;
	return 0;
}

/*
 * $LIB is built into ld.so too, but not to be told from other strings there; the built-in
 * directories show it: lib/x86_64-linux-gnu on Debian, lib64 where there is /lib64, else lib.
 */
static const char *library_directory(const struct search *search)
{
	const char *first = search->n_defaults ? search->defaults[0] : "";

	if (!strncmp(first, "/lib/", 5))
		return first + 1;
	for (size_t i = 0; i < search->n_defaults; i++)
		if (!strcmp(search->defaults[i], "/lib64"))
			return "lib64";
	return "lib";
}

static int read_cache(struct search *search)
{
	char *bytes;
	size_t size;
	int code = content_read(
		search->resolver, "/etc/ld.so.cache", LD_CACHE_SIZE_MAX, &bytes, &size);

	if (code == 0)
		ld_cache_init(&search->cache, (uint8_t *)bytes, size, search->big_endian);
	return code == -ENOMEM ? code : 0;
}

static int fill(struct search *search, const struct elf_info *program)
{
	const char *interpreter = program->interpreter;
	int code;

	if (!interpreter)
		interpreter = usual_interpreter(program, search->musl);
	search->interpreter = strdup(interpreter);
	if (!search->interpreter)
		return -ENOMEM;
	code = (search->musl ? defaults_of_musl : defaults_of_glibc)(
		search->resolver, interpreter, &search->default_text);
	if (code == 0)
		code = split_defaults(search);
	if (code == 0 && !search->musl)
		code = read_cache(search);
	search->lib = library_directory(search);
	return code;
}

int search_init(struct search *search, struct resolver *r, const struct elf_info *program)
{
	int code;

	*search = (struct search){
		.resolver = r,
		.musl = is_musl(program),
		.is_64 = program->is_64,
		.big_endian = program->big_endian,
		.machine = program->machine,
	};
	code = fill(search, program);
	if (code < 0)
		search_deinit(search);
	return code;
}

void search_deinit(struct search *search)
{
	free(search->interpreter);
	free(search->defaults);
	free(search->default_text);
	ld_cache_deinit(&search->cache);
	*search = (struct search){ 0 };
}

/* glibc goes on looking past objects of another class or machine; musl takes what it finds first. */
static bool acceptable(const struct search *search, const struct elf_info *info)
{
	if (info->kind != PROGRAM_ELF)
		return false;
	return search->musl || (info->is_64 == search->is_64 && info->machine == search->machine &&
				       info->big_endian == search->big_endian);
}

static int describe_at(struct search *search, const char *canonical, struct elf_info *ret)
{
	autoclose int fd = resolver_open(search->resolver, canonical, NULL);
	struct elf_info info;
	int code;

	if (fd < 0)
		return fd == -ENOMEM ? fd : -ENOENT;
	code = elf_describe(fd, &info, NULL);
	if (code < 0)
		return code == -ENOMEM ? code : -ENOEXEC;
	if (!acceptable(search, &info)) {
		elf_info_deinit(&info);
		return -ENOEXEC;
	}
	*ret = info;
	return 0;
}

int search_try(struct search *search, const char *path, struct loaded *object)
{
	struct resolution where;
	autofree char *found = NULL;
	int code;

	if (path[0] != '/')
		return -ENOENT; /* relative to a working directory we do not know */
	code = resolver_resolve(search->resolver, NULL, path, true, &where);
	if (code < 0)
		return code == -ENOMEM ? code : -ENOENT;
	code = where.error ? -ENOENT : describe_at(search, where.path, &object->info);
	if (code == 0) {
		found = strdup(path);
		if (!found)
			code = -ENOMEM;
	}
	if (code == 0) {
		object->found = steal_pointer(found);
		object->canonical = steal_pointer(where.path);
		object->device = where.status.st_dev;
		object->inode = where.status.st_ino;
	}
	resolution_deinit(&where);
	return code;
}

/* Whether a search goes on after this answer to one candidate. */
static bool goes_on(int code)
{
	return code == -ENOENT || code == -ENOEXEC;
}

static int try_below(struct search *search, const char *directory, size_t size, const char *below,
	const char *name, struct loaded *object)
{
	autofree char *path = NULL;

	if (asprintf(&path, "%.*s/%s%s", (int)size, directory, below, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return search_try(search, path, object);
}

/* One directory: with glibc, its subdirectories for newer processors first. */
static int try_directory(struct search *search, const char *directory, size_t size,
	const char *name, struct loaded *object)
{
	int level = search->musl ? 0 : processor_level(search->machine), code;
	char below[] = "glibc-hwcaps/x86-64-vN/";

	while (size && directory[size - 1] == '/')
		size--;
	for (; level >= 2; level--) {
		below[sizeof(below) - 3] = (char)('0' + level);
		code = try_below(search, directory, size, below, name, object);
		if (!goes_on(code))
			return code;
	}
	return try_below(search, directory, size, "", name, object);
}

/* A colon-separated list that stands in `owner`, with $ORIGIN and the like in it. */
static int try_list(struct search *search, const char *list, const struct loaded *owner,
	const char *name, struct loaded *object)
{
	autofree char *expanded = NULL;
	const char *at;
	int code;

	if (!list || !owner->found)
		return -ENOENT;
	code = tokens_expand(list, owner->found, search->musl ? NULL : search->lib, &expanded);
	if (code < 0)
		return code;
	for (at = expanded;; at++) {
		size_t size = strcspn(at, ":");

		if (size) {
			code = try_directory(search, at, size, name, object);
			if (!goes_on(code))
				return code;
		}
		at += size;
		if (!*at)
			return -ENOENT;
	}
}

/* DT_RPATH of the object and of all it was loaded for; an object's RUNPATH makes its RPATH void. */
static int try_rpaths(struct search *search, const char *name, const struct loaded *loader,
	struct loaded *object)
{
	for (; loader; loader = loader->loader) {
		const struct elf_info *info = &loader->info;
		int code = try_list(search, info->runpath ? NULL : info->rpath, loader, name, object);

		if (!goes_on(code))
			return code;
	}
	return -ENOENT;
}

static int try_defaults(struct search *search, const char *name, struct loaded *object)
{
	for (size_t i = 0; i < search->n_defaults; i++) {
		const char *directory = search->defaults[i];
		int code = try_directory(search, directory, strlen(directory), name, object);

		if (!goes_on(code))
			return code;
	}
	return -ENOENT;
}

static bool in_defaults(const struct search *search, const char *path)
{
	for (size_t i = 0; i < search->n_defaults; i++) {
		size_t size = strlen(search->defaults[i]);

		if (!strncmp(path, search->defaults[i], size) && path[size] == '/')
			return true;
	}
	return false;
}

static int try_cache(struct search *search, const char *name, bool no_defaults, struct loaded *object)
{
	const char *path;

	if (!search->cache.bytes)
		return -ENOENT;
	path = ld_cache_find(
		&search->cache, name, cache_flags(search), processor_level(search->machine));
	if (!path || (no_defaults && in_defaults(search, path)))
		return -ENOENT;
	return search_try(search, path, object);
}

static int find_as_glibc(struct search *search, const char *name, const struct loaded *loader,
	struct loaded *object)
{
	bool no_defaults = loader->info.no_default_paths;
	int code = -ENOENT;

	if (!loader->info.runpath)
		code = try_rpaths(search, name, loader, object);
	if (goes_on(code))
		code = try_list(search, loader->info.runpath, loader, name, object);
	if (goes_on(code))
		code = try_cache(search, name, no_defaults, object);
	if (goes_on(code) && !no_defaults)
		code = try_defaults(search, name, object);
	return code;
}

/* To musl RPATH and RUNPATH are one, and both are inherited. */
static int find_as_musl(struct search *search, const char *name, const struct loaded *loader,
	struct loaded *object)
{
	if (search_is_musl_itself(name))
		return search_try(search, search->interpreter, object);
	for (; loader; loader = loader->loader) {
		const struct elf_info *info = &loader->info;
		int code = try_list(
			search, info->runpath ? info->runpath : info->rpath, loader, name, object);

		if (!goes_on(code))
			return code;
	}
	return try_defaults(search, name, object);
}

int search_find(
	struct search *search, const char *name, const struct loaded *loader, struct loaded *object)
{
	autofree char *expanded = NULL;
	int code;

	if (!strchr(name, '/')) {
		code = (search->musl ? find_as_musl : find_as_glibc)(search, name, loader, object);
		return goes_on(code) ? -ENOENT : code;
	}
	if (search->musl || !loader->found)
		return search_try(search, name, object);
	code = tokens_expand(name, loader->found, search->lib, &expanded);
	return code < 0 ? code : search_try(search, expanded, object);
}
