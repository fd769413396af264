#define _GNU_SOURCE

#include "preload/hooks/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "preload/entry.h"
#include "preload/hooks/hooks.h"
#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/preloads.h"
#include "preload/rawcall.h"
#include "preload/text.h"

#define PRELOAD	     "LD_PRELOAD="
#define PRELOAD_SIZE (sizeof(PRELOAD) - 1)
#define OURS	     "FOOTPRINT_"

#define STACK_SIZE_MAX 2048 /* bytes of an environment that is made on the stack */
#define KEPT_MAX       12   /* FOOTPRINT_* variables; more are not restored */
#define KEPT_SIZE      1024 /* bytes for all that is kept; what is longer goes to mapped memory */

/*
 * What the environment held at our start. It is copied, because programs overwrite it
 * (setproctitle) or drop it (clearenv). Written once, by the constructor.
 */
static struct {
	bool taken;
	unsigned count;
	const char *entries[KEPT_MAX]; /* "FOOTPRINT_X=..." */
	const char *library;	       /* our path, absolute if possible; NULL: not known */
	struct span token;	       /* our entry in LD_PRELOAD, as it stood there */
	uintptr_t block, block_end;    /* where the environment stands that the kernel made */
	char text[KEPT_SIZE];
} kept;

/* Does the entry name this library, as at the start or by its absolute path? */
static bool names_us(struct span token)
{
	return span_equal(token, kept.token) || span_equal(token, span_of(kept.library));
}

/* Room for `size` bytes that are never freed. */
static char *keep_room(char **free_text, size_t size)
{
	char *room = *free_text;

	if (room + size <= kept.text + sizeof(kept.text)) {
		*free_text = room + size;
		return room;
	}
	return map_private(size);
}

static const char *keep(char **free_text, struct span first, struct span second)
{
	char *copy = keep_room(free_text, first.size + second.size + 1);

	if (!copy)
		return NULL;
	memcpy(copy, first.text, first.size);
	memcpy(copy + first.size, second.text, second.size);
	copy[first.size + second.size] = '\0';
	return copy;
}

/* Would the dynamic linker take the text for more than one name? */
static bool holds_separator(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (preloads_separates(text[i]))
			return true;
	return false;
}

/* Makes a relative entry absolute, as it would mean another file after a chdir. */
static const char *keep_absolute(char **free_text, struct span path)
{
	char directory[1024];
	long size;

	if (*path.text == '/' || span_file_name(path).size == path.size)
		return keep(free_text, path, (struct span){ "", 0 });
	size = rawcall3(SYS_getcwd, (long)directory, sizeof(directory), 0);
	if (size <= 1 || directory[0] != '/' || holds_separator(directory, (size_t)size))
		return keep(free_text, path, (struct span){ "", 0 });
	directory[size - 1] = '/'; /* where the NUL was */
	return keep(free_text, (struct span){ directory, (size_t)size }, path);
}

/* Our entry in LD_PRELOAD is the one with the same file name as the object that we were mapped
 * from. If there is none (ld.so --preload), the object's own path is used. */
static void keep_library(char **free_text, const char *preloads)
{
	struct link_map *own = symbol_own_map();
	struct span path = span_of(own ? own->l_name : NULL);
	struct span token;

	if (!path.size)
		return;
	while (preloads_next(&preloads, &token)) {
		if (!span_equal(span_file_name(token), span_file_name(path)))
			continue;
		kept.library = keep_absolute(free_text, token);
		kept.token = span_of(keep(free_text, token, (struct span){ "", 0 }));
		return;
	}
	kept.library = keep_absolute(free_text, path);
}

/* Runs before the program's own code, which may change the environment in any way. Without a
 * socket, or in a set-uid program, nothing of ours is passed on. */
static __attribute__((constructor)) void environment_start(void)
{
	struct entry entry = entry_find();
	const char *preloads = "";
	char *free_text = kept.text;

	if (kept.taken || !entry.envp || entry_auxiliary(&entry, AT_SECURE))
		return;
	kept.taken = true;
	if (entry.aux && *entry.envp) {
		kept.block = (uintptr_t)*entry.envp;
		kept.block_end = entry_auxiliary(&entry, AT_EXECFN);
	}
	if (!text_environment(entry.envp, "FOOTPRINT_SOCKET"))
		return;
	for (char **at = entry.envp; *at; at++) {
		const char *copy;

		if (text_begins(*at, PRELOAD))
			preloads = *at + PRELOAD_SIZE;
		if (!text_begins(*at, OURS) || kept.count == KEPT_MAX)
			continue;
		copy = keep(&free_text, span_of(*at), (struct span){ "", 0 });
		if (copy)
			kept.entries[kept.count++] = copy;
	}
	keep_library(&free_text, preloads);
}

