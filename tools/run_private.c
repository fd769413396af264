#include "tools/run_private.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/standard.h"
#include "lib/elf/elf.h"
#include "tools/command.h"

#define LIBRARY "libfootprint.so" /* its file name, and its soname */

#define TREE_DESCRIPTORS 16 /* for nftw(3) */

/* --- finding our own files -------------------------------------------------------------------- */

/* The folder of this executable, or NULL. The caller frees it. */
static char *own_directory(void)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (slash)
		*slash = '\0';
	return path;
}

/* The first of the candidates (relative to our own folder) that exists. NULL: none does. */
static char *find_beside(const char *const *candidates, size_t n)
{
	autofree char *directory = own_directory();

	for (size_t i = 0; directory && i < n; i++) {
		autofree char *path = NULL;
		char *found;

		if (asprintf(&path, "%s/%s", directory, candidates[i]) < 0) {
			path = NULL;
			return NULL;
		}
		found = realpath(path, NULL);
		if (found)
			return found;
	}
	return NULL;
}

/* If this is not our library, ld.so would print a message and run the program unwatched. */
static int check_library(const char *path, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct elf_info info = { 0 };
	bool ours;

	if (fd < 0)
		return error_set(err, -errno, "%s", strerror(errno));
	if (elf_describe(fd, &info, err) < 0)
		return err->code;
	ours = info.kind == PROGRAM_ELF && info.soname && !strcmp(info.soname, LIBRARY);
	elf_info_deinit(&info);
	return ours ? 0 : error_set(err, -ENOEXEC, "is not a " LIBRARY);
}

static char *find_named_library(const char *named, struct error *err)
{
	autofree char *found = realpath(named, NULL);

	if (!found)
		error_set(err, -errno, "%s", strerror(errno));
	if (found && check_library(found, err) == 0)
		return steal_pointer(found);
	error_prefix(err, "FOOTPRINT_LIBRARY=%s", named);
	return NULL;
}

static char *find_library(struct error *err)
{
	static const char *const candidates[] = { LIBRARY, "../lib/footprint/" LIBRARY };
	const char *named = getenv("FOOTPRINT_LIBRARY");
	autofree char *found = NULL;

	if (named && *named)
		return find_named_library(named, err);
	found = find_beside(candidates, 2);
	if (!found) {
		error_set(err, -ENOENT,
			LIBRARY ": not found beside 'footprint'; FOOTPRINT_LIBRARY may name it");
		return NULL;
	}
	if (check_library(found, err) == 0)
		return steal_pointer(found);
	error_prefix(err, "%s", found);
	return NULL;
}

/* The daemon's path, or its name, to be searched in PATH. */
static char *find_daemon(void)
{
	static const char *const candidates[] = { "footprintd", "../sbin/footprintd" };
	char *found = find_beside(candidates, 2);

	return found ? found : strdup("footprintd");
}

/* --- the directory ---------------------------------------------------------------------------- */

/* 0, or negative errno: it cannot be made there. */
static int make_directory_in(const char *parent, char **ret)
{
	autofree char *path = NULL;

	if (!parent || parent[0] != '/')
		return -ENOENT;
	if (asprintf(&path, "%s/footprint-XXXXXX", parent) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(path))
		return -errno;
	/* Root's programs may become other users, which need to reach the socket, and nothing
	 * else. */
	if (geteuid() == 0 && chmod(path, 0711) < 0) {
		int r = -errno;

		rmdir(path);
		return r;
	}
	*ret = steal_pointer(path);
	return 0;
}

/* Makes it in memory if possible, so that what the run itself writes is not on the program's disks.
 * Only root may pass through root's XDG_RUNTIME_DIR. */
static int make_directory(struct private_aggregator *aggregator, struct error *err)
{
	const char *own = getenv("XDG_RUNTIME_DIR");
	const char *const roots[] = { "/dev/shm", "/tmp", own };
	const char *const users[] = { own, "/dev/shm", "/tmp" };
	const char *const *parents = geteuid() == 0 ? roots : users;
	int r = -ENOENT;

	for (size_t i = 0; i < 3; i++) {
		int one = make_directory_in(parents[i], &aggregator->directory);

		if (one == 0)
			return 0;
		if (parents[i])
			r = one;
	}
	return error_set(err, r, "no directory for the socket: %s", strerror(-r));
}

