#include "lib/base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>

#define FIRST_BLOCK_SIZE   (4u << 10)
#define LARGEST_BLOCK_SIZE (256u << 10)

struct arena_block {
	struct arena_block *older;
	alignas(max_align_t) uint8_t bytes[];
};

/* Blocks grow with the arena: a small arena wastes little, and a large one takes few calls of
 * malloc. */
static size_t next_block_size(const struct arena *a)
{
	size_t size = a->total;

	if (size < FIRST_BLOCK_SIZE)
		return FIRST_BLOCK_SIZE;
	return size > LARGEST_BLOCK_SIZE ? LARGEST_BLOCK_SIZE : size;
}

static struct arena_block *new_block(struct arena *a, size_t size)
{
	struct arena_block *block;

	if (a->limit && (a->total > a->limit || size > a->limit - a->total)) {
		a->failure = -EFBIG;
		return NULL;
	}
	block = size <= SIZE_MAX - sizeof(*block) ? malloc(sizeof(*block) + size) : NULL;
	if (block)
		a->total += size;
	else
		a->failure = -ENOMEM;
	return block;
}

/* A piece that is too large to share a block gets a block of its own. That is linked behind the
 * newest block, from which further pieces are taken. */
static void *take_alone(struct arena *a, size_t size)
{
	struct arena_block *block = new_block(a, size);

	if (!block)
		return NULL;
	if (a->blocks) {
		block->older = a->blocks->older;
		a->blocks->older = block;
	} else {
		block->older = NULL;
		a->blocks = block;
		a->next = block->bytes + size;
		a->left = 0;
	}
	return block->bytes;
}

static int add_block(struct arena *a, size_t size)
{
	struct arena_block *block = new_block(a, size);

	if (!block)
		return -1;
	block->older = a->blocks;
	a->blocks = block;
	a->next = block->bytes;
	a->left = size;
	return 0;
}

static void *take(struct arena *a, size_t size, size_t skip)
{
	uint8_t *piece;

	if (!size)
		size = 1; /* NULL only ever means that there is no memory */
	if (size > a->left || skip > a->left - size) {
		size_t block_size = next_block_size(a);

		if (size > block_size / 4)
			return take_alone(a, size);
		if (add_block(a, block_size) < 0)
			return NULL;
		skip = 0;
	}
	piece = a->next + skip;
	a->next += skip + size;
	a->left -= skip + size;
	return piece;
}

void *arena_take(struct arena *a, size_t size)
{
	size_t skip = -(uintptr_t)a->next & (alignof(max_align_t) - 1);

	return take(a, size, skip);
}

void *arena_take_bytes(struct arena *a, size_t size)
{
	return take(a, size, 0);
}

void arena_clear(struct arena *a)
{
	struct arena_block *block = a->blocks;

	while (block) {
		struct arena_block *older = block->older;

		free(block);
		block = older;
	}
	a->blocks = NULL;
	a->next = NULL;
	a->left = 0;
	a->total = 0;
	a->failure = 0;
}