const char *environment_library(void)
{
	return kept.library;
}

const char *environment_setting(const char *name)
{
	size_t size = text_length(name);

	for (unsigned i = 0; i < kept.count; i++)
		if (text_begins(kept.entries[i], name) && kept.entries[i][size] == '=')
			return kept.entries[i] + size + 1;
	return NULL;
}

unsigned environment_kept(const char **ret_entries, unsigned max)
{
	unsigned count = kept.count < max ? kept.count : max;

	for (unsigned i = 0; i < count; i++)
		ret_entries[i] = kept.entries[i];
	return count;
}

/* 0 or a negative errno. */
static long open_and_close(const char *path)
{
	long fd = rawcall4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

	if (fd < 0)
		return fd;
	rawcall3(SYS_close, fd, 0, 0);
	return 0;
}

/* access() does not ask Landlock, open() does. A process that Landlock restricts has no_new_privs,
 * or had CAP_SYS_ADMIN. */
bool environment_reaches_library(void)
{
	if (!kept.library || *kept.library != '/')
		return true;
	if (rawcall6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0) == 1) {
		long error = open_and_close(kept.library);

		if (error != -EMFILE && error != -ENFILE)
			return error == 0;
	}
	return rawcall3(SYS_access, (long)kept.library, R_OK, 0) == 0;
}

/* How many pages are remembered that can be read: a shell's variables are all over its heap, but in
 * few pages. */
#define PAGES_KNOWN 8

/* Does not ask for what the kernel has made, where most variables are. */
static bool may_read(const void *address, uintptr_t known[PAGES_KNOWN])
{
	uintptr_t at = (uintptr_t)address, *page = &known[at / PAGE % PAGES_KNOWN];

	if (at / PAGE == *page || (at >= kept.block && at < kept.block_end))
		return at >= PAGE;
	if (!image.memory_only && !symbol_readable(address))
		return false;
	*page = at / PAGE;
	return true;
}

/* Looks at the array, and at the beginning of each entry. */
static bool look_whether_readable(char *const *envp)
{
	uintptr_t known[PAGES_KNOWN] = { 0 };

	for (;; envp++) {
		if (!may_read(envp, known))
			return false;
		if (!*envp)
			return true;
		if (!may_read(*envp, known))
			return false;
	}
}

/* The environment that is being passed to a user. A vfork child and its parent's threads may use
 * this at the same time. One that finds another's environment here looks at its own itself. */
static char *const *handed;

static long hand(environment_user *user, void *context, char *const *envp)
{
	long result;

	__atomic_store_n(&handed, envp, __ATOMIC_RELAXED);
	result = user(context, envp);
	__atomic_store_n(&handed, NULL, __ATOMIC_RELAXED);
	return result;
}

bool environment_is_readable(char *const *envp)
{
	return envp == __atomic_load_n(&handed, __ATOMIC_RELAXED) || look_whether_readable(envp);
}

/* Do both entries set the same variable? */
static bool same_variable(const char *a, const char *b)
{
	while (*a && *a == *b && *a != '=')
		a++, b++;
	return *a == '=' && *b == '=';
}

/* What an environment has of what it should have. */
struct survey {
	size_t entries;
	size_t preload_at;    /* index of LD_PRELOAD, or `entries`: not there */
	const char *preloads; /* its value, "" where there is none */
	unsigned missing;     /* bit N: kept.entries[N] is missing */
	bool preload_differs; /* LD_PRELOAD must be written anew */
};

/* The dynamic linkers take the last LD_PRELOAD of several. */
static void survey_entries(struct survey *survey, char *const *given)
{
	survey->missing = (1u << kept.count) - 1;
	survey->preloads = "";
	for (; given && given[survey->entries]; survey->entries++) {
		const char *entry = given[survey->entries];

		if (text_begins(entry, PRELOAD)) {
			survey->preloads = entry + PRELOAD_SIZE;
			survey->preload_at = survey->entries + 1;
		} else if (text_begins(entry, OURS)) {
			for (unsigned i = 0; i < kept.count; i++)
				if (same_variable(entry, kept.entries[i]))
					survey->missing &= ~(1u << i);
		}
	}
	survey->preload_at = survey->preload_at ? survey->preload_at - 1 : survey->entries;
}

static bool preloads_us_somehow(const char *preloads)
{
	struct span token;

	while (preloads_next(&preloads, &token))
		if (names_us(token))
			return true;
	return false;
}

static struct survey survey_of(char *const *given, enum library_wish wish)
{
	struct survey survey = { 0 };

