/* ELF files, scripts and ld.so.cache: any bytes give a description or an error. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/elf/elf.h"
#include "lib/elf/ldcache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void describe(const uint8_t *data, size_t size)
{
	autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct error err = { 0 };
	struct elf_info info;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return;
	if (elf_describe(fd, &info, &err) == 0)
		elf_info_deinit(&info);
	else if (!err.code || !err.text[0])
		abort(); /* an error without a message */
}

static void look_up(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct ld_cache cache;

	if (!copy)
		return;
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (int big_endian = 0; big_endian < 2; big_endian++) {
		const char *path;

		ld_cache_init(&cache, copy, size, big_endian);
		path = ld_cache_find(&cache, "libc.so.6", 0x0303, 3);
		if (path && strlen(path) > size)
			abort();
		ld_cache_find(&cache, "", 0, 0);
	}
	ld_cache_deinit(&cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	describe(data, size);
	look_up(data, size);
	return 0;
}
