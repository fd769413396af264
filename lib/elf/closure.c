/* The closure of DT_NEEDED, breadth first, with each object once: the same as ld.so's link map. */
#include "lib/elf/elf.h"

#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/strings.h"
#include "lib/elf/search.h"

#define LOOKUPS_MAX	 (256u << 10) /* in one closure; a large desktop program makes 10,000 */
#define NEEDED_BYTES_MAX (16u << 20)  /* of all names that the objects need */
#define NOT_NAMED	 UINT32_MAX

/* The objects in order, and which of them each name stands for. */
struct builder {
	struct search search;
	struct loaded **objects;
	size_t n_objects, size;
	struct strings names;
	uint32_t *named; /* by the name's number: the object's index */
	size_t named_size;
	size_t lookups, needed_bytes;
	struct error *err;
};

static void builder_deinit(struct builder *b)
{
	for (size_t i = 0; i < b->n_objects; i++)
		loaded_free(b->objects[i]);
	free(b->objects);
	free(b->named);
	strings_deinit(&b->names);
	search_deinit(&b->search);
}
#define autobuilder __attribute__((cleanup(builder_deinit)))

DEFINE_CLEANUP(cleanup_loaded, struct loaded *, loaded_free)
#define autoloaded __attribute__((cleanup(cleanup_loaded)))

static struct loaded *loaded_new(const char *name, struct loaded *loader)
{
	struct loaded *object = calloc(1, sizeof(*object));

	if (!object)
		return NULL;
	object->loader = loader;
	object->name = strdup(name);
	if (!object->name) {
		free(object);
		return NULL;
	}
	return object;
}

/* The object that `name` stands for, or NOT_NAMED. */
static uint32_t find_name(const struct builder *b, const char *name)
{
	uint32_t number = strings_find(&b->names, name, strlen(name));

	return number < b->named_size ? b->named[number] : NOT_NAMED;
}

static int grow_named(struct builder *b, uint32_t number)
{
	size_t size = b->named_size ? b->named_size * 2 : 64;
	uint32_t *named;

	if (number < b->named_size)
		return 0;
	while (size <= number)
		size *= 2;
	named = realloc(b->named, size * sizeof(*named));
	if (!named)
		return -ENOMEM;
	for (size_t i = b->named_size; i < size; i++)
		named[i] = NOT_NAMED;
	b->named = named;
	b->named_size = size;
	return 0;
}

/* From now on `name` (NULL: none) stands for this object, unless it stands for another one
 * already. */
static int add_name(struct builder *b, const char *name, size_t index)
{
	uint32_t number;
	int code;

	if (!name)
		return 0;
	code = strings_add(&b->names, name, strlen(name), &number);
	if (code == 0)
		code = grow_named(b, number);
	if (code == 0 && b->named[number] == NOT_NAMED)
		b->named[number] = (uint32_t)index;
	return code;
}

/*
 * glibc knows an object by the names under which it was requested, by its path, and by its soname;
 * musl only by the names under which it was requested (map_library; load_library in
 * ldso/dynlink.c).
 */
static int add_names(struct builder *b, const struct loaded *object)
{
	int code = add_name(b, object->name, object->index);

	if (code == 0 && !b->search.musl)
		code = add_name(b, object->found, object->index);
	if (code == 0 && !b->search.musl)
		code = add_name(b, object->info.soname, object->index);
	return code;
}

static int check_bytes(struct builder *b, const struct loaded *object)
{
	for (size_t i = 0; i < object->info.n_needed; i++)
		b->needed_bytes += strlen(object->info.needed[i]) + 1;
	if (b->needed_bytes > NEEDED_BYTES_MAX)
		return error_set(
			b->err, -E2BIG, "closure: names of more than %u bytes", NEEDED_BYTES_MAX);
	return 0;
}

/* Takes ownership of the object, even if it fails. */
static int append(struct builder *b, struct loaded *taken)
{
	autoloaded struct loaded *object = taken;
	int code = check_bytes(b, object);

	if (code < 0)
		return code;
	if (b->n_objects == ELF_CLOSURE_MAX)
		return error_set(b->err, -E2BIG, "closure: more than %u objects", ELF_CLOSURE_MAX);
	if (b->n_objects == b->size) {
		size_t size = b->size ? b->size * 2 : 16;
		struct loaded **objects = realloc(b->objects, size * sizeof(*objects));

		if (!objects)
			return -ENOMEM;
		b->objects = objects;
		b->size = size;
	}
	object->index = b->n_objects;
	b->objects[b->n_objects++] = object;
	return add_names(b, steal_pointer(object));
}

/* An object that is the same file (device and inode) under another path, or NULL. */
static const struct loaded *find_file(const struct builder *b, const struct loaded *object)
{
	for (size_t i = 0; i < b->n_objects; i++) {
		const struct loaded *other = b->objects[i];

		if (other->canonical && other->inode == object->inode &&
			other->device == object->device)
			return other;
	}
	return NULL;
}

