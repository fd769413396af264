/* The processes of an image: forks, their ends, and the one descriptor that they hold. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/directories.h"
#include "preload/record/recorder.h"
#include "preload/record/rings.h"
#include "preload/record/seen.h"
#include "preload/root.h"
#include "preload/session/connection.h"
#include "preload/session/entered.h"
#include "preload/session/layout.h"
#include "preload/session/pool.h"
#include "preload/session/reserve.h"
#include "preload/session/session.h"
#include "preload/session/spool.h"
#include "preload/session/spool_file.h"
#include "preload/text.h"

static void count_users(uint32_t change)
{
	for (struct segment *s = image.segment; s; s = segment_previous(s))
		__atomic_fetch_add(&s->head.users, change, __ATOMIC_SEQ_CST);
}

/* Counts the child before the fork: the parent may end at once, and must not be taken for the last
 * process of the image. */
void record_fork_begin(void)
{
	/* The child inherits what is known of the aggregator and the pool, but not what its parent
	 * learns later. So look now. */
	if (image_segment())
		session_look();
	pool_look();
	image.forked = true;
	image.root_is_mine = false;
	image_make_room();
	count_users(1);
	pool_inhabit();
}

void record_fork_end(long pid)
{
	struct segment *segment = image.segment;

	if (pid < 0) {
		count_users(-1u);
		pool_inhabit_undo();
	}
	for (; pid > 0 && segment; segment = segment_previous(segment))
		__atomic_fetch_add(&segment->head.processes, 1, __ATOMIC_RELAXED);
	if (pid == 0) {
		image.guard = image.pid;
		image.inherited = image.segment;
		image.pid = image.memory_only ? 0 : (int)rawcall3(SYS_getpid, 0, 0, 0);
		if (image.segment)
			pool_unsay_gone(image.pid);
		image.said_goodbye = false;
		image.connecting = false; /* the thread that was connecting is not in the child */
		directory_forked();
	}
}

/* Does no aggregator read the memory any more? */
static bool nobody_reads(struct segment *segment)
{
	return segment->way != SEGMENT_HELD || segment_is_left(segment) || !connection_is_there();
}

/* Does nobody else know how many processes the image had? */
static bool count_unknown(struct segment *segment)
{
	return segment->head.processes > 1 && segment == image.segment && nobody_reads(segment);
}

/* Does nobody else know how many records were lost? They are counted in one segment. */
static bool loss_unknown(struct segment *segment)
{
	return __atomic_load_n(&segment->head.lost, __ATOMIC_RELAXED) && nobody_reads(segment);
}

/* Puts into the spool what nobody has acknowledged. in_good_hands: another process does that for
 * what stands in the pool, if that is all. */
static void keep_rest(struct segment *segment, bool in_good_hands)
{
	uint64_t spooled = segment->spooled;
	int error;

	if (in_good_hands && segment_is_cell(segment) && segment->way == SEGMENT_HELD &&
		segment == image.segment)
		return;
	error = spool_rest(segment);
	/* An entry without a log still says how many processes there were, and until when they
	 * lived. */
	if (!error && segment->spooled == spooled &&
		(count_unknown(segment) || loss_unknown(segment)))
		error = spool_counts(segment);
	if (!error)
		return;
	image_log_refusal(error);
	if (__atomic_load_n(&segment->head.users, __ATOMIC_ACQUIRE) ||
		(error != -ENOSPC && !nobody_reads(segment)))
		return;
	if (spool_loss(segment) < 0 && nobody_reads(segment))
		reserve_tell(segment);
}

/* It does not matter whether other processes of the image still live: they may be killed, and then
 * do not come here. What this one leaves to a parent is what that has in its memory, too. */
void record_goodbye(void)
{
	bool in_good_hands;

	if (!image.segment || image.memory_only || !image_is_ours())
		return;
	/* From here on nobody leaves anything to us any more, and our other threads keep their
	 * records themselves. */
	if (!__atomic_exchange_n(&image.said_goodbye, true, __ATOMIC_SEQ_CST)) {
		pool_say_gone();
		count_users(-1u);
	}
	session_flush();
	if (pool_kept_by_kin())
		return;
	in_good_hands = pool_kept_by_parent();
	if (!in_good_hands)
		pool_keep_at_end();
	for (struct segment *s = NULL; (s = segment_following(image.segment, s));)
		keep_rest(s, in_good_hands);
}

