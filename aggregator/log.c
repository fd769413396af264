#include "aggregator/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/unseen.h"
#include "lib/base/utf8.h"

#define LOG_LINE_SIZE 8192 /* a path and a reason */
#define KINDS_MAX     64   /* more than there are formats */
#define PRINTED_MAX   16   /* messages of a kind that are printed at once */
#define REST_SECONDS  60   /* until another one is */

static bool verbose;

/* The messages with one format. */
struct kind {
	const char *format; /* NULL: free */
	unsigned left;	    /* that may be printed at once */
	time_t since;	    /* seconds since boot: until then, `left` has been made up */
	unsigned long left_out;
};

static struct kind kinds[KINDS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of `kinds`: workers have a word, too */

void log_verbose(bool on)
{
	verbose = on;
}

/* Names come from peers: a line break or an escape sequence in one must not forge or hide a line.
 * Neither must bytes that are not UTF-8, which a terminal may interpret. */
static void mask_unseen(char *text)
{
	uint8_t *p = (uint8_t *)text, *end = p + strlen(text);

	while (p < end) {
		size_t size = utf8_character(p, (size_t)(end - p)), step = size ? size : 1;

		if (!size || unseen_character(p, size))
			memset(p, '?', step);
		p += step;
	}
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* NULL: there are too many. */
static struct kind *kind_of(const char *format)
{
	for (unsigned i = 0; i < KINDS_MAX; i++) {
		if (!kinds[i].format)
			kinds[i] = (struct kind){ format, PRINTED_MAX, now(), 0 };
		if (kinds[i].format == format)
			return &kinds[i];
	}
	return NULL;
}

/* May another message of this kind be printed? *ret: how many were left out since the last one. */
static bool is_due(const char *format, unsigned long *ret)
{
	struct kind *kind;
	bool due = true;

	pthread_mutex_lock(&lock);
	kind = kind_of(format);
	if (kind) {
		time_t more = (now() - kind->since) / REST_SECONDS;

		kind->since += more * REST_SECONDS;
		kind->left = more < (time_t)(PRINTED_MAX - kind->left) ? kind->left + (unsigned)more
								       : PRINTED_MAX;
		due = kind->left > 0;
		kind->left -= due;
		*ret = kind->left_out;
		kind->left_out = due ? 0 : kind->left_out + 1;
	}
	pthread_mutex_unlock(&lock);
	return due;
}

static void say(const char *format, va_list args, unsigned long left_out)
{
	char line[LOG_LINE_SIZE] = "footprintd: ";
	size_t used = strlen(line);

	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	mask_unseen(line);
	used = strlen(line);
	if (left_out && used < sizeof(line) - 64)
		used += (size_t)snprintf(
			line + used, 64, " (%lu messages like this one were left out)", left_out);
	line[used] = '\n';
	/* If stderr is gone, nobody is left to report it to. */
	if (write(STDERR_FILENO, line, used + 1) < 0)
		return;
}

void log_trouble(const char *format, ...)
{
	unsigned long left_out = 0;
	va_list args;

	if (!is_due(format, &left_out))
		return;
	va_start(args, format);
	say(format, args, left_out);
	va_end(args);
}

void log_answer(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args, 0);
	va_end(args);
}

void log_error(const char *doing, const struct error *err)
{
	log_trouble("%s: %s", doing, err->text);
}

void log_note(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	say(format, args, 0);
	va_end(args);
}
