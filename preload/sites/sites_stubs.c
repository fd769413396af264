#include "preload/sites/sites_stubs.h"

static const uint8_t stub_counts[SITE_KINDS] = {
	[SITE_COMPARE] = STUBS_COMPARE,
	[SITE_COMPARE_FROM] = STUBS_COMPARE_FROM,
	[SITE_COMPARE_INT] = STUBS_COMPARE_INT,
	[SITE_TO_ARGUMENT] = STUBS_TO_ARGUMENT,
	[SITE_TO_R10] = STUBS_TO_R10,
	[SITE_TO_RDX_TEST] = STUBS_TO_RDX_TEST,
	[SITE_RETURN] = STUBS_RETURN,
	[SITE_ADD_STACK] = STUBS_ADD_STACK,
	[SITE_DEFERRED] = STUBS_DEFERRED,
};

int stub_take(struct stubs *stubs, enum site_kind kind)
{
	int number = stubs->used[kind];

	if (number == stub_counts[kind])
		return -1;
	stubs->used[kind]++;
	for (unsigned before = 0; before < (unsigned)kind; before++)
		number += stub_counts[before];
	return number;
}

bool stub_is_at(uint64_t address)
{
	uint64_t distance = address - (uint64_t)(uintptr_t)site_stubs;

	return distance < (uint64_t)STUBS_IN_ALL * SITE_STUB_SIZE && !(distance % SITE_STUB_SIZE);
}

bool stub_returns_into(const uint8_t *code, size_t size)
{
	for (unsigned i = 0; i < STUBS_IN_ALL; i++)
		if (site_returns[i] - (uint64_t)(uintptr_t)code < size)
			return true;
	return false;
}