static void leave(void)
{
	if (__atomic_load_n(&image.said_goodbye, __ATOMIC_ACQUIRE) && image.segment &&
		!image.memory_only && image_is_ours())
		pool_leave();
}

void record_leave(void)
{
	/* Behind a chroot, a session of its own would find no aggregator, and take the paths for
	 * those of the container. */
	if (!image.root)
		leave();
}

void record_end(void)
{
	record_goodbye();
	leave();
}

void record_hand_on(bool watched, char *const *envp)
{
	if (image.segment)
		pool_hand_on(watched, envp);
}

void record_hand_back(void)
{
	pool_take_back();
}

void record_goodbye_undo(void)
{
	if (image.segment && image_is_ours() &&
		__atomic_exchange_n(&image.said_goodbye, false, __ATOMIC_ACQ_REL)) {
		count_users(1);
		pool_unsay_gone(image.pid);
	}
}

/* Behind a filter, this process keeps neither its records nor what others leave to it. What an
 * aggregator holds, that reads; its successor is told that there may have been more. */
static void keep_before_filter(void)
{
	if (!image_segment() || image.memory_only || !image_is_ours())
		return;
	if (nobody_reads(image.segment))
		record_gap("lost-records", NULL, "behind a seccomp filter, with no aggregator");
	else
		record_filter();
	pool_say_gone();
	pool_keep_at_end();
	for (struct segment *s = NULL; (s = segment_following(image.segment, s));)
		spool_rest(s);
}

void record_filter_begins(bool installs)
{
	record_directory();
	directory_look_for_broker();
	if (installs)
		keep_before_filter();
}

void record_memory_only(void)
{
	if (image.root_in_proc)
		image.root = 0;
	image.memory_only = true;
}

void record_directory_unknown(void)
{
	directory_parent_runs();
	directory_set_working(0);
}

void record_vfork_end(void)
{
	record_directory_unknown();
	/* Look at once: a shell may have no new record for the rest of its life. */
	if (image.refused && image.segment && image_is_ours())
		session_look();
}

/* The directory has a link for each thread, besides the usual two. */
static bool has_other_threads(void)
{
	struct statx tasks;

	return !image.memory_only &&
	       rawcall6(SYS_statx, AT_FDCWD, (long)"/proc/self/task", 0, STATX_NLINK, (long)&tasks,
		       0) == 0 &&
	       tasks.stx_nlink > 3;
}

void record_root_begin(void)
{
	bool own = image.directory_uncached == DIRECTORY_OF_THREAD && has_other_threads();

	if (image.segment && (own || !image_is_ours()))
		directory_look_at_root();
	if (image.segment && !image.memory_only && image_is_ours())
		spool_file_hold();
}

void record_root_stays(void)
{
	if (image.segment && !image.memory_only && !image.left_root && image_is_ours())
		spool_file_let_go();
}

void record_root_left(void)
{
	if (image.segment && image_is_ours())
		image.left_root = true;
}

bool record_is_alone(void)
{
	return image_is_single_threaded() && image_is_ours();
}

/* Is the root that is about to change this process's own, and does the aggregator know it? */
static bool root_may_be_told(void)
{
	return image.segment && !image.memory_only && image.root != ROOT_IS_LOOKED_AT &&
	       image.root != FP_DIRECTORY_UNKNOWABLE && record_is_alone();
}

void record_root_leaves(void)
{
	if (root_may_be_told())
		entered_prepare();
}

void record_root_kept(void)
{
	entered_forget();
}

/* Has another process of this image perhaps the same root, and does not notice that it changes? */
static bool others_have_root(void)
{
	return !image.root_is_mine &&
	       __atomic_load_n(&image.segment->head.users, __ATOMIC_ACQUIRE) > 1;
}

/* False: the aggregator could not be told. */
static bool tell_root(bool everyone)
{
	uint64_t id = root_may_be_told() ? entered_tell(image.root, everyone) : 0;

	entered_forget();
	if (!id)
		return false;
	image.left_root = true;
	image.root = id;
	image.root_directory = 0;
	image.root_is_mine = true;
	return true;
}