/* Adds the object that a search has filled, or has not found. If the file is there already, it only
 * gets one more name. */
static int settle(struct builder *b, struct loaded *taken, int found)
{
	autoloaded struct loaded *object = taken;
	const struct loaded *same;

	if (found == -E2BIG)
		return error_set(b->err, found, "closure: looked for in more than %u places",
			SEARCH_TRIES_MAX);
	if (found < 0 && found != -ENOENT && found != -ENOEXEC)
		return error_set(b->err, found, "%s: %s", object->name, strerror(-found));
	same = found == 0 ? find_file(b, object) : NULL;
	if (same)
		return add_name(b, object->name, same->index);
	return append(b, steal_pointer(object));
}

static int need(struct builder *b, const char *name, struct loaded *loader)
{
	struct loaded *object;

	if (b->lookups++ == LOOKUPS_MAX)
		return error_set(b->err, -E2BIG, "closure: more than %u DT_NEEDED", LOOKUPS_MAX);
	if (find_name(b, name) != NOT_NAMED)
		return 0;
	object = loaded_new(name, loader);
	if (!object)
		return -ENOMEM;
	return settle(b, object, search_find(&b->search, name, loader, object));
}

static int add_interpreter(struct builder *b, struct loaded *program)
{
	struct loaded *object;

	if (!program->info.interpreter)
		return 0;
	object = loaded_new(program->info.interpreter, program);
	if (!object)
		return -ENOMEM;
	return settle(b, object, search_try(&b->search, program->info.interpreter, object));
}

static int describe_program(struct resolver *r, struct loaded *program, struct error *err)
{
	struct stat status;
	autoclose int fd = resolver_open(r, program->found, &status);

	if (fd < 0)
		return error_set(err, fd, "%s: %s", program->found, strerror(-fd));
	program->device = status.st_dev;
	program->inode = status.st_ino;
	if (elf_describe(fd, &program->info, err) < 0)
		return error_prefix(err, "%s", program->found);
	return 0;
}

static int add_program(
	struct builder *b, struct resolver *r, const char *canonical, struct error *err)
{
	autoloaded struct loaded *program = loaded_new(canonical, NULL);
	int code;

	if (!program)
		return -ENOMEM;
	program->found = strdup(canonical);
	program->canonical = strdup(canonical);
	if (!program->found || !program->canonical)
		return -ENOMEM;
	code = describe_program(r, program, err);
	if (code == 0 && program->info.kind == PROGRAM_ELF)
		code = search_init(&b->search, r, &program->info);
	if (code < 0)
		return code;
	return append(b, steal_pointer(program));
}

static int build(struct builder *b)
{
	if (b->objects[0]->info.kind == PROGRAM_ELF) {
		int code = add_interpreter(b, b->objects[0]);

		if (code < 0)
			return code;
	}
	for (size_t i = 0; i < b->n_objects; i++) {
		struct loaded *object = b->objects[i];

		if (object->info.kind != PROGRAM_ELF)
			continue;
		for (size_t j = 0; j < object->info.n_needed; j++) {
			int code = need(b, object->info.needed[j], object);

			if (code < 0)
				return code;
		}
	}
	return 0;
}

static int hand_over(struct builder *b, struct elf_closure *ret)
{
	struct elf_object *objects = calloc(b->n_objects, sizeof(*objects));

	if (!objects)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_objects; i++) {
		struct loaded *from = b->objects[i];

		objects[i].path = steal_pointer(from->canonical);
		objects[i].name = steal_pointer(from->name);
		objects[i].requester = from->loader ? from->loader->index : 0;
		objects[i].info = from->info;
		from->info = (struct elf_info){ 0 };
	}
	*ret = (struct elf_closure){ .objects = objects, .n_objects = b->n_objects };
	return 0;
}

int elf_closure_find(
	struct resolver *r, const char *canonical, struct elf_closure *ret, struct error *err)
{
	struct error own = { 0 };
	autobuilder struct builder b = { .err = err ? err : &own };
	int code;

	b.err->code = 0;
	code = add_program(&b, r, canonical, b.err);
	if (code == 0)
		code = build(&b);
	if (code == 0)
		code = hand_over(&b, ret);
	if (code < 0 && b.err->code != code)
		error_set(b.err, code, "closure: %s", strerror(-code));
	return code;
}

void elf_closure_deinit(struct elf_closure *closure)
{
	for (size_t i = 0; i < closure->n_objects; i++) {
		free(closure->objects[i].path);
		free(closure->objects[i].name);
		elf_info_deinit(&closure->objects[i].info);
	}
	free(closure->objects);
	*closure = (struct elf_closure){ 0 };
}
