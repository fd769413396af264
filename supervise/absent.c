/* What the recorder asks about the process that it was loaded into, for a program that records on
 * behalf of others. */
#include "preload/entry.h"
#include "preload/hooks/symbols.h"
#include "preload/linker/loaded.h"
#include "preload/programs/supervised.h"
#include "preload/record/rings.h"
#include "preload/session/pool.h"
#include "preload/session/pool_map.h"

struct entry entry_find(void)
{
	return (struct entry){ 0 };
}

unsigned long entry_auxiliary(const struct entry *entry, unsigned long type)
{
	(void)entry, (void)type;
	return 0;
}

const char *loaded_program(void)
{
	return 0;
}

const char *loaded_interpreter(void)
{
	return 0;
}

void loaded_record(const struct entry *entry)
{
	(void)entry;
}

/* All that the recorder gets here was copied first, and can be read. */
bool symbol_readable(const void *address)
{
	return address != 0;
}

bool symbol_text_readable(const char *text, size_t limit)
{
	(void)limit;
	return text != 0;
}

enum program_glance supervised_glance(int dirfd, const char *path, int flags)
{
	(void)dirfd, (void)path, (void)flags;
	return GLANCE_MAY_BE;
}

bool supervised_is_expected(const char *path)
{
	(void)path;
	return false;
}

enum program_kind supervised_exec(int dirfd, const char *path, int flags)
{
	(void)dirfd, (void)path, (void)flags;
	return PROGRAM_UNKNOWN;
}

/* --- it starts no programs, and is in nobody's pool ------------------------------------------- */

uint64_t pool_identity(const struct settings *settings)
{
	(void)settings;
	return 0;
}

struct segment *pool_enter(const struct settings *settings, const struct entry *entry)
{
	(void)settings, (void)entry;
	return 0;
}

void pool_look(void)
{
}

void pool_hand_on(bool watched, char *const *envp)
{
	(void)watched, (void)envp;
}

void pool_take_back(void)
{
}

void pool_say_gone(void)
{
}

void pool_unsay_gone(int pid)
{
	(void)pid;
}

bool pool_kept_by_kin(void)
{
	return false;
}

bool pool_kept_by_parent(void)
{
	return false;
}

void pool_keep_at_end(void)
{
}

void pool_inhabit(void)
{
}

void pool_inhabit_undo(void)
{
}

void pool_leave(void)
{
}

void pool_forget(int fd)
{
	(void)fd;
}

/* Nobody announces what is submitted: that would be every io_uring_enter. */
bool ring_made(int fd, const void *parameters)
{
	(void)fd, (void)parameters;
	return false;
}

bool ring_uses_names(int fd)
{
	(void)fd;
	return true;
}

void rings_closed(unsigned first, unsigned last)
{
	(void)first, (void)last;
}
