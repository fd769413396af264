#include "aggregator/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/log.h"
#include "aggregator/peers/listener.h"
#include "lib/base/refusal.h"

#define INTERVAL_DEFAULT 2.0
#define INTERVAL_MIN	 0.05
#define INTERVAL_MAX	 86400.0
#define THREADS_DEFAULT	 2
#define THREADS_MAX	 64

static const char help[] =
	"Usage: footprintd --socket PATH --manifests DIR [OPTION…]\n"
	"\n"
	"Collects what libfootprint.so records in the processes of applications, and keeps one\n"
	"manifest, APP@VERSION.footprint, for each version of an application.\n"
	"\n"
	"Options:\n"
	"  -s, --socket PATH      listen here (default: FOOTPRINT_SOCKET)\n"
	"  -m, --manifests DIR    where manifests are read and written\n"
	"      --spool DIR        where processes leave records while nobody listens\n"
	"                         (default: FOOTPRINT_SPOOL, or spool/ beside the socket)\n"
	"  -i, --interval SECONDS time between snapshots of what has changed (default: 2)\n"
	"      --threads N        threads that resolve paths and hash files (default: 2)\n"
	"      --nice             run with the lowest priority\n"
	"      --allow-app NAME   accept this application only; may be repeated\n"
	"      --allow-uid UID    accept processes of this user only; may be repeated\n"
	"      --one-run          the run ends with the daemon; processes still alive are a gap\n"
	"      --ready-fd FD      write a byte to this descriptor and close it when listening\n"
	"  -h, --help             print this help\n"
	"  -V, --version          print the version\n";

enum {
	OPTION_SPOOL = 256,
	OPTION_THREADS,
	OPTION_NICE,
	OPTION_ALLOW_APP,
	OPTION_ALLOW_UID,
	OPTION_ONE_RUN,
	OPTION_READY_FD
};

static const struct option names[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "manifests", required_argument, NULL, 'm' },
	{ "spool", required_argument, NULL, OPTION_SPOOL },
	{ "interval", required_argument, NULL, 'i' },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "nice", no_argument, NULL, OPTION_NICE },
	{ "allow-app", required_argument, NULL, OPTION_ALLOW_APP },
	{ "allow-uid", required_argument, NULL, OPTION_ALLOW_UID },
	{ "one-run", no_argument, NULL, OPTION_ONE_RUN },
	{ "ready-fd", required_argument, NULL, OPTION_READY_FD },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int parse_number(const char *option, const char *text, unsigned long min, unsigned long max,
	unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *ret < min || *ret > max) {
		log_trouble("%s: '%s' is not a number from %lu to %lu", option, text, min, max);
		return -EINVAL;
	}
	return 0;
}

static int parse_interval(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	if (end == text || *end || !(*ret >= INTERVAL_MIN && *ret <= INTERVAL_MAX)) {
		log_trouble("--interval: '%s' is not a time from %g to %g seconds", text,
			INTERVAL_MIN, INTERVAL_MAX);
		return -EINVAL;
	}
	return 0;
}

