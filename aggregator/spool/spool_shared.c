#include "aggregator/spool/spool_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/hash.h"
#include "proto/system_calls.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20 /* Linux 5.12 */
#endif

#define ASKED_MS 1000

/* Are both the same directory? Cached attributes suffice, so no server is asked. */
static bool same_directory(int one, int other)
{
	struct statx a, b;
	int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;

	return statx(one, "", flags, 0, &a) == 0 && statx(other, "", flags, 0, &b) == 0 &&
	       a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major &&
	       a.stx_dev_minor == b.stx_dev_minor;
}

/* 1: it is ours, and its mount is not read-only; 0: it is not; negative errno: this cannot be
 * known, now or ever. */
static int look(const struct aggregator *daemon, int root, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED,
	};
	autoclose int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct statvfs system;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (!same_directory(fd, daemon->spool.directory))
		return 0;
	/* Its file system is that of our own spool, so this cannot hang. */
	if (fstatvfs(fd, &system) < 0)
		return -errno;
	return !(system.f_flag & ST_RDONLY);
}

bool spool_is_shared(struct aggregator *daemon, struct spool_answer *answer, int fd,
	const Footprint__Hello *hello)
{
	uint32_t hash = hash_bytes(hello->spool.data, hello->spool.len);
	char path[FP_PATH_SIZE_MAX];
	int found;

	if (!hello->spool.len || hello->spool.len >= sizeof(path))
		return true;
	/* As a rule, all processes of a root have the same spool; but a mount may come or go. */
	if (answer->asked && answer->hash == hash &&
		uv_now(&daemon->loop) - answer->asked_ms < ASKED_MS)
		return answer->shared;
	memcpy(path, hello->spool.data, hello->spool.len);
	path[hello->spool.len] = '\0';
	found = look(daemon, fd, path);
	if (found < 0)
		return true;
	if (!found && !answer->told)
		log_trouble("%s: %s in their root is another directory than %s, or read-only: what "
			    "processes leave there while nobody listens is never read; "
			    "FOOTPRINT_SPOOL names ours to them",
			hello->application, path, daemon->options.spool);
	*answer = (struct spool_answer){
		.asked = true,
		.shared = found,
		.hash = hash,
		.asked_ms = uv_now(&daemon->loop),
		.told = answer->told || !found,
	};
	return found;
}
