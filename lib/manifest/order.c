#include "lib/manifest/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int order_by_path(const struct manifest *m, const void *a, const void *b)
{
	const string_number *x = a, *y = b;

	return strings_compare(&m->strings, *x, *y);
}

/* Compares two lists of strings by their first difference. */
static int compare_lists(
	const struct manifest *m, const string_number *a, const string_number *b, size_t n)
{
	int order = 0;

	for (size_t i = 0; i < n && !order; i++)
		order = strings_compare(&m->strings, a[i], b[i]);
	return order;
}

int order_of_packages(const struct manifest *m, const void *a, const void *b)
{
	const struct package_key *x = a, *y = b;

	return compare_lists(m,
		(string_number[]){ x->manager, x->name, x->version, x->architecture },
		(string_number[]){ y->manager, y->name, y->version, y->architecture }, 4);
}

int order_of_endpoints(const struct manifest *m, const void *a, const void *b)
{
	const struct endpoint_key *x = a, *y = b;

	if (x->operation != y->operation)
		return x->operation < y->operation ? -1 : 1;
	return strings_compare(&m->strings, x->address, y->address);
}

int order_of_gaps(const struct manifest *m, const void *a, const void *b)
{
	const struct gap_key *x = a, *y = b;

	return compare_lists(m, (string_number[]){ x->kind, x->path, x->detail },
		(string_number[]){ y->kind, y->path, y->detail }, 3);
}

int order_of_runs(const struct manifest *m, const void *a, const void *b)
{
	const struct run_key *x = a, *y = b;
	int order = strings_compare(&m->strings, x->host, y->host);

	if (order)
		return order;
	return (x->started_ns > y->started_ns) - (x->started_ns < y->started_ns);
}

struct sorting {
	const struct manifest *m;
	const struct table *table;
	compare_entries *compare;
};

static int compare_places(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const uint32_t *x = a, *y = b;

	return sorting->compare(
		sorting->m, table_at(sorting->table, *x), table_at(sorting->table, *y));
}

int order_make(const struct manifest *m, const struct table *table, compare_entries *compare,
	struct arena *arena, struct order *ret)
{
	struct sorting sorting = { m, table, compare };
	size_t size = table->count * sizeof(uint32_t);
	uint32_t *places = arena_take(arena, size);
	uint32_t *ranks = arena_take(arena, size);

	if (!places || !ranks)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->count; i++)
		places[i] = i;
	qsort_r(places, table->count, sizeof(*places), compare_places, &sorting);
	for (uint32_t i = 0; i < table->count; i++)
		ranks[places[i]] = i;
	*ret = (struct order){ places, ranks, table->count };
	return 0;
}

struct grouping {
	const struct manifest *m;
	const struct table *table;
	const uint32_t *by_rank;
};

/* Compares two entries of one owner by their executables, and loaders also by the rest of their
 * keys. */
static int compare_members(const void *a, const void *b, void *context)
{
	const struct grouping *grouping = context;
	const struct pair_key *x = table_at(grouping->table, *(const uint32_t *)a);
	const struct pair_key *y = table_at(grouping->table, *(const uint32_t *)b);
	const struct loader_key *v = (const void *)x, *w = (const void *)y;

	if (x->by != y->by)
		return grouping->by_rank[x->by] < grouping->by_rank[y->by] ? -1 : 1;
	if (grouping->table != &grouping->m->loaders)
		return 0;
	if (v->loaded != w->loaded)
		return v->loaded < w->loaded ? -1 : 1;
	return strings_compare(&grouping->m->strings, v->requester, w->requester);
}

static uint32_t owner_of(const struct table *table, uint32_t place)
{
	return ((const struct pair_key *)table_at(table, place))->owner;
}

int groups_make(const struct manifest *m, const struct table *table, uint32_t n_owners,
	const uint32_t *by_rank, struct arena *arena, struct groups *ret)
{
	struct grouping grouping = { m, table, by_rank };
	uint32_t *places = arena_take(arena, table->count * sizeof(*places));
	/* One more than there are owners, and one more for the shift of the counting sort. */
	uint32_t *first = arena_take(arena, ((size_t)n_owners + 2) * sizeof(*first));

	if (!places || !first)
		return -ENOMEM;
	memset(first, 0, ((size_t)n_owners + 2) * sizeof(*first));
	for (uint32_t i = 0; i < table->count; i++)
		first[owner_of(table, i) + 2]++;
	for (uint32_t owner = 0; owner < n_owners; owner++)
		first[owner + 2] += first[owner + 1];
	for (uint32_t i = 0; i < table->count; i++)
		places[first[owner_of(table, i) + 1]++] = i;
	for (uint32_t owner = 0; owner < n_owners; owner++)
		qsort_r(places + first[owner], first[owner + 1] - first[owner], sizeof(*places),
			compare_members, &grouping);
	*ret = (struct groups){ places, first };
	return 0;
}