static int add_allowed_app(struct options *options, const char *name)
{
	const char **grown =
		reallocarray(options->allow_apps, options->n_allow_apps + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	options->allow_apps = grown;
	options->allow_apps[options->n_allow_apps++] = name;
	return 0;
}

static int add_allowed_uid(struct options *options, const char *text)
{
	unsigned long uid;
	uid_t *grown;

	if (parse_number("--allow-uid", text, 0, UINT32_MAX - 1, &uid) < 0)
		return -EINVAL;
	grown = reallocarray(options->allow_uids, options->n_allow_uids + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	options->allow_uids = grown;
	options->allow_uids[options->n_allow_uids++] = (uid_t)uid;
	return 0;
}

static int set_path(char **path, const char *to)
{
	free(*path);
	*path = strdup(to);
	return *path ? 0 : -ENOMEM;
}

static int set_threads(struct options *options, const char *text)
{
	unsigned long n;

	if (parse_number("--threads", text, 1, THREADS_MAX, &n) < 0)
		return -EINVAL;
	options->threads = (unsigned)n;
	return 0;
}

static int set_ready_fd(struct options *options, const char *text)
{
	unsigned long fd;

	if (parse_number("--ready-fd", text, 0, 1u << 20, &fd) < 0)
		return -EINVAL;
	if (fcntl((int)fd, F_GETFD) < 0) {
		log_trouble("--ready-fd %s: %s", text, strerror(errno));
		return -EINVAL;
	}
	options->ready_fd = (int)fd;
	return 0;
}

static int refuse(int returned, char **argv)
{
	struct refusal refusal;

	refusal_find(returned, argv, names, &refusal);
	log_trouble("%s: %s; see 'footprintd --help'", refusal.word, refusal.why);
	return -EINVAL;
}

static int take_option(struct options *options, int option, char **argv)
{
	switch (option) {
	case 's':
		return set_path(&options->socket, optarg);
	case 'm':
		options->manifests = optarg;
		return 0;
	case 'i':
		return parse_interval(optarg, &options->interval);
	case OPTION_SPOOL:
		return set_path(&options->spool, optarg);
	case OPTION_THREADS:
		return set_threads(options, optarg);
	case OPTION_NICE:
		options->nice = true;
		return 0;
	case OPTION_ALLOW_APP:
		return add_allowed_app(options, optarg);
	case OPTION_ALLOW_UID:
		return add_allowed_uid(options, optarg);
	case OPTION_ONE_RUN:
		options->one_run = true;
		return 0;
	case OPTION_READY_FD:
		return set_ready_fd(options, optarg);
	default: /* ':' or '?' */
		return refuse(option, argv);
	}
}

/* If the service manager has made the socket, the socket itself tells where it is. */
static int default_socket(struct options *options)
{
	const char *socket = getenv("FOOTPRINT_SOCKET");

	if (options->socket)
		return 0;
	if (socket && *socket)
		return set_path(&options->socket, socket);
	options->socket = listener_activated_path();
	return 0;
}

static int default_spool(struct options *options)
{
	const char *spool = getenv("FOOTPRINT_SPOOL");
	const char *slash = strrchr(options->socket, '/');

	if (options->spool)
		return 0;
	if (spool && *spool)
		return set_path(&options->spool, spool);
	if (asprintf(&options->spool, "%.*sspool", slash ? (int)(slash - options->socket + 1) : 0,
		    options->socket) < 0) {
		options->spool = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int check(struct options *options, int argc, char **argv)
{
	if (optind < argc) {
		log_trouble("%s: not an option; see 'footprintd --help'", argv[optind]);
		return -EINVAL;
	}
	if (default_socket(options) < 0)
		return -ENOMEM;
	if (!options->socket || !*options->socket) {
		log_trouble("--socket: not given; see 'footprintd --help'");
		return -EINVAL;
	}
	if (!options->manifests || !*options->manifests) {
		log_trouble("--manifests: not given; see 'footprintd --help'");
		return -EINVAL;
	}
	return default_spool(options);
}

static enum options_result say(const char *text)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return OPTIONS_DONE;
	log_trouble("standard output: %s", strerror(errno));
	return OPTIONS_WRONG;
}

enum options_result options_parse(struct options *options, int argc, char **argv)
{
	const char *log = getenv("FOOTPRINT_LOG");
	int option;

	*options = (struct options){
		.interval = INTERVAL_DEFAULT,
		.threads = THREADS_DEFAULT,
		.log = log && *log && strcmp(log, "0") != 0,
		.ready_fd = -1,
	};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":s:m:i:hV", names, NULL)) != -1) {
		if (option == 'h')
			return say(help);
		if (option == 'V')
			return say("footprintd " FOOTPRINT_VERSION_STRING "\n");
		if (take_option(options, option, argv) < 0)
			return OPTIONS_WRONG;
	}
	return check(options, argc, argv) < 0 ? OPTIONS_WRONG : OPTIONS_RUN;
}

void options_deinit(struct options *options)
{
	free(options->socket);
	free(options->spool);
	free(options->allow_apps);
	free(options->allow_uids);
	*options = (struct options){ .ready_fd = -1 };
}
