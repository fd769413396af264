/* Memory that is given out piece by piece and freed all at once. */
#ifndef FOOTPRINT_BASE_ARENA_H
#define FOOTPRINT_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;

/* Zero-initialised: empty, without a limit. */
struct arena {
	struct arena_block *blocks;
	uint8_t *next; /* free bytes of the newest block */
	size_t left;
	size_t total; /* bytes taken from malloc */
	size_t limit; /* of total; 0: none. For input that decides how much is needed. */
	int failure;  /* 0; why a piece was last refused: -ENOMEM or, past the limit, -EFBIG */
};

/* Aligned for any type, not zeroed; NULL when there is no memory or the limit is reached. */
void *arena_take(struct arena *a, size_t size);
/* Not aligned: for bytes. */
void *arena_take_bytes(struct arena *a, size_t size);
/* Frees every piece; the arena is empty and usable again, its limit kept. */
void arena_clear(struct arena *a);

#endif
