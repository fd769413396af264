/*
 * A load generator: does what a small text file says, and nothing else, so that the cost of being
 * watched can be measured on exactly known work.
 *
 *   loader FILE [NAME=VALUE...]     $NAME in the file is replaced by VALUE
 *
 * A line is a verb and its arguments; '#' begins a comment. Verbs, files being DIR/f0 DIR/f1 ...:
 *
 *   mkdir DIR                       make a directory
 *   create DIR FILES BYTES          make FILES files of BYTES bytes
 *   open DIR FILES TIMES            TIMES open+close, going round the files in order
 *   shuffle DIR FILES TIMES         the same, in a fixed pseudo-random order
 *   stat DIR FILES TIMES
 *   write DIR FILES BYTES           truncate and write each
 *   rename DIR FILES                f0 to r0 ...
 *   delete DIR FILES PREFIX         PREFIX0 ... (f or r)
 *   execute TIMES PROGRAM [ARG]...  posix_spawn and wait
 *   connect TIMES unix:PATH|PORT    connect and close; a refused connection is fine
 *   threads N VERB ...              the verb in N threads at once
 *   processes N VERB ...            the verb in N forked processes at once
 *
 * Exit status 1 and a message with the line's number when something fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX   64
#define THREADS_MAX 256

extern char **environ;

struct line {
	const char *file;
	int number;
	int argc;
	char **argv; /* argv[0] is the verb; ends with NULL */
};

static void fail(const struct line *line, const char *what)
{
	fprintf(stderr, "loader: %s:%d: %s %s: %s\n", line->file, line->number, line->argv[0], what,
		strerror(errno));
	exit(1);
}

static long number(const struct line *line, int index)
{
	char *end;
	long value;

	errno = EINVAL;
	if (index >= line->argc)
		fail(line, "needs one more number");
	value = strtol(line->argv[index], &end, 10);
	if (*end || value < 0)
		fail(line, line->argv[index]);
	return value;
}

static const char *word(const struct line *line, int index)
{
	errno = EINVAL;
	if (index >= line->argc)
		fail(line, "needs one more word");
	return line->argv[index];
}

static const char *file_name(char name[PATH_MAX], const char *folder, char prefix, long index)
{
	snprintf(name, PATH_MAX, "%s/%c%ld", folder, prefix, index);
	return name;
}

static void do_mkdir(const struct line *line)
{
	if (mkdir(word(line, 1), 0755) < 0 && errno != EEXIST)
		fail(line, line->argv[1]);
}

static void fill(const struct line *line, int flags)
{
	static const char block[4096];
	const char *folder = word(line, 1);
	long files = number(line, 2), bytes = number(line, 3);
	char name[PATH_MAX];

	for (long i = 0; i < files; i++) {
		int fd = open(file_name(name, folder, 'f', i), flags, 0644);

		if (fd < 0)
			fail(line, name);
		for (long left = bytes; left > 0; left -= (long)sizeof(block)) {
			size_t part = left < (long)sizeof(block) ? (size_t)left : sizeof(block);

			if (write(fd, block, part) != (ssize_t)part)
				fail(line, name);
		}
		close(fd);
	}
}

static void do_create(const struct line *line)
{
	fill(line, O_WRONLY | O_CREAT | O_TRUNC);
}

static void do_write(const struct line *line)
{
	fill(line, O_WRONLY | O_TRUNC);
}

