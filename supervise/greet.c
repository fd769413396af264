#define _GNU_SOURCE
#include "supervise/greet.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/utsname.h>

#include "preload/clock.h"
#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/encode.h"
#include "preload/root.h"
#include "preload/session/session.h"
#include "preload/text.h"
#include "supervise/supervise.h"
#include "supervise/target.h"

/* footprint.Watch */
#define WATCH_SUPERVISED 1
#define WATCH_NONE	 2

#define NAME_SIZE   1024 /* of argv[0] */
#define STATUS_SIZE 4096

static void write_link(struct writer *w, enum hello_field field, int pid, const char *entry)
{
	char path[FP_PATH_SIZE_MAX];

	if (target_link(pid, entry, -1, path, sizeof(path)) > 0 && path[0] == '/')
		hello_write_text(w, field, path, sizeof(path));
}

static bool is_path(const char *text)
{
	while (*text && *text != '/')
		text++;
	return *text;
}

/* argv[0]. Of the first program, which nobody who is watched may have started, the path that was
 * executed, if its argv[0] is no path. */
static void write_invoked_as(struct writer *w, int pid)
{
	static bool is_first = true;
	char text[NAME_SIZE], path[NAME_SIZE];
	bool known = target_file(pid, "cmdline", text, sizeof(text)) > 0;

	if (is_first && !(known && is_path(text)) &&
		target_string(pid, target_auxiliary(pid, AT_EXECFN), path, sizeof(path)) > 0)
		hello_write_text(w, HELLO_INVOKED_AS, path, sizeof(path));
	else if (known)
		hello_write_text(w, HELLO_INVOKED_AS, text, sizeof(text));
	is_first = false;
}

static void write_ids(struct writer *w, int pid)
{
	char status[STATUS_SIZE];

	if (target_file(pid, "status", status, sizeof(status)) <= 0)
		return;
	write_varint(w, HELLO_PID, target_status(status, "Tgid", 0));
	write_varint(w, HELLO_PARENT_PID, target_status(status, "PPid", 0));
	write_varint(w, HELLO_UID, target_status(status, "Uid", 1));
	write_varint(w, HELLO_GID, target_status(status, "Gid", 1));
}

static void write_place(struct writer *w)
{
	struct utsname system;
	struct root_name root;

	if (rawcall3(SYS_uname, (long)&system, 0, 0) == 0)
		hello_write_name(w, HELLO_HOST, system.nodename);
	write_fixed64(w, HELLO_STARTED_NS, now_ns());
	if (supervisor.root >= 0 && root_name(supervisor.root, &root))
		hello_write_root(w, &root);
}

static void write_hello(
	struct segment *segment, int pid, const struct settings *settings, const char *unwatched)
{
	struct writer w = { (unsigned char *)(segment + 1), 0 };

	write_varint(&w, HELLO_PROTOCOL, FP_PROTOCOL);
	write_bytes(&w, HELLO_SESSION, segment->session, SESSION_ID_SIZE);
	hello_write_name(&w, HELLO_APPLICATION, settings->application);
	hello_write_name(&w, HELLO_APPLICATION_VERSION, settings->version);
	if (unwatched)
		hello_write_text(&w, HELLO_EXECUTABLE, unwatched, FP_PATH_SIZE_MAX);
	else
		write_link(&w, HELLO_EXECUTABLE, pid, "exe");
	write_invoked_as(&w, pid);
	write_link(&w, HELLO_DIRECTORY, pid, "cwd");
	write_ids(&w, pid);
	write_place(&w);
	hello_write_name(&w, HELLO_LIBRARY_VERSION, FOOTPRINT_VERSION_STRING);
	hello_write_spool(&w);
	write_varint(&w, HELLO_WATCHED, unwatched ? WATCH_NONE : WATCH_SUPERVISED);
	segment_open_log(segment, sizeof(*segment), (uint32_t)w.size);
}

int greet(int pid, const struct settings *settings, const char *unwatched)
{
	int memfd CLEANUP_FD = -1;
	struct segment *segment = hello_keep_settings(settings)
					  ? segment_new(SEGMENT_FIRST_SIZE, NULL, &memfd)
					  : NULL;

	if (!segment)
		return -ENOMEM;
	segment->segments = 1;
	hello_name_session(segment);
	write_hello(segment, pid, settings, unwatched);
	image.segment = segment;
	session_start(segment, memfd, supervisor.root);
	session_tend_all(segment);
	return 0;
}
