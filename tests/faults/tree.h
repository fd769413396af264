/* What the parts of tree.c share: dice, the log of a process (tree_log.c), and what it does with
 * files (tree_files.c). */
#ifndef TESTS_FAULTS_TREE_H
#define TESTS_FAULTS_TREE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DIRECTORIES 12
#define SUBS	    3
#define FILES	    20
#define PROGRAMS    4
#define HELD_MAX    6 /* descriptors of directories */

/* Each thread has dice of its own. */
struct dice {
	uint64_t state;
};

static inline uint64_t next(struct dice *dice)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state * 0x2545f4914f6cdd1dull;
}

static inline int below(struct dice *dice, int limit)
{
	return (int)(next(dice) >> 33) % limit;
}

static inline bool in_a_hundred(struct dice *dice, int percent)
{
	return below(dice, 100) < percent;
}

static inline struct dice another(struct dice *dice)
{
	return (struct dice){ next(dice) | 1 };
}

/* Like snprintf(), but a text that does not fit is the end. */
void put(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- the tree --------------------------------------------------------------------------------- */

extern const char *place, *logs; /* as given to the program */
extern const char *how;		 /* killed, traced, or nothing */
extern bool killed, traced;
extern int budget; /* processes that this one may still start, with theirs */

/* Gives a child a share of what may still be started. */
int share(struct dice *dice);
void wait_for(pid_t child);
void live(struct dice *dice);
void end(struct dice *dice) __attribute__((noreturn));

/* Ways to begin another process, or to become another program. */
void by_fork(struct dice *dice);
void kill_a_fork(struct dice *dice);
void in_another_root(struct dice *dice);
void in_another_pid_namespace(struct dice *dice);
void by_vfork(struct dice *dice);
void by_spawn(struct dice *dice);
void become_another(struct dice *dice);
void fail_to_execute(struct dice *dice);

/* --- the log ---------------------------------------------------------------------------------- */

extern char log_name[PATH_MAX];
extern int log_fd; /* -1: it is not open yet */

/* Gives the process, or a fork, a log of its own. */
void begin_log(void);
/* After it was closed. In a process that has changed its root, it has to be open already. */
void open_log(void);
/* when: '?' before the call, '!' after it */
void say(char when, const char *what, const char *path);
/* Ends the process, unless `right`. */
void check(bool right, const char *what, const char *path);

/* --- files ------------------------------------------------------------------------------------ */

/* Where this process is, as paths from the root that it was started with. */
extern char data[PATH_MAX], where[PATH_MAX];
extern const char *root; /* what chroot made "/" */

/* A file, how it is called, and where it really is. */
struct path {
	int at;
	char text[PATH_MAX], real[PATH_MAX];
};

/* A name that nobody else uses. */
void new_name(char *to, size_t size);
/* A folder below `data` that this process can reach: "directory-N" or "directory-N/sub-M". */
void some_folder(struct dice *dice, char *to, size_t size);
/* Some way that leads to the file. */
void path_to(struct dice *dice, struct path *path, const char *folder, const char *name);

/* Uses a file. */
void something(struct dice *dice);
/* Uses many files of few folders, so that these get numbers, and a cell or a segment becomes full.
 */
void much(struct dice *dice, int most);
/* Opens a folder, or closes one, by which others are named from then on. */
void hold(struct dice *dice);
void let_go_of_all(void);
/* What tells a program of the descriptor with this index: "FD=PATH". False: it has none, or it is
 * closed by an execution. */
bool name_inherited(int index, char *to, size_t size);
void inherit(const char *name);
void go_elsewhere(struct dice *dice);
void make_folder(struct dice *dice);
/* Closes all descriptors, in some way. */
void close_all(struct dice *dice);
/* Interrupts by a signal whose handler uses a file; 0: no more. */
void interrupt_every(int us);
void while_interrupted(struct dice *dice);

#endif
