#include "lib/base/strings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"

#define FIRST_CAPACITY	 64u
#define FIRST_INDEX_SIZE 128u

void strings_deinit(struct strings *s)
{
	arena_clear(&s->arena);
	free(s->list);
	free(s->index);
	s->list = NULL;
	s->index = NULL;
	s->count = s->capacity = s->index_mask = 0;
}

/* The slot that holds the string's number, or the free slot where it belongs. */
static uint32_t *find_slot(const struct strings *s, const void *bytes, size_t size, uint32_t hash)
{
	uint32_t at = hash & s->index_mask;

	for (; s->index[at]; at = (at + 1) & s->index_mask) {
		const struct interned *one = &s->list[s->index[at] - 1];

		if (one->hash == hash && one->size == size && !memcmp(one->bytes, bytes, size))
			break;
	}
	return &s->index[at];
}

static int grow_list(struct strings *s)
{
	uint32_t capacity = s->capacity ? s->capacity + s->capacity / 2 : FIRST_CAPACITY;
	struct interned *list;

	if (s->count >= STRINGS_MAX)
		return -ENOMEM;
	list = reallocarray(s->list, capacity, sizeof(*list));
	if (!list)
		return -ENOMEM;
	s->list = list;
	s->capacity = capacity;
	return 0;
}

static int grow_index(struct strings *s)
{
	uint32_t size = s->index ? (s->index_mask + 1) * 2 : FIRST_INDEX_SIZE;
	uint32_t *index = calloc(size, sizeof(*index));

	if (!index)
		return -ENOMEM;
	free(s->index);
	s->index = index;
	s->index_mask = size - 1;
	/* All strings are distinct, so they need not be compared to find a free slot. */
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t at = s->list[i].hash & s->index_mask;

		while (index[at])
			at = (at + 1) & s->index_mask;
		index[at] = i + 1;
	}
	return 0;
}

static int make_room(struct strings *s)
{
	if (s->count == s->capacity && grow_list(s) < 0)
		return -ENOMEM;
	if (!s->index || s->count >= s->index_mask - s->index_mask / 4)
		return grow_index(s);
	return 0;
}

static int append(struct strings *s, const void *bytes, size_t size, uint32_t hash)
{
	char *copy;

	if (size >= UINT32_MAX || make_room(s) < 0)
		return -ENOMEM;
	copy = arena_take_bytes(&s->arena, size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	copy[size] = '\0';
	s->list[s->count] = (struct interned){ copy, (uint32_t)size, hash };
	*find_slot(s, bytes, size, hash) = ++s->count;
	return 0;
}

uint32_t strings_find(const struct strings *s, const void *bytes, size_t size)
{
	uint32_t number;

	if (!size)
		return 0;
	if (!s->index)
		return UINT32_MAX;
	number = *find_slot(s, bytes, size, hash_bytes(bytes, size));
	return number ? number : UINT32_MAX;
}

int strings_add(struct strings *s, const void *bytes, size_t size, uint32_t *ret_number)
{
	uint32_t hash, number;
	int r;

	if (!size) {
		*ret_number = 0;
		return 0;
	}
	hash = hash_bytes(bytes, size);
	number = s->index ? *find_slot(s, bytes, size, hash) : 0;
	if (!number) {
		r = append(s, bytes, size, hash);
		if (r < 0)
			return r;
		number = s->count;
	}
	*ret_number = number;
	return 0;
}

struct interned strings_at(const struct strings *s, uint32_t number)
{
	return number ? s->list[number - 1] : (struct interned){ "", 0, 0 };
}

int strings_compare(const struct strings *s, uint32_t a, uint32_t b)
{
	struct interned x = strings_at(s, a), y = strings_at(s, b);
	uint32_t common = x.size < y.size ? x.size : y.size;
	int order = a == b ? 0 : memcmp(x.bytes, y.bytes, common);

	if (order)
		return order;
	return (x.size > y.size) - (x.size < y.size);
}
