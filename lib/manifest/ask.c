/* Queries that are answered from the tables, without the sorted lists of a view. */
#include <string.h>

#include "lib/manifest/model.h"

bool manifest_find_run(
	const struct manifest *m, const char *host, uint64_t started_ns, struct manifest_run *ret)
{
	const struct run_entry *found = NULL;

	for (uint32_t i = 0; i < m->runs.count; i++) {
		const struct run_entry *run = table_at(&m->runs, i);
		bool during = !run->ended_ns ||
			      (run->key.started_ns <= started_ns && started_ns <= run->ended_ns);

		if (during && !strcmp(strings_at(&m->strings, run->key.host).bytes, host) &&
			(!found || run->key.started_ns > found->key.started_ns))
			found = run;
	}
	if (found)
		*ret = (struct manifest_run){ found->key.started_ns, found->ended_ns,
			found->processes, found->records };
	return found != NULL;
}

int manifest_each_program(const struct manifest *m,
	int (*visit)(void *context, const char *path, uint64_t runs), void *context)
{
	int r = 0;

	for (uint32_t i = 0; r >= 0 && i < m->executables.count; i++) {
		const struct executable_entry *program = table_at(&m->executables, i);

		r = visit(context, strings_at(&m->strings, program->path).bytes, program->runs);
	}
	return r < 0 ? r : 0;
}
