/*
 * What the start of a program costs: posix_spawn until it is reaped, in several environments, each
 * of which has its turn in every round, in an order drawn anew.
 *
 *   starts [-r ROUNDS] [-c CORE] [-p PROGRAM] [-t] NAME [VARIABLE=VALUE]... [, NAME
 * [VARIABLE=VALUE]...]...
 *
 *   -r ROUNDS    starts in each environment (default 900); some more before them are not counted
 *   -c CORE      the programs and we run on this core alone
 *   -p PROGRAM   what is started (default /bin/true)
 *   -t           columns separated by tabs, for other programs
 *
 * An environment is ours without LD_PRELOAD and FOOTPRINT_*, and with the variables named. The
 * first is what ratios are to; the second what "over" is over. Intervals hold the median of the
 * paired figures of a round in 95 of 100 cases: they are two of these figures, by their ranks,
 * whatever the distribution.
 */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENVIRONMENTS_MAX 16
#define VARIABLES_MAX	 512
#define ROUNDS_MAX	 1000000
#define WARM_UP		 30

extern char **environ;

struct environment {
	const char *name;
	char *variables[VARIABLES_MAX + 1];
	size_t count;
	double *us; /* one for each round */
	double faults;
};

struct interval {
	double low, median, high;
};

static const char *program = "/bin/true";

static void fail(const char *what)
{
	fprintf(stderr, "starts: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void add_variable(struct environment *environment, char *variable)
{
	errno = E2BIG;
	if (environment->count == VARIABLES_MAX)
		fail(environment->name);
	environment->variables[environment->count++] = variable;
}

static void inherit(struct environment *environment)
{
	for (char **variable = environ; *variable; variable++)
		if (strncmp(*variable, "LD_PRELOAD=", 11) != 0 &&
			strncmp(*variable, "FOOTPRINT_", 10) != 0)
			add_variable(environment, *variable);
}

static size_t read_environments(char **words, struct environment environments[], long rounds)
{
	size_t count = 0;

	while (*words) {
		struct environment *environment = &environments[count++];

		errno = E2BIG;
		if (count > ENVIRONMENTS_MAX)
			fail(*words);
		environment->name = *words++;
		environment->us = calloc((size_t)rounds, sizeof(double));
		if (!environment->us)
			fail(environment->name);
		inherit(environment);
		for (; *words && strcmp(*words, ",") != 0; words++)
			add_variable(environment, *words);
		words += *words != NULL;
	}
	return count;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double start_once(struct environment *environment, long *ret_faults)
{
	char *arguments[] = { (char *)(size_t)program, NULL };
	struct rusage used;
	double before = now_us();
	pid_t pid;
	int status;

	errno = posix_spawn(&pid, program, NULL, NULL, arguments, environment->variables);
	if (errno || wait4(pid, &status, 0, &used) != pid)
		fail(program);
	before = now_us() - before;
	if (status) {
		fprintf(stderr, "starts: %s: ended with status %d\n", program, status);
		exit(1);
	}
	*ret_faults = used.ru_minflt;
	return before;
}

static void shuffle(size_t order[], size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t other = (size_t)random() % i, kept = order[i - 1];

		order[i - 1] = order[other];
		order[other] = kept;
	}
}

static void measure(struct environment environments[], size_t count, long rounds)
{
	size_t order[ENVIRONMENTS_MAX];

	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (long round = -WARM_UP; round < rounds; round++) {
		shuffle(order, count);
		for (size_t i = 0; i < count; i++) {
			struct environment *environment = &environments[order[i]];
			long faults;
			double us = start_once(environment, &faults);

			if (round < 0)
				continue;
			environment->us[round] = us;
			environment->faults += (double)faults / (double)rounds;
		}
	}
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

/* The quantile of `figures`, which are sorted. */
static double quantile(const double *figures, long count, double share)
{
	double at = share * (double)(count - 1);
	long below = (long)at;

	if (below + 1 >= count)
		return figures[count - 1];
	return figures[below] + (at - (double)below) * (figures[below + 1] - figures[below]);
}

/* Sorts them. How many lie below their distribution's median is binomial: of its normal
 * approximation. */
static struct interval interval_of(double *figures, long count)
{
	double half = 1.96 * sqrt((double)count) / 2;
	long low = (long)floor((double)count / 2 - half) - 1,
	     high = (long)ceil((double)count / 2 + half);

	qsort(figures, (size_t)count, sizeof(*figures), compare);
	return (struct interval){ .low = figures[low < 0 ? 0 : low],
		.median = quantile(figures, count, 0.5),
		.high = figures[high >= count ? count - 1 : high] };
}

static void print_row(const struct environment *environment, const struct environment *base,
	const struct environment *floor_of, long rounds, bool tabs)
{
	const char *format =
		tabs ? "%s\t%.1f\t%.1f\t%.1f\t%.4f\t%.4f\t%.4f\t%.2f\t%.2f\t%.2f\n"
		     : "%-34s %8.1f %8.1f %7.1f  %6.3f (%.3f to %.3f) %8.1f (%.1f to %.1f)\n";
	double *figures = calloc((size_t)rounds, sizeof(*figures));
	struct interval all, ratio, over;

	if (!figures)
		fail(environment->name);
	for (long i = 0; i < rounds; i++)
		figures[i] = environment->us[i] / base->us[i];
	ratio = interval_of(figures, rounds);
	for (long i = 0; i < rounds; i++)
		figures[i] = environment->us[i] - floor_of->us[i];
	over = interval_of(figures, rounds);
	memcpy(figures, environment->us, (size_t)rounds * sizeof(*figures));
	all = interval_of(figures, rounds);
	printf(format, environment->name, all.median, quantile(figures, rounds, 0.1),
		environment->faults, ratio.median, ratio.low, ratio.high, over.median, over.low,
		over.high);
	free(figures);
}

static void pin(const char *core)
{
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET((size_t)strtoul(core, NULL, 10), &cores);
	if (sched_setaffinity(0, sizeof(cores), &cores) < 0)
		fail(core);
}

static int usage(void)
{
	fprintf(stderr, "Usage: starts [-r ROUNDS] [-c CORE] [-p PROGRAM] [-t] "
			"NAME [VARIABLE=VALUE]... [, NAME [VARIABLE=VALUE]...]...\n");
	return 2;
}

int main(int argc, char **argv)
{
	static struct environment environments[ENVIRONMENTS_MAX + 1];
	long rounds = 900;
	bool tabs = false;
	size_t count;
	int option;

	while ((option = getopt(argc, argv, "+r:c:p:t")) != -1)
		switch (option) {
		case 'r':
			rounds = strtol(optarg, NULL, 10);
			break;
		case 'c':
			pin(optarg);
			break;
		case 'p':
			program = optarg;
			break;
		case 't':
			tabs = true;
			break;
		default:
			return usage();
		}
	if (optind == argc || rounds < 1 || rounds > ROUNDS_MAX)
		return usage();
	srandom((unsigned)now_us());
	count = read_environments(argv + optind, environments, rounds);
	measure(environments, count, rounds);
	if (!tabs)
		printf("%-34s %8s %8s %7s  %-24s over %s, us\n", "", "median", "p10", "faults",
			"of the first's", environments[count > 1].name);
	for (size_t i = 0; i < count; i++)
		print_row(
			&environments[i], &environments[0], &environments[count > 1], rounds, tabs);
	return 0;
}
