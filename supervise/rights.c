#define _GNU_SOURCE
#include "supervise/rights.h"

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "preload/image.h"
#include "preload/programs/supervised_filter.h"
#include "preload/rawcall.h"
#include "preload/text.h"
#include "supervise/target.h"

#define STATUS_SIZE 8192
#define GROUPS_MAX  256	 /* a process with more groups is treated as if it had only these */
#define FILE_SYSTEM 3	 /* column of a line: real, effective, saved, file system */
#define NOBODY	    (-1) /* no id: setfsuid and setfsgid return the present one */

/* The capabilities to read any file and to pass any directory. */
#define ANY_FILE (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH)

struct rights {
	unsigned user, group;
	int count; /* of groups; negative: they are not known */
	gid_t groups[GROUPS_MAX];
};

static struct rights own;
static enum { NOT_ASKED, GIVEN_BACK, TAKEN } state;

/* The rights of the last caller. Reading them costs more than the call, so they are considered
 * valid for a second, or until somebody changes rights or executes a program. */
static struct {
	int pid; /* 0: none */
	uint64_t since;
	bool differ; /* they are known, and are not root's */
	struct rights rights;
} last;

bool rights_change(long number)
{
	return supervised_filter_is_of_rights(number);
}

/* What follows "Name:" in its line. NULL: there is no such line. */
static const char *line_of(const char *status, const char *name)
{
	for (; *status; status++) {
		if (text_begins(status, name))
			return status + text_length(name);
		while (*status && *status != '\n')
			status++;
		if (!*status)
			break;
	}
	return NULL;
}

static int read_groups(const char *line, gid_t groups[GROUPS_MAX])
{
	int count = 0;

	while (line && *line && *line != '\n' && count < GROUPS_MAX) {
		gid_t group = 0;
		bool is_one = false;

		for (; *line >= '0' && *line <= '9'; line++, is_one = true)
			group = group * 10 + (gid_t)(*line - '0');
		if (is_one)
			groups[count++] = group;
		else
			line++;
	}
	return count;
}

/* The 64-bit set is in hexadecimal; its low half holds the capabilities in question. */
static bool may_use_any_file(const char *line)
{
	uint32_t set = 0;

	for (; line && *line && *line != '\n'; line++) {
		unsigned digit = (unsigned)*line - '0';

		if (*line >= 'a' && *line <= 'f')
			digit = (unsigned)(*line - 'a') + 10;
		if (digit < 16)
			set = set << 4 | digit;
	}
	return set & ANY_FILE;
}

/* False: they cannot be read, or are as good as root's. */
static bool read_rights(int pid, struct rights *ret)
{
	char status[STATUS_SIZE];

	if (target_file(pid, "status", status, sizeof(status)) <= 0 ||
		may_use_any_file(line_of(status, "CapEff:")))
		return false;
	ret->user = (unsigned)target_status(status, "Uid", FILE_SYSTEM);
	ret->group = (unsigned)target_status(status, "Gid", FILE_SYSTEM);
	ret->count = read_groups(line_of(status, "Groups:"), ret->groups);
	return true;
}

unsigned rights_user(void)
{
	return (unsigned)rawcall3(SYS_setfsuid, NOBODY, 0, 0);
}

unsigned rights_group(void)
{
	return (unsigned)rawcall3(SYS_setfsgid, NOBODY, 0, 0);
}

bool rights_differ(int pid)
{
	struct rights other;

	return read_rights(pid, &other) &&
	       (other.user != rights_user() || other.group != rights_group());
}

/* setfsuid takes away root's capabilities for files, but none that these calls need. */
static void use(const struct rights *rights)
{
	if (rights->count >= 0)
		rawcall3(SYS_setgroups, rights->count, (long)rights->groups, 0);
	rawcall3(SYS_setfsgid, rights->group, 0, 0);
	rawcall3(SYS_setfsuid, rights->user, 0, 0);
}

void rights_forget(void)
{
	last.pid = 0;
}

void rights_take(int pid)
{
	uint64_t now = image_time();

	if (last.pid != pid || now - last.since > IMAGE_SECOND) {
		last.pid = pid;
		last.since = now;
		last.differ = read_rights(pid, &last.rights);
	}
	if (!last.differ)
		return;
	if (state == NOT_ASKED) {
		own.user = rights_user();
		own.group = rights_group();
		own.count = (int)rawcall3(SYS_getgroups, GROUPS_MAX, (long)own.groups, 0);
	}
	state = TAKEN;
	use(&last.rights);
}

void rights_return(void)
{
	if (state != TAKEN)
		return;
	use(&own);
	state = GIVEN_BACK;
}
