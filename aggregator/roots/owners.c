#include "aggregator/roots/owners.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"

#define PASS_FILES_MAX 1024u

struct owners_item {
	struct unasked_file file;
	char *path;
	struct file_state package;
	char *texts; /* the texts of `package` */
};

/* A pass: asks for files of one application in one root. */
struct owners_pass {
	struct job job;
	struct root *root;
	struct application *application; /* referenced */
	int result;
	unsigned n;
	struct owners_item items[PASS_FILES_MAX];
};

/* --- roots ------------------------------------------------------------------------------------ */

void owners_init(struct root *root)
{
	struct roots *roots = &root->daemon->roots;

	for (unsigned ask = 1; ask <= FILE_ASK_MAX; ask++) {
		if (roots->asks >> ask & 1)
			continue;
		roots->asks |= (uint64_t)1 << ask;
		root->tools.ask = ask;
		return;
	}
}

static struct root *root_asked(const struct aggregator *daemon, unsigned ask)
{
	struct root *root;

	LIST_FOREACH(root, &daemon->roots.list, link)
		if (root->tools.ask == ask)
			return root;
	return NULL;
}

void owners_deinit(struct root *root)
{
	if (root->tools.ask)
		root->daemon->roots.asks &= ~((uint64_t)1 << root->tools.ask);
}

static bool asks(const struct application *application, unsigned ask)
{
	struct unasked_file file = { 0 };

	for (; manifest_next_unasked(application->manifest, &file); file.place++)
		if (file.ask == ask)
			return true;
	return false;
}

bool owners_have_questions(const struct root *root)
{
	const struct application *application;

	if (!root->tools.ask)
		return false;
	LIST_FOREACH(application, &root->daemon->applications.list, link)
		if (asks(application, root->tools.ask))
			return true;
	return false;
}

bool owners_need_tools(const struct root *root)
{
	return root->owners.wanted || root->owners.pass;
}

static bool can_answer(const struct root *root)
{
	return !root->owners.failed && !root->owners.late && !root->late;
}

bool owners_busy(const struct root *root)
{
	return owners_need_tools(root) && can_answer(root);
}

/* --- a pass ----------------------------------------------------------------------------------- */

static void pass_free(struct owners_pass *pass)
{
	for (unsigned i = 0; i < pass->n; i++) {
		free(pass->items[i].path);
		free(pass->items[i].texts);
	}
	application_unref(pass->application);
	free(pass);
}

static struct owners_pass *pass_of(struct job *job)
{
	return (struct owners_pass *)((char *)job - offsetof(struct owners_pass, job));
}

/* On a worker's thread. */
static void work(struct job *job)
{
	struct owners_pass *pass = pass_of(job);

	for (unsigned i = 0; i < pass->n && pass->result == 0; i++) {
		struct owners_item *item = &pass->items[i];

		pass->result = look_for_package(
			&pass->root->tools, item->path, &item->package, &item->texts);
	}
}

/* Nothing may be added while a manifest is being written. The pass was late then, and its files are
 * asked for again. */
static int take_answers(struct owners_pass *pass)
{
	struct manifest *m = pass->application->manifest;
	int r = pass->result;

	if (pass->root->daemon->roots.frozen)
		return 0;

	for (unsigned i = 0; i < pass->n && r == 0; i++)
		r = manifest_answer(m, pass->items[i].file, &pass->items[i].package);
	return r;
}

static void go_on_with_snapshot(struct aggregator *daemon)
{
	if (daemon->stopping)
		aggregator_progress(daemon);
	else
		snapshot_start(daemon);
}

static void done(struct job *job)
{
	struct owners_pass *pass = pass_of(job);
	struct root *root = pass->root;
	struct aggregator *daemon = root->daemon;

	if (root->owners.late)
		log_note("a watched root answers again: whose packages its files are");
	root->owners.pass = NULL;
	root->owners.late = false;
	root->owners.read = true;
	root->owners.failed = take_answers(pass) < 0;
	daemon->counters.no_memory += root->owners.failed;
	pass->application->dirty = true;
	pass_free(pass);
	go_on_with_snapshot(daemon);
	root_pump(root);
}

