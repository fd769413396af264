#include "supervise/turns.h"

/*
 * A call from the same thread as the one before adds 1; one from another thread subtracts UNREST.
 * So the processor stays shared as long as, on average, a thread makes more than UNREST calls in a
 * row (as with a shell whose children open a dozen files each), and is no longer shared after about
 * CALM_MAX / UNREST changes without that. Between two changes of the choice there are always as
 * many calls, so the kernel is seldom told.
 */
#define UNREST	 8u
#define CALM_MAX 64u

struct turns turns_begin(void)
{
	return (struct turns){ 0, CALM_MAX, true };
}

static unsigned calm_after(const struct turns *turns, bool same)
{
	if (same)
		return turns->calm < CALM_MAX ? turns->calm + 1 : CALM_MAX;
	return turns->calm > UNREST ? turns->calm - UNREST : 0;
}

bool turns_change(struct turns *turns, int caller)
{
	bool before = turns->shared;

	turns->calm = calm_after(turns, caller == turns->caller);
	turns->caller = caller;
	if (turns->calm == CALM_MAX)
		turns->shared = true;
	else if (!turns->calm)
		turns->shared = false;
	return turns->shared != before;
}
