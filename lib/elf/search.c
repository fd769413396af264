#include "lib/elf/search.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/elf/defaults.h"
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

/* The flags that ld.so of this architecture requires of an entry: FLAG_ELF_LIBC6 and its own
 * bit. */
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
		return 0; /* several calling conventions have the same machine number */
	}
}

/*
 * The N of the best x86-64-vN that this processor (which containers share with us) supports; 0:
 * none. By the features that distinguish each level from the one below (x86-64 psABI,
 * "Micro-Architecture Levels").
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

/* A library names no interpreter. This is the one that programs of its kind usually name. */
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
 * $LIB is built into ld.so, too, but cannot be told from other strings there. The built-in
 * directories show it: lib/x86_64-linux-gnu on Debian, lib64 where there is /lib64, otherwise lib.
 */
static const char *library_directory(const struct search *search)
{
	const char *first = search->n_defaults ? search->defaults[0] : "";

	if (!strncmp(first, "/lib/", 5)) /* NOLINT: it takes what strsep() gave for NULL */
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
	else
		code = content_failure(code);
	return code == -ENOENT ? 0 : code;
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
		.level = processor_level(program->machine),
	};
	search->cache_flags = cache_flags(search);
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
