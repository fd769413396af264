/* What looks at a file have found out. Of several looks, the greatest counts, separately for
 * content and for attributes, so their order does not matter. */
#include <errno.h>
#include <string.h>

#include "lib/manifest/manifest.h"
#include "lib/manifest/model.h"

#define FILE_MODE_BITS 07777

static int add_package(struct manifest *m, const struct file_state *state, uint32_t *ret)
{
	struct package_key key;
	uint32_t place;

	*ret = 0;
	if (!state->manager)
		return 0;
	if (manifest_intern_text(m, state->manager, &key.manager) < 0 ||
		manifest_intern_text(m, state->package, &key.name) < 0 ||
		manifest_intern_text(m, state->package_version, &key.version) < 0 ||
		manifest_intern_text(m, state->architecture, &key.architecture) < 0 ||
		table_add(&m->packages, &key, &place) < 0)
		return -ENOMEM;
	*ret = place + 1;
	return 0;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_packages(const struct manifest *m, uint32_t a, uint32_t b)
{
	const struct package_entry *x, *y;
	int order;

	if (a == b || !a || !b)
		return compare_numbers(a, b);
	x = table_at(&m->packages, a - 1);
	y = table_at(&m->packages, b - 1);
	order = strings_compare(&m->strings, x->key.manager, y->key.manager);
	if (!order)
		order = strings_compare(&m->strings, x->key.name, y->key.name);
	if (!order)
		order = strings_compare(&m->strings, x->key.version, y->key.version);
	if (!order)
		order = strings_compare(&m->strings, x->key.architecture, y->key.architecture);
	return order;
}

static int compare_content(const struct file_entry *a, const struct file_entry *b)
{
	int order = compare_numbers(a->has_sha256, b->has_sha256);

	if (!order)
		order = memcmp(a->sha256, b->sha256, sizeof(a->sha256));
	return order ? order : compare_numbers(a->size, b->size);
}

static int compare_attributes(
	const struct manifest *m, const struct file_entry *a, const struct file_entry *b)
{
	int order = compare_numbers(a->present, b->present);

	if (!order)
		order = compare_numbers(a->type, b->type);
	if (!order)
		order = compare_numbers(a->mode, b->mode);
	if (!order)
		order = compare_numbers(a->uid, b->uid);
	if (!order)
		order = compare_numbers(a->gid, b->gid);
	if (!order)
		order = strings_compare(&m->strings, a->target, b->target);
	return order;
}

static bool is_unasked(const struct manifest *m, uint32_t file)
{
	return ((const struct file_entry *)table_at(&m->files, file))->ask != 0;
}

static void set_ask(struct manifest *m, uint32_t file, unsigned ask)
{
	struct file_entry *entry = table_at(&m->files, file);

	if (ask && (!m->n_unasked || file < m->first_unasked))
		m->first_unasked = file;
	m->n_unasked += (ask != 0) - (entry->ask != 0);
	entry->ask = ask & FILE_ASK_MAX;
	/* Answers come in the order of the table, so the search continues where it ended last
	 * time. */
	while (m->n_unasked && !is_unasked(m, m->first_unasked))
		m->first_unasked++;
}

static void join_package(struct manifest *m, struct file_entry *entry, uint32_t package)
{
	if (compare_packages(m, package, entry->package) > 0)
		entry->package = package;
}

/* Takes what a look found, if it is greater than what is there. The content (digest, size) and the
 * attributes are compared separately: the view hides the content of files that the application
 * changes, and of what is no regular file, and what is hidden must not decide about what is
 * shown. */
static void join_state(struct manifest *m, uint32_t file, const struct file_entry *look)
{
	struct file_entry *entry = table_at(&m->files, file);
	int order;

	if (compare_content(look, entry) > 0) {
		entry->size = look->size;
		entry->has_sha256 = look->has_sha256;
		memcpy(entry->sha256, look->sha256, sizeof(entry->sha256));
	}
	order = compare_attributes(m, look, entry);
	if (order > 0) {
		entry->present = look->present;
		entry->type = look->type;
		entry->mode = look->mode;
		entry->uid = look->uid;
		entry->gid = look->gid;
		entry->target = look->target;
		entry->package = look->package;
		set_ask(m, file, look->ask);
	} else if (order == 0) {
		join_package(m, entry, look->package);
		if (look->ask)
			set_ask(m, file, look->ask);
	}
}

int manifest_set_state(struct manifest *m, const char *path, const struct file_state *state)
{
	struct file_entry look = {
		.present = true,
		.type = (uint8_t)state->type,
		.mode = state->mode & FILE_MODE_BITS,
		.uid = state->uid,
		.gid = state->gid,
		.size = state->size,
		.has_sha256 = state->has_sha256,
		.ask = state->ask & FILE_ASK_MAX,
	};
	uint32_t file, package;
	int r;

	r = manifest_add_path(m, &m->files, path, &file);
	if (r < 0)
		return r;
	if (manifest_intern_bytes(m, state->target, &look.target) < 0 ||
		add_package(m, state, &package) < 0)
		return -ENOMEM;
	look.package = package;
	if (state->has_sha256)
		memcpy(look.sha256, state->sha256, sizeof(look.sha256));
	join_state(m, file, &look);
	return 0;
}

bool manifest_has_unasked(const struct manifest *m)
{
	return m->n_unasked > 0;
}

const char *manifest_next_unasked(const struct manifest *m, struct unasked_file *ret)
{
	if (ret->place < m->first_unasked)
		ret->place = m->first_unasked;
	for (; m->n_unasked && ret->place < m->files.count; ret->place++) {
		const struct file_entry *entry = table_at(&m->files, ret->place);

		ret->ask = entry->ask;
		if (entry->ask)
			return strings_at(&m->strings, entry->path).bytes;
	}
	return NULL;
}

int manifest_answer(struct manifest *m, struct unasked_file file, const struct file_state *package)
{
	struct file_entry *entry = table_at(&m->files, file.place);
	uint32_t number;

	if (file.place >= m->files.count || entry->ask != file.ask)
		return 0;
	if (add_package(m, package, &number) < 0)
		return -ENOMEM;
	manifest_forget_view(m);
	join_package(m, entry, number);
	set_ask(m, file.place, 0);
	return 0;
}
