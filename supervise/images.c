#define _GNU_SOURCE
#include "supervise/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/preloads.h"
#include "preload/programs/program.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "supervise/express.h"
#include "supervise/greet.h"
#include "supervise/loads.h"
#include "supervise/rights.h"
#include "supervise/roots.h"
#include "supervise/supervise.h"
#include "supervise/target.h"
#include "supervise/vigil.h"

/* Images at a time; each has a socket, with a number of CONNECTION_FD or more, and some pages of
 * memory. */
#define IMAGES_MAX   1024
#define LOOKED_AT    8 /* images, whether their process is gone, whenever another one begins */
#define CALLERS	     1024
#define STAT_SIZE    1024
#define STAT_STACK   28 /* field of /proc/PID/stat: where the stack began */
#define ENVIRON_SIZE (128u << 10)
#define ENTRIES_MAX  2048
#define LIBRARY_NAME "libfootprint.so"

struct one {
	uint64_t identity; /* 0: free */
	uint64_t used;	   /* image_time() of its last call */
	int creator;	   /* the process in which it was seen first */
	int latest;	   /* the one that has called last */
	bool looked;	   /* whether it is ... */
	bool dynamic;	   /* ... a program with a dynamic linker */
	bool ignored;	   /* not recorded: it has loaded the library, or has no FOOTPRINT_SOCKET */
	bool root_differs; /* perhaps: from ours, or between its processes */
	bool rights_differ; /* perhaps: from ours */
	struct express express;
	uint64_t told_on; /* vigil_tend() */
	struct image state;
};

static struct one images[IMAGES_MAX];
static unsigned places; /* that were ever used */
static struct one *entered;

/* Callers whose image is known. */
static struct caller {
	int pid;
	uint64_t since;
	struct one *one;
} callers[CALLERS];

static struct caller *caller_of(int pid)
{
	return &callers[(unsigned)pid % CALLERS];
}

void images_changed(void)
{
	memset(callers, 0, sizeof(callers));
	target_forget();
}

void images_began(int pid)
{
	caller_of(pid)->pid = 0;
	target_renew(pid);
}

/* Makes the recorder work with this image. */
static void enter(struct one *one)
{
	if (entered == one)
		return;
	if (entered)
		memcpy(&entered->state, &image, sizeof(image));
	memcpy(&image, &one->state, sizeof(image));
	entered = one;
}

static void close_one(struct one *one)
{
	if (!one->ignored) {
		enter(one);
		record_goodbye();
		fd_close(&image.descriptor);
		segments_discard();
		hello_forget_settings();
	}
	if (entered == one)
		entered = NULL;
	memset(one, 0, sizeof(*one));
	images_changed();
}

void images_close(void)
{
	for (unsigned i = 0; i < places; i++)
		if (images[i].identity)
			close_one(&images[i]);
}

/* A daemon's first process is gone, and goes on in another one. */
static bool is_gone(const struct one *one)
{
	return rawcall3(SYS_kill, one->creator, 0, 0) == -ESRCH &&
	       rawcall3(SYS_kill, one->latest, 0, 0) == -ESRCH;
}

/* Closes images whose processes are gone: looks at a few, in turn. */
static void close_gone(void)
{
	static unsigned next;

	for (unsigned i = 0; i < LOOKED_AT && i < places; i++) {
		struct one *one = &images[next++ % places];

		if (one->identity && is_gone(one))
			close_one(one);
	}
}

/* A place for another image. If there is none, that of the image that has been quiet for longest
 * has to go; it is another one when it calls again. */
static struct one *make_room(void)
{
	struct one *oldest = &images[0];

	close_gone();
	for (unsigned i = 0; i < places; i++) {
		if (!images[i].identity)
			return &images[i];
		if (images[i].used < oldest->used)
			oldest = &images[i];
	}
	if (places < IMAGES_MAX)
		return &images[places++];
	close_one(oldest);
	return oldest;
}

/* Identifies the image of this process. 0 or a negative errno. */
static int identify(int pid, uint64_t *ret, uint64_t *ret_stack)
{
	char text[FP_PATH_SIZE_MAX];
	uint64_t stack;
	long size = target_file(pid, "stat", text, STAT_SIZE);

	if (size < 0)
		return (int)size;
	stack = target_stat_field(text, STAT_STACK);
	size = target_link(pid, "exe", -1, text, sizeof(text));
	if (size < 0)
		return (int)size;
	*ret = fp_directory_id(stack, text, (uint64_t)size);
	*ret_stack = stack;
	return 0;
}

uint64_t images_identify(int pid)
{
	uint64_t identity = 0, stack;

	return identify(pid, &identity, &stack) ? 0 : identity;
}

/* Does an LD_PRELOAD value name our library? */
static bool names_library(const char *preloads)
{
	return preloads_hold_file(
		preloads, supervisor.library ? text_file_name(supervisor.library) : LIBRARY_NAME);
}

/* The environment with which the caller's image has begun. */
static char **environment_of(int pid)
{
	static char text[ENVIRON_SIZE];
	static char *entries[ENTRIES_MAX + 1];
	long size = target_file(pid, "environ", text, sizeof(text));
	unsigned count = 0;

	for (long at = 0; at < size && count < ENTRIES_MAX; at += (long)text_length(text + at) + 1)
		entries[count++] = text + at;
	entries[count] = NULL;
	return entries;
}

