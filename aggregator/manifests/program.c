#include "aggregator/manifests/program.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/manifests/apply.h"
#include "lib/base/cleanup.h"

/* The kernel maps the dynamic linker, which the program requests by PT_INTERP. */
static int apply_linker(struct manifest *m, const struct look *look, const char *by)
{
	if (library_describe(m, look, ACCESS_LOAD, by) < 0 ||
		manifest_add_loader(m, look->path, by, FOOTPRINT__LOADED__LOADED_NEEDED, by) ==
			-ENOMEM)
		return -ENOMEM;
	return 0;
}

/* Counts one more image of the program, unless this session's was counted already. */
static int apply_ran(struct session *session, const char *name, const char *interpreter)
{
	struct application *application = session->application;
	uint64_t images = 0;

	if (heard_note(session, name) < 0 ||
		run_image(application, name, session->started_ns, !session->imaged, &images) < 0)
		return -ENOMEM;
	return manifest_add_executable(application->manifest, name, interpreter, session->watched,
		       images, false) == -ENOMEM
		       ? -ENOMEM
		       : 0;
}

/* `ld.so PROGRAM`: the caller executed the dynamic linker, which then loaded the program. */
static int apply_executed_linker(
	struct session *session, const struct look *linker, const char *name)
{
	struct manifest *m = session->application->manifest;

	if (apply_program(m, linker, linker->path, linker->path) < 0 ||
		apply_ran(session, linker->path, NULL) < 0 ||
		manifest_add_executes(m, linker->path, name) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

int program_apply_image(struct fact *fact)
{
	struct session *session = fact->session;
	struct manifest *m = session->application->manifest;
	const struct look *look = fact->path->look;
	const struct look *linker =
		fact->other && !fact->other->look->error ? fact->other->look : NULL;
	autofree char *name =
		session->executable ? strdup(session->executable) : apply_program_name(look);

	if (!name)
		return -ENOMEM;
	if (linker && ((fact->what && apply_executed_linker(session, linker, name) < 0) ||
			      apply_linker(m, linker, name) < 0))
		return -ENOMEM;
	if (apply_program(m, look, name, name) < 0 ||
		apply_ran(session, name, look->elf.interpreter) < 0)
		return -ENOMEM;
	session->imaged = true;
	session_counted(session);
	look_unref(session->program);
	session->program = look_ref(fact->path->look);
	if (!session->executable)
		session->executable = steal_pointer(name);
	return 0;
}

/* In argv[0], the kernel names the interpreter of a script as the script does: /bin/sh, and not
 * /usr/bin/dash. Who executed the script may be unwatched, as what starts a container. If anybody
 * else has set argv[0], it may name something else, or nothing. */
int program_apply_invoked(struct fact *fact)
{
	const struct session *session = fact->session;
	const struct look *look = fact->path->look;

	if (look->error || !session->executable || strcmp(look->path, session->executable) != 0)
		return 0;
	return apply_links(session->application->manifest, look, session->executable);
}

static int apply_started(
	struct manifest *m, const struct look *look, const char *name, const char *by)
{
	if (apply_program(m, look, name, by) < 0 ||
		manifest_add_executable(m, name, look->elf.interpreter,
			FOOTPRINT__WATCHED__WATCHED_NONE, 0, false) == -ENOMEM ||
		manifest_add_executes(m, by, name) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

/* A script was removed before anybody looked which interpreter it names. Of one that is there, the
 * look for whoever executes it says more, unless it is gone by then. */
int program_apply_script(struct fact *fact)
{
	struct session *session = fact->session;
	struct manifest *m = session->application->manifest;
	const struct look *look = fact->path->look;

	if (!look->error && look->elf.kind == PROGRAM_SCRIPT && session->executable)
		return scripts_note(
			&session->application->run.scripts, look->path, session->executable);
	if (outcome_of((uint32_t)-look->error) != OUTCOME_MISSING)
		return 0;
	if (heard_note(session, look->path) < 0 ||
		manifest_add_executable(
			m, look->path, NULL, FOOTPRINT__WATCHED__WATCHED_NONE, 0, false) == -ENOMEM)
		return -ENOMEM;
	return apply_started(m, session->program, session->executable, look->path);
}

/* `by` has started what the look found: an ELF program, or a script, which starts its interpreter,
 * and so on. Each is an executable of its own, so that `why` can follow the chain. */
static int apply_chain(struct application *application, const struct look *look, const char *by)
{
	struct manifest *m = application->manifest;
	const char *interpreter;
	autofree char *first = apply_program_name(look);
	const char *name = first;

	if (!name || apply_started(m, look, name, by) < 0)
		return -ENOMEM;
	interpreter = look->error ? scripts_find(&application->run.scripts, name) : NULL;
	if (interpreter && manifest_add_executes(m, name, interpreter) == -ENOMEM)
		return -ENOMEM;
	while (look->elf.kind == PROGRAM_SCRIPT && look->interpreter) {
		look = look->interpreter;
		if (apply_started(m, look, look->path, name) < 0)
			return -ENOMEM;
		name = look->path;
	}
	return 0;
}

int program_apply(struct fact *fact)
{
	struct session *session = fact->session;
	struct manifest *m = session->application->manifest;

	if (outcome_of(fact->error) != OUTCOME_DONE)
		return apply_outcome(
			m, fact->path->look, ACCESS_EXEC, fact->error, session->executable);
	return apply_chain(session->application, fact->path->look, session->executable);
}