	survey_entries(&survey, given);
	if (wish == LIBRARY_UNWANTED) {
		survey.missing = 0;
		survey.preload_differs = preloads_us_somehow(survey.preloads);
	} else {
		survey.preload_differs =
			kept.library && !preloads_hold(survey.preloads, kept.library);
	}
	return survey;
}

/* The bytes that a new LD_PRELOAD needs, at most. */
static size_t preload_needs(const struct survey *survey)
{
	return sizeof(PRELOAD) + span_of(kept.library).size + 1 + text_length(survey->preloads);
}

/* Writes "LD_PRELOAD=" with our path first, if wanted, and the others in their order. Returns it,
 * or NULL: there is nothing to preload. `to` has room for preload_needs() bytes. */
static char *preload_write(const struct survey *survey, enum library_wish wish, char *to)
{
	char *end = to + preload_needs(survey);
	const char *at = survey->preloads;
	char *start = to;
	struct span token;
	bool any = wish == LIBRARY_WANTED;

	to = text_append(to, end, PRELOAD);
	if (any)
		to = text_append(to, end, kept.library);
	while (preloads_next(&at, &token)) {
		if (names_us(token))
			continue;
		if (any)
			*to++ = ':';
		memcpy(to, token.text, token.size);
		to += token.size;
		any = true;
	}
	*to = '\0';
	return any ? start : NULL;
}

/* The bytes that a new environment needs: its pointers, and behind them LD_PRELOAD. */
static size_t made_size(const struct survey *survey)
{
	return (survey->entries + kept.count + 2) * sizeof(char *) + preload_needs(survey);
}

static char **make(
	const struct survey *survey, char *const *given, enum library_wish wish, void *room)
{
	char **made = room;
	char **to = made;
	char *text = (char *)(made + survey->entries + kept.count + 2);
	char *preload = NULL;

	if (survey->preload_differs)
		preload = preload_write(survey, wish, text);
	for (size_t i = 0; given && i < survey->entries; i++) {
		if (i != survey->preload_at || !survey->preload_differs)
			*to++ = given[i];
		else if (preload)
			*to++ = preload;
	}
	if (preload && survey->preload_at == survey->entries)
		*to++ = preload;
	for (unsigned i = 0; i < kept.count; i++)
		if (survey->missing & 1u << i)
			*to++ = (char *)(uintptr_t)kept.entries[i];
	*to = NULL;
	return made;
}

/* Makes the environment in mapped memory, since the stack may be small, and after vfork is the
 * parent's. After vfork, the mapping stays in the parent if the exec succeeds; that is the price of
 * an environment this large. */
static long with_mapped(const struct survey *survey, char *const *given, enum library_wish wish,
	environment_user *user, void *context)
{
	size_t size = made_size(survey);
	void *room = map_private(size);
	long result;

	if (!room)
		return hand(user, context, given);
	result = hand(user, context, make(survey, given, wish, room));
	unmap(room, size);
	return result;
}

long environment_with(
	char *const *given, enum library_wish wish, environment_user *user, void *context)
{
	struct survey survey;

	if (!kept.library && !kept.count)
		return user(context, given);
	if (given && !look_whether_readable(given))
		return user(context, given); /* the kernel will refuse it */
	survey = survey_of(given, wish);
	if (!survey.missing && !survey.preload_differs)
		return hand(user, context, given);
	if (made_size(&survey) > STACK_SIZE_MAX)
		return with_mapped(&survey, given, wish, user, context);
	return hand(
		user, context, make(&survey, given, wish, __builtin_alloca(made_size(&survey))));
}

/* An entry "NAME=value" as libc's setenv takes it; a name is short, all of them are ours. */
static void set_entry(const char *entry)
{
	static void *slot;
	int (*real_setenv)(const char *, const char *, int) = hook_real(&slot, "setenv");
	char name[64];
	size_t size = 0;

	while (entry[size] && entry[size] != '=' && size < sizeof(name) - 1) {
		name[size] = entry[size];
		size++;
	}
	name[size] = '\0';
	if (real_setenv && entry[size] == '=')
		real_setenv(name, entry + size + 1, 1);
}

static void unset_preload(void)
{
	static void *slot;
	int (*real_unsetenv)(const char *) = hook_real(&slot, "unsetenv");

	if (real_unsetenv)
		real_unsetenv("LD_PRELOAD");
}

void environment_restore(enum library_wish wish)
{
	struct survey survey = survey_of(environ, wish);

	for (unsigned i = 0; i < kept.count; i++)
		if (survey.missing & 1u << i)
			set_entry(kept.entries[i]);
	if (survey.preload_differs) {
		char *preload =
			preload_write(&survey, wish, __builtin_alloca(preload_needs(&survey)));

		if (preload)
			set_entry(preload);
		else
			unset_preload();
	}
}
