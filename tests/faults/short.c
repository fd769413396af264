/*
 * Memory that is refused, as LD_PRELOAD: the file SHORT_OF_MEMORY holds two 64-bit numbers, which
 * count down with each allocation: how many succeed before one fails, and how many fail then.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);

static int64_t *left; /* of those that succeed, and of those that fail */

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("SHORT_OF_MEMORY");
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *map = mmap(NULL, 2 * sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		abort();
	__atomic_store_n(&left, map, __ATOMIC_RELEASE);
}

static bool refused(void)
{
	if (!left || __atomic_fetch_sub(&left[0], 1, __ATOMIC_RELAXED) > 0 ||
		__atomic_fetch_sub(&left[1], 1, __ATOMIC_RELAXED) <= 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refused() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
	return refused() ? NULL : __libc_realloc(block, size);
}
