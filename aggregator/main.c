/* footprintd: the process. aggregator.h says how it works. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "lib/base/standard.h"
#include "lib/root/digest.h"

#define LOWEST_PRIORITY 19

/* Raises the limit of descriptors as far as the system allows: a session holds two, or one if they
 * are few. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		log_note("RLIMIT_NOFILE: cannot be raised: %s", strerror(errno));
}

static void prepare_process(const struct options *options)
{
	const struct sched_param none = { 0 };

	log_verbose(options->log);
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	if (options->nice && (setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY) < 0 ||
				     sched_setscheduler(0, SCHED_BATCH, &none) < 0))
		log_trouble("--nice: priority cannot be lowered: %s", strerror(errno));
}

static int serve(struct aggregator *daemon)
{
	int r = aggregator_begin(daemon);

	if (r < 0)
		return r;
	listener_announce(daemon->options.ready_fd);
	digest_prepare(); /* nobody waits for that; if it fails, the first digest does it */
	uv_run(&daemon->loop, UV_RUN_DEFAULT);
	r = aggregator_end(daemon);
	if (daemon->options.log)
		counters_print(&daemon->counters);
	return r;
}

int main(int argc, char **argv)
{
	static struct aggregator daemon;
	int r;

	standard_hold();
	switch (options_parse(&daemon.options, argc, argv)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_WRONG:
		return 2;
	default:
		break;
	}
	prepare_process(&daemon.options);
	r = serve(&daemon);
	options_deinit(&daemon.options);
	return r < 0 ? EXIT_FAILURE : daemon.status;
}
