#include "lib/manifest/pair.h"

#include <stdlib.h>
#include <stdbool.h>
#include <string.h>

static int compare_marks(const struct pair_mark *a, const struct pair_mark *b)
{
	size_t common = a->size < b->size ? a->size : b->size;
	int order = common ? memcmp(a->bytes, b->bytes, common) : 0;

	return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_items(const void *a, const void *b)
{
	const struct pair_item *x = a, *y = b;

	return compare_marks(&x->mark, &y->mark);
}

/* How many items at the start of the sorted array have the same mark as the first. */
static size_t count_equal(const struct pair_item *items, size_t n)
{
	size_t equal = 1;

	while (equal < n && !compare_items(&items[0], &items[equal]))
		equal++;
	return equal;
}

void pair_equal(struct pair_item *before, size_t n_before, struct pair_item *after, size_t n_after,
	pair_found *found, void *context)
{
	const struct pair_item *end_before = before + n_before, *end_after = after + n_after;

	qsort(before, n_before, sizeof(*before), compare_items);
	qsort(after, n_after, sizeof(*after), compare_items);
	while (before < end_before && after < end_after) {
		int order = compare_items(before, after);
		/* Each is counted once: there may be as many of one mark as there are items. */
		size_t many_before =
			order <= 0 ? count_equal(before, (size_t)(end_before - before)) : 0;
		size_t many_after =
			order >= 0 ? count_equal(after, (size_t)(end_after - after)) : 0;

		if (many_before && many_after && before->mark.bytes)
			found(context, before, many_before, after, many_after);
		before += many_before;
		after += many_after;
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t pair_shape(const void *text, size_t size, char *buffer)
{
	const char *from = text;
	size_t at = 0, used = 0;

	while (at < size) {
		if (!is_digit(from[at])) {
			buffer[used++] = from[at++];
			continue;
		}
		while (at < size && (is_digit(from[at]) || (from[at] == '.' && at + 1 < size &&
								   is_digit(from[at + 1]))))
			at++;
		buffer[used++] = '#';
	}
	return used;
}