static void open_files(const struct line *line, bool shuffled)
{
	const char *folder = word(line, 1);
	long files = number(line, 2), times = number(line, 3);
	unsigned long state = 1;
	char name[PATH_MAX];

	for (long i = 0; i < times; i++) {
		long index = i % files;
		int fd;

		if (shuffled) {
			state = state * 6364136223846793005ul + 1442695040888963407ul;
			index = (long)(state >> 33) % files;
		}
		fd = open(file_name(name, folder, 'f', index), O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fail(line, name);
		close(fd);
	}
}

static void do_open(const struct line *line)
{
	open_files(line, false);
}

static void do_shuffle(const struct line *line)
{
	open_files(line, true);
}

static void do_stat(const struct line *line)
{
	const char *folder = word(line, 1);
	long files = number(line, 2), times = number(line, 3);
	char name[PATH_MAX];
	struct stat status;

	for (long i = 0; i < times; i++)
		if (stat(file_name(name, folder, 'f', i % files), &status) < 0)
			fail(line, name);
}

static void do_rename(const struct line *line)
{
	const char *folder = word(line, 1);
	long files = number(line, 2);
	char from[PATH_MAX], to[PATH_MAX];

	for (long i = 0; i < files; i++)
		if (rename(file_name(from, folder, 'f', i), file_name(to, folder, 'r', i)) < 0)
			fail(line, from);
}

static void do_delete(const struct line *line)
{
	const char *folder = word(line, 1);
	long files = number(line, 2);
	char prefix = word(line, 3)[0];
	char name[PATH_MAX];

	for (long i = 0; i < files; i++)
		if (unlink(file_name(name, folder, prefix, i)) < 0)
			fail(line, name);
}

static void do_execute(const struct line *line)
{
	long times = number(line, 1);
	const char *program = word(line, 2);

	for (long i = 0; i < times; i++) {
		pid_t pid;
		int status;

		errno = posix_spawn(&pid, program, NULL, NULL, line->argv + 2, environ);
		if (errno || waitpid(pid, &status, 0) < 0)
			fail(line, program);
	}
}

static void do_connect(const struct line *line)
{
	long times = number(line, 1);
	const char *to = word(line, 2);
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in inet = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool is_local = strncmp(to, "unix:", 5) == 0;

	if (is_local)
		snprintf(local.sun_path, sizeof(local.sun_path), "%s", to + 5);
	else
		inet.sin_port = htons((unsigned short)number(line, 2));
	for (long i = 0; i < times; i++) {
		int fd = socket(is_local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int result;

		if (fd < 0)
			fail(line, to);
		result = is_local ? connect(fd, (struct sockaddr *)&local, sizeof(local))
				  : connect(fd, (struct sockaddr *)&inet, sizeof(inet));
		if (result < 0 && errno != ECONNREFUSED && errno != ENOENT)
			fail(line, to);
		close(fd);
	}
}

static void perform(const struct line *line);

static void *thread_main(void *line)
{
	perform(line);
	return NULL;
}

static struct line inner_of(const struct line *line)
{
	struct line inner = *line;

	word(line, 2);
	inner.argc -= 2;
	inner.argv += 2;
	return inner;
}

static void do_threads(const struct line *line)
{
	long count = number(line, 1);
	struct line inner = inner_of(line);
	pthread_t threads[THREADS_MAX];

	errno = E2BIG;
	if (count > THREADS_MAX)
		fail(line, line->argv[1]);
	for (long i = 0; i < count; i++) {
		errno = pthread_create(&threads[i], NULL, thread_main, &inner);
		if (errno)
			fail(line, line->argv[1]);
	}
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static void do_processes(const struct line *line)
{
	long count = number(line, 1);
	struct line inner = inner_of(line);
	bool failed = false;
	int status;

	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail(line, line->argv[1]);
		if (pid == 0) {
			perform(&inner);
			exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status != 0;
	if (failed)
		exit(1);
}

static const struct verb {
	const char *name;
	void (*run)(const struct line *line);
} verbs[] = {
	{ "mkdir", do_mkdir },
	{ "create", do_create },
	{ "open", do_open },
	{ "shuffle", do_shuffle },
	{ "stat", do_stat },
	{ "write", do_write },
	{ "rename", do_rename },
	{ "delete", do_delete },
	{ "execute", do_execute },
	{ "connect", do_connect },
	{ "threads", do_threads },
	{ "processes", do_processes },
};

static void perform(const struct line *line)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verbs[i].name, line->argv[0]) == 0) {
			verbs[i].run(line);
			return;
		}
	errno = EINVAL;
	fail(line, "is no verb");
}

/* The value of a word: the word itself, or for $NAME the value from the command line. */
static char *substitute(char *text, char **settings)
{
	size_t length = strlen(text) - 1;

	if (text[0] != '$')
		return text;
	for (; *settings; settings++)
		if (strncmp(*settings, text + 1, length) == 0 && (*settings)[length] == '=')
			return *settings + length + 1;
	fprintf(stderr, "loader: %s has no value: give %s=VALUE\n", text, text + 1);
	exit(1);
}

int main(int argc, char **argv)
{
	struct line line = { 0 };
	char *text = NULL;
	size_t size = 0;
	FILE *file;

	if (argc < 2) {
		fprintf(stderr, "Usage: loader FILE [NAME=VALUE]...\n");
		return 1;
	}
	line.file = argv[1];
	file = fopen(argv[1], "re");
	if (!file) {
		fprintf(stderr, "loader: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (getline(&text, &size, file) >= 0) {
		char *words[WORDS_MAX + 1] = { NULL };
		char *save = NULL;
		char *next;

		line.number++;
		line.argc = 0;
		line.argv = words;
		text[strcspn(text, "#\n")] = '\0';
		for (next = strtok_r(text, " \t", &save); next && line.argc < WORDS_MAX;
			next = strtok_r(NULL, " \t", &save))
			words[line.argc++] = substitute(next, argv + 2);
		if (line.argc)
			perform(&line);
	}
	fclose(file);
	free(text);
	return 0;
}