static void root_unknown(void)
{
	if (image.segment && image_is_ours())
		image.root = FP_DIRECTORY_UNKNOWABLE;
}

void record_root_entered(void)
{
	if (image.segment && others_have_root())
		record_gap(
			"unresolved", NULL, "pivot_root changed the root of other processes, too");
	if (!tell_root(true))
		root_unknown();
}

/* A mount may have been moved to where no path leads any more (MS_MOVE onto "/"). */
void record_chroot(uint64_t from, const char *path)
{
	bool told = entered_is_mount() && tell_root(false);

	entered_forget();
	if (!told && image.segment)
		directory_set_root(from, path);
}

uint64_t record_root(void)
{
	return image.segment && !image.memory_only ? root_identity() : 0;
}

void record_root_may_be_entered(uint64_t before)
{
	if (!tell_root(false) && (!before || record_root() != before))
		root_unknown();
}

void record_mounts_apart(void)
{
	record_root_leaves();
	tell_root(false);
}

void record_directory_each_thread(void)
{
	image.roots_apart |= has_other_threads();
	directory_each_thread();
}

void record_descriptors_each_thread(void)
{
	directory_descriptors_apart();
}

/* Does a clone share its memory with us and `what` not, or the other way round? Of a vfork child
 * the directories know. */
static bool shares_half(uint64_t flags, uint64_t what)
{
	return flags & CLONE_VM ? !(flags & (what | CLONE_VFORK)) : (flags & what) != 0;
}

void record_clone_begins(uint64_t flags)
{
	if (shares_half(flags, CLONE_FS)) {
		image.roots_apart |= (flags & CLONE_VM) != 0;
		directory_each_thread();
	}
	if (shares_half(flags, CLONE_FILES))
		record_descriptors_each_thread();
	if (flags & CLONE_FS && !(flags & CLONE_VM) && image.segment)
		directory_look_at_root();
}

void record_fd_closed(int fd)
{
	directory_set(fd, 0);
	if (image.has_rings)
		rings_closed((unsigned)fd, (unsigned)fd);
}

void record_fd_range_closed(unsigned first, unsigned last)
{
	directory_forget(first, last);
	if (image.has_rings)
		rings_closed(first, last);
}

void record_fd_copied(int from, int to)
{
	if (image.has_rings)
		rings_closed((unsigned)to, (unsigned)to);
	if (image.segment)
		directory_set(to, directory_known(from));
}

int record_descriptor(void)
{
	return __atomic_load_n(&image.descriptor, __ATOMIC_ACQUIRE);
}

/* A program that closes descriptors past the hooks may have opened a file of its own with that
 * number. Behind a filter the kernel is not asked. */
bool record_descriptor_is(int fd)
{
	return fd >= 0 && fd == record_descriptor() &&
	       (image.memory_only || connection_confirm(fd));
}

bool record_descriptor_is_at(int directory, const char *name)
{
	char number[TEXT_NUMBER_SIZE];
	int fd = record_descriptor();

	if (fd < 0 || image.memory_only)
		return false;
	text_append_number(number, number + sizeof(number), (uint64_t)fd);
	return text_equal(name, number) && connection_confirm(fd) &&
	       connection_is_at(directory, name);
}

/* Behind a filter it cannot be moved. Once it is closed, the aggregator takes that for the end of
 * the process, and reads nothing more: so what follows is lost, which is said now. */
static void lose_descriptor(void)
{
	image_lose(1);
	__atomic_store_n(&image.descriptor, -1, __ATOMIC_RELEASE);
}

void record_descriptor_yield(int fd, int wanted)
{
	int old = fd;
	long other;

	if (fd < 0 || record_descriptor() != fd)
		return;
	if (image.memory_only) {
		lose_descriptor();
		return;
	}
	/* A vfork child may lose its copy; only the parent's counts. */
	if (!image_is_ours() || rawcall3(SYS_fcntl, wanted, F_GETFD, 0) < 0 ||
		!connection_confirm(fd))
		return;
	other = rawcall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 1);
	if (other < 0)
		other = rawcall3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd / 2);
	__atomic_compare_exchange_n(&image.descriptor, &old, other < 0 ? -1 : (int)other, false,
		__ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}
