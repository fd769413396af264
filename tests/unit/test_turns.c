/* Which callers share a processor with the supervisor's worker. */
#include "supervise/turns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MANY 10000u /* calls, after which nothing changes any more */

/* `threads` threads take turns, each with `run` calls in a row. Returns how often the choice
 * changed. */
static unsigned call(struct turns *turns, unsigned calls, int threads, unsigned run)
{
	unsigned changes = 0;

	for (unsigned i = 0; i < calls; i++)
		changes += turns_change(turns, 1 + (int)(i / run) % threads);
	return changes;
}

static void test_one_thread_shares_from_the_start(void **state)
{
	struct turns turns = turns_begin();

	(void)state;
	assert_true(turns.shared);
	assert_int_equal(call(&turns, MANY, 1, MANY), 0);
	assert_true(turns.shared);
}

static void test_threads_in_turn_do_not_share(void **state)
{
	(void)state;
	for (unsigned run = 1; run <= 4; run++) {
		struct turns turns = turns_begin();

		assert_int_equal(call(&turns, MANY, 2, run), 1);
		assert_false(turns.shared);
	}
}

/* The children of a shell: each opens its libraries, locale and files, and ends. */
static void test_children_one_after_another_share(void **state)
{
	struct turns turns = turns_begin();

	(void)state;
	assert_int_equal(call(&turns, MANY, (int)MANY, 12), 0);
	assert_true(turns.shared);
}

static void test_one_that_stays_shares_again(void **state)
{
	struct turns turns = turns_begin();

	(void)state;
	call(&turns, MANY, 8, 1);
	assert_false(turns.shared);
	assert_int_equal(call(&turns, MANY, 1, MANY), 1);
	assert_true(turns.shared);
}

/* A single call from another thread, such as a runtime makes, does not count. */
static void test_a_stranger_changes_nothing(void **state)
{
	struct turns turns = turns_begin();

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		assert_false(turns_change(&turns, i % 100 ? 1 : 2));
}

/* Whatever the threads do, the choice changes only a few times in hundreds of calls. */
static void test_choices_are_rare(void **state)
{
	(void)state;
	for (unsigned run = 1; run <= 80; run++)
		for (int threads = 2; threads <= 9; threads++) {
			struct turns turns = turns_begin();

			assert_true(call(&turns, MANY, threads, run) <= MANY / 32);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_thread_shares_from_the_start),
		cmocka_unit_test(test_threads_in_turn_do_not_share),
		cmocka_unit_test(test_children_one_after_another_share),
		cmocka_unit_test(test_one_that_stays_shares_again),
		cmocka_unit_test(test_a_stranger_changes_nothing),
		cmocka_unit_test(test_choices_are_rare),
	};

	return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