static int name_file(const struct private_aggregator *aggregator, const char *name, char **ret)
{
	if (asprintf(ret, "%s/%s", aggregator->directory, name) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int name_files(struct private_aggregator *aggregator, struct error *err)
{
	if (name_file(aggregator, "socket", &aggregator->socket) < 0 ||
		name_file(aggregator, "spool", &aggregator->spool) < 0 ||
		name_file(aggregator, "manifests", &aggregator->manifests) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	return 0;
}

/* The library looks for the supervisor of static programs beside itself. If we have none, it finds
 * none, which makes gaps, but is no failure. */
static int give_companion(const struct private_aggregator *aggregator)
{
	const char *slash = strrchr(aggregator->library, '/');
	autofree char *there = NULL;
	autofree char *here = NULL;

	if (asprintf(&there, "%.*s/footprint-supervise", (int)(slash - aggregator->library),
		    aggregator->library) < 0) {
		there = NULL;
		return -ENOMEM;
	}
	if (name_file(aggregator, "footprint-supervise", &here) < 0)
		return -ENOMEM;
	return symlink(there, here) < 0 ? -errno : 0;
}

/* LD_PRELOAD separates names by spaces and colons, so a path that contains one of these needs
 * another name. */
static int give_plain_name(struct private_aggregator *aggregator, struct error *err)
{
	autofree char *plain = NULL;

	if (!aggregator->library[strcspn(aggregator->library, " :")])
		return 0;
	if (name_file(aggregator, LIBRARY, &plain) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	if (symlink(aggregator->library, plain) < 0)
		return error_set(err, -errno, "%s: %s", plain, strerror(errno));
	if (give_companion(aggregator) < 0)
		return error_set(err, -ENOMEM, "out of memory");
	free(aggregator->library);
	aggregator->library = steal_pointer(plain);
	return 0;
}

/* --- the daemon ------------------------------------------------------------------------------- */

/* Runs in the child. The daemon gets a session of its own, because signals of the terminal are not
 * for it. */
static void become_daemon(const struct private_aggregator *aggregator, const char *program,
	int ready_fd, pid_t parent)
{
	char fd[16];
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* If `footprint` is killed, nobody else would end the daemon. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	unsetenv("LD_PRELOAD");
	unsetenv("LISTEN_PID");
	unsetenv("NOTIFY_SOCKET");
	if (null >= 0 && (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0))
		_exit(EXIT_FAILURE);
	/* What standard_hold() has put there would be closed by the exec. */
	if (null >= 0 && standard_is_held(STDERR_FILENO) && dup2(null, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	fcntl(ready_fd, F_SETFD, 0);
	snprintf(fd, sizeof(fd), "%d", ready_fd);
	execlp(program, "footprintd", "--socket", aggregator->socket, "--manifests",
		aggregator->manifests, "--spool", aggregator->spool, "--one-run", "--ready-fd", fd,
		(char *)NULL);
	command_fail("%s: %s", program, strerror(errno));
	_exit(EXIT_FAILURE);
}

static void kill_daemon(struct private_aggregator *aggregator)
{
	kill(aggregator->pid, SIGKILL);
	waitpid(aggregator->pid, NULL, 0);
	aggregator->pid = 0;
}

/* Waits until the daemon writes a byte, which means that it listens, or ends. */
static int wait_ready(struct private_aggregator *aggregator, int fd, struct held_signals *signals,
	struct error *err)
{
	char byte;
	ssize_t n;

	signals_wait_readable(signals, fd);
	if (signals_interrupted(signals)) {
		kill_daemon(aggregator); /* before it notices that nobody reads from the pipe */
		return error_set(err, -EINTR, "interrupted");
	}
	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		return 0;
	waitpid(aggregator->pid, NULL, 0);
	aggregator->pid = 0;
	return error_set(err, -EIO, "footprintd: did not start");
}

static int start_daemon(
	struct private_aggregator *aggregator, struct held_signals *signals, struct error *err)
{
	autofree char *program = find_daemon();
	autoclose int read_end = -1, write_end = -1;
	pid_t self = getpid();
	int ends[2];

	if (!program)
		return error_set(err, -ENOMEM, "out of memory");
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(err, -errno, "pipe: %s", strerror(errno));
	read_end = ends[0];
	write_end = ends[1];
	aggregator->pid = fork();
	if (aggregator->pid < 0) {
		aggregator->pid = 0;
		return error_set(err, -errno, "fork: %s", strerror(errno));
	}
	if (aggregator->pid == 0)
		become_daemon(aggregator, program, write_end, self);
	close(steal_fd(&write_end));
	return wait_ready(aggregator, read_end, signals, err);
}

int private_start(
	struct private_aggregator *aggregator, struct held_signals *signals, struct error *err)
{
	int r;

	*aggregator = (struct private_aggregator){ 0 };
	aggregator->library = find_library(err);
	if (!aggregator->library)
		return err->code;
	if ((r = make_directory(aggregator, err)) < 0 || (r = name_files(aggregator, err)) < 0 ||
		(r = give_plain_name(aggregator, err)) < 0)
		return r;
	return start_daemon(aggregator, signals, err);
}

int private_finish(struct private_aggregator *aggregator, struct error *err)
{
	int status;
	pid_t pid;

	if (kill(aggregator->pid, SIGTERM) < 0)
		return error_set(err, -EIO, "footprintd: %s", strerror(errno));
	do
		pid = waitpid(aggregator->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	aggregator->pid = 0;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
		return error_set(err, -EIO, "footprintd: failed");
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

void private_remove(struct private_aggregator *aggregator)
{
	if (aggregator->pid)
		kill_daemon(aggregator);
	/* The directory is for temporary files, so failing to remove something is not worth a
	 * message. */
	if (aggregator->directory)
		nftw(aggregator->directory, remove_one, TREE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
	free(aggregator->directory);
	free(aggregator->socket);
	free(aggregator->spool);
	free(aggregator->manifests);
	free(aggregator->library);
	*aggregator = (struct private_aggregator){ 0 };
}