/* Does the library record in this image? It does in a dynamic program with LD_PRELOAD and a
 * socket. */
static bool has_library(int pid, char *const *envp)
{
	char name[TARGET_NAME_SIZE], path[PROGRAM_PATH_SIZE];
	const char *socket = text_environment(envp, "FOOTPRINT_SOCKET");

	target_name(name, pid, "exe", -1);
	return socket && *socket && names_library(text_environment(envp, "LD_PRELOAD")) &&
	       program_look(AT_FDCWD, name, 0, path, sizeof(path)) == PROGRAM_DYNAMIC;
}

static const char *setting(char *const *envp, const char *name)
{
	const char *own = text_environment(envp, name);

	return own ? own : text_environment(supervisor.envp, name);
}

static bool is_off(const char *wish)
{
	return wish && text_equal(wish, "0");
}

static void start(struct one *one, int pid, char *const *envp)
{
	struct settings settings = { setting(envp, "FOOTPRINT_SOCKET"),
		setting(envp, "FOOTPRINT_SPOOL"), setting(envp, "FOOTPRINT_APP"),
		setting(envp, "FOOTPRINT_VERSION") };

	enter(one);
	memset(&image, 0, sizeof(image));
	image.descriptor = -1;
	image.pid = (int)rawcall3(SYS_getpid, 0, 0, 0);
	if (!settings.socket || !*settings.socket || greet(pid, &settings, NULL) < 0)
		image.off = one->ignored = true;
}

static struct one *open_image(int pid, uint64_t identity, uint64_t stack)
{
	struct one *one = make_room();
	char **envp = environment_of(pid);

	one->identity = identity;
	one->creator = one->latest = pid;
	one->express.stack = stack;
	one->express.closed = is_off(setting(envp, "FOOTPRINT_SITES"));
	one->ignored = identity == supervisor.first || has_library(pid, envp);
	if (one->ignored)
		return one;
	one->rights_differ = rights_differ(pid);
	start(one, pid, envp);
	return one;
}

static struct one *find_image(int pid, uint64_t identity, uint64_t stack)
{
	for (unsigned i = 0; i < places; i++)
		if (images[i].identity == identity)
			return &images[i];
	return open_image(pid, identity, stack);
}

/* The same of a program that we may not look at with our own rights: what somebody who has changed
 * its user executes (gosu, s6-setuidgid) may be looked at with that user's. */
static bool has_library_with_rights(int pid)
{
	bool has;

	rights_take(pid);
	has = has_library(pid, environment_of(pid));
	rights_return();
	return has;
}

static struct one *find(int pid, int *ret_error)
{
	static struct one watched = { .ignored = true };
	uint64_t identity = 0, stack = 0;
	struct one *one;

	*ret_error = identify(pid, &identity, &stack);
	if (target_refuses(*ret_error) && has_library_with_rights(pid)) {
		*ret_error = 0;
		return &watched;
	}
	if (*ret_error)
		return NULL;
	one = find_image(pid, identity, stack);
	one->root_differs |= roots_differ(pid);
	return one;
}

static void enter_as(struct one *one, int pid)
{
	enter(one);
	/* Absolute paths are relative to the caller's root. */
	image.root = one->root_differs ? roots_id(pid) : 0;
	if (!one->looked)
		one->dynamic = loads_begin(pid);
	one->looked = true;
}

bool images_enter(int pid, int *ret_error)
{
	struct caller *caller = caller_of(pid);
	uint64_t now = image_time();

	*ret_error = 0;
	if (caller->pid != pid || now - caller->since > IMAGE_SECOND) {
		struct one *one = find(pid, ret_error);

		if (!one)
			return false;
		*caller = (struct caller){ pid, now, one };
	}
	caller->one->used = now;
	caller->one->latest = pid;
	if (caller->one->ignored)
		return false;
	enter_as(caller->one, pid);
	return true;
}

void images_tend(void)
{
	if (entered)
		vigil_tend(&entered->told_on);
}

struct express *images_express(void)
{
	return entered ? &entered->express : NULL;
}

bool images_dynamic(void)
{
	return entered && entered->dynamic;
}

void images_root_changed(void)
{
	if (entered)
		entered->root_differs = true;
}

void images_rights_changed(void)
{
	if (entered)
		entered->rights_differ = true;
}

void images_rights_changed_somewhere(void)
{
	for (unsigned i = 0; i < places; i++)
		images[i].rights_differ = true;
}

bool images_rights_differ(void)
{
	return entered && entered->rights_differ;
}

int images_root(int pid)
{
	char name[TARGET_NAME_SIZE];

	if (!image.root)
		return 0;
	target_name(name, pid, "root", -1);
	return (int)rawcall4(SYS_openat, AT_FDCWD, (long)name, O_PATH | O_CLOEXEC, 0);
}

void images_gap(int pid, const char *kind, const char *detail)
{
	int error;

	if (images_enter(pid, &error)) {
		record_gap(kind, NULL, detail);
		return;
	}
	for (unsigned i = 0; i < places; i++) {
		if (!images[i].identity || images[i].ignored)
			continue;
		enter(&images[i]);
		record_gap(kind, NULL, detail);
		return;
	}
}
