#include "aggregator/sessions/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

bool memory_copy(
	struct memory *ret, const uint8_t *bytes, size_t size, size_t hole, size_t hole_end)
{
	size_t used = size;
	uint8_t *copy;

	assert(hole <= hole_end && hole_end <= size);
	while (used > hole_end && !bytes[used - 1])
		used--;
	copy = malloc(hole + used - hole_end + 1);
	*ret = (struct memory){ .fd = -1,
		.map = copy,
		.size = size,
		.copied = true,
		.hole = hole,
		.hole_end = hole_end,
		.copied_end = used };
	if (!copy)
		return false;
	memcpy(copy, bytes, hole);
	memcpy(copy + hole, bytes + hole_end, used - hole_end);
	return true;
}

/* Copies the part of a read of `size` bytes at `offset` that lies between `first` and `end`. `at`
 * has the bytes from `first` on. */
static void read_part(
	const uint8_t *at, size_t first, size_t end, uint8_t *to, size_t size, uint64_t offset)
{
	uint64_t from = offset > first ? offset : first;
	uint64_t until = offset + size < end ? offset + size : end;

	if (from < until)
		memcpy(to + (from - offset), at + (from - first), until - from);
}

static void read_copy(const struct memory *memory, uint8_t *to, size_t size, uint64_t offset)
{
	const uint8_t *copy = memory->map;

	memset(to, 0, size);
	read_part(copy, 0, memory->hole, to, size, offset);
	read_part(copy + memory->hole, memory->hole_end, memory->copied_end, to, size, offset);
}

ssize_t memory_read(const struct memory *memory, void *buffer, size_t size, uint64_t offset)
{
	struct iovec to = { buffer, size }, from = { .iov_len = size };
	ssize_t n;

	if (!memory->map) {
		n = pread(memory->fd, buffer, size, (off_t)offset);
		return n < 0 ? -errno : n;
	}
	if (offset >= memory->size)
		return 0;
	if (size > memory->size - offset)
		to.iov_len = from.iov_len = memory->size - offset;
	from.iov_base = (char *)memory->map + offset;
	if (memory->copied)
		read_copy(memory, to.iov_base, to.iov_len, offset);
	else if (memory->borrowed)
		memcpy(to.iov_base, from.iov_base, to.iov_len);
	if (memory->copied || memory->borrowed)
		return (ssize_t)to.iov_len;
	n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
	return n < 0 ? -errno : n;
}

int memory_write(const struct memory *memory, const void *bytes, size_t size, uint64_t offset)
{
	struct iovec from = { (void *)bytes, size }, to = { .iov_len = size };
	ssize_t n;

	if (memory->copied)
		return 0; /* nobody is there to see it */
	if (!memory->map) {
		n = pwrite(memory->fd, bytes, size, (off_t)offset);
		return n < 0 ? -errno : 0;
	}
	to.iov_base = (char *)memory->map + offset;
	if (memory->borrowed) {
		memcpy(to.iov_base, bytes, size);
		return 0;
	}
	n = process_vm_writev(getpid(), &from, 1, &to, 1, 0);
	return n < 0 ? -errno : 0;
}

void memory_map(struct memory *memory)
{
	void *map;

	if (memory->fd < 0 || !memory->size)
		return;
	map = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	/* Where it is sealed against writing, or opened for reading only, nothing can be
	 * acknowledged in it. */
	if (map == MAP_FAILED)
		map = mmap(NULL, memory->size, PROT_READ, MAP_SHARED, memory->fd, 0);
	if (map == MAP_FAILED)
		return;
	memory->map = map;
	cleanup_close(&memory->fd);
}

void memory_close(struct memory *memory)
{
	cleanup_close(&memory->fd);
	if (memory->copied)
		free(memory->map);
	else if (memory->map && !memory->borrowed)
		munmap(memory->map, memory->size);
	*memory = NO_MEMORY;
}