static void late(struct job *job)
{
	struct owners_pass *pass = pass_of(job);

	log_trouble("the root of %s@%s does not answer: its manifest does not say whose packages "
		    "its files are",
		pass->application->name, pass->application->version);
	pass->root->owners.late = true;
	go_on_with_snapshot(pass->root->daemon);
}

/* A pass for the first files of the application that are to be asked for in this root. NULL: no
 * memory. */
static struct owners_pass *pass_new(struct root *root, struct application *application)
{
	struct owners_pass *pass = calloc(1, sizeof(*pass));
	struct unasked_file file = { 0 };
	const char *path;

	if (!pass)
		return NULL;
	pass->job = (struct job){ .work = work, .done = done, .late = late };
	pass->root = root;
	pass->application = application;
	application->references++;
	for (; pass->n < PASS_FILES_MAX &&
		(path = manifest_next_unasked(application->manifest, &file));
		file.place++) {
		struct owners_item *item = &pass->items[pass->n];

		if (file.ask != root->tools.ask)
			continue;
		item->file = file;
		item->path = strdup(path);
		if (!item->path)
			break;
		pass->n++;
	}
	return pass;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* Has the root become quiet? Counts its facts for the next time. */
static bool is_calm(struct root *root)
{
	uint64_t before = root->owners.facts;

	root->owners.facts = root->facts_queued;
	return root->facts_queued == before;
}

bool owners_should_wait(struct aggregator *daemon)
{
	struct root *root;
	bool wait = false;

	LIST_FOREACH(root, &daemon->roots.list, link)
		wait |= !is_calm(root) && !root->owners.read && owners_have_questions(root);
	return wait && !daemon->stopping;
}

/* --- finding out ------------------------------------------------------------------------------ */

/* A root that knows what the application's manifest does not. NULL: there is none. */
static struct root *root_to_ask(struct aggregator *daemon, struct application *application)
{
	struct unasked_file file = { 0 };
	unsigned hopeless = 0;

	for (; manifest_next_unasked(application->manifest, &file); file.place++) {
		struct root *root = file.ask == hopeless ? NULL : root_asked(daemon, file.ask);

		if (root && can_answer(root))
			return root;
		hopeless = file.ask;
	}
	return NULL;
}

/* False: no memory, or no thread. */
static bool begin(struct root *root, struct application *application)
{
	struct owners_pass *pass = pass_new(root, application);

	root->owners.wanted = false;
	if (pass && pass->n && workers_do(&root->daemon->workers, &pass->job) == 0) {
		root->owners.pass = pass;
		return true;
	}
	if (pass)
		pass_free(pass);
	root->owners.failed = true;
	root->daemon->counters.no_memory++;
	return false;
}

/* Passes for several applications may run at the same time, but not in the same root. */
static bool ask_for(struct aggregator *daemon, struct application *application)
{
	struct root *root;

	while ((root = root_to_ask(daemon, application))) {
		if (root->owners.pass)
			return true;
		if (root->batch)
			return root->owners.wanted = true;
		if (begin(root, application))
			return true;
	}
	return false;
}

bool owners_find(struct aggregator *daemon)
{
	struct application *application;
	bool any = false;

	LIST_FOREACH(application, &daemon->applications.list, link)
		if (application->dirty && manifest_has_unasked(application->manifest))
			any |= ask_for(daemon, application);
	return any;
}

bool owners_try_again(struct aggregator *daemon)
{
	struct root *root;
	bool any = false;

	LIST_FOREACH(root, &daemon->roots.list, link) {
		any |= root->owners.failed;
		root->owners.failed = false;
	}
	return any;
}

void owners_forgive(struct aggregator *daemon)
{
	struct application *application;

	if (!owners_try_again(daemon) || daemon->stopping)
		return;
	LIST_FOREACH(application, &daemon->applications.list, link)
		application->dirty |= manifest_has_unasked(application->manifest);
}

void owners_go_on(struct root *root)
{
	if (!root->owners.wanted)
		return;
	root->owners.wanted = false;
	go_on_with_snapshot(root->daemon);
}
