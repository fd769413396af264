/* Random facts for property tests: a list that is made from a seed, and can be shuffled, split and
 * added to manifests. They overlap a lot, so that unions, maxima and conflicts all occur. */
#ifndef FOOTPRINT_TESTS_RANDOM_FACTS_H
#define FOOTPRINT_TESTS_RANDOM_FACTS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lib/manifest/manifest.h"

struct fact {
	uint32_t kind;
	uint32_t dice[8];
};

/* xorshift32 (Marsaglia): the same numbers everywhere. */
static inline uint32_t roll(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static inline void make_facts(struct fact *facts, size_t n, uint32_t seed)
{
	uint32_t state = seed * 2654435761u + 1;

	for (size_t i = 0; i < n; i++) {
		facts[i].kind = roll(&state) % 10;
		for (size_t d = 0; d < 8; d++)
			facts[i].dice[d] = roll(&state) >> 3;
	}
}

static inline void shuffle_facts(struct fact *facts, size_t n, uint32_t seed)
{
	uint32_t state = seed + 1;

	for (size_t i = n; i > 1; i--) {
		size_t other = roll(&state) % i;
		struct fact swap = facts[i - 1];

		facts[i - 1] = facts[other];
		facts[other] = swap;
	}
}

static inline const char *random_program(uint32_t dice, char buffer[static 64])
{
	snprintf(buffer, 64, "/usr/bin/program%u", dice % 5);
	return buffer;
}

/* Some of the names are not UTF-8, and some have control characters. */
static inline const char *random_path(uint32_t dice, char buffer[static 64])
{
	static const char *const names[] = { "plain", "\xff\xfe", "l\xc3\xa4nge", "new\nline",
		"back\\slash" };

	snprintf(buffer, 64, "/data/%u/%s", dice % 7, names[dice / 7 % 5]);
	return buffer;
}

static inline void random_state(const struct fact *fact, struct file_state *ret)
{
	static const char *const versions[] = { "1.0", "2.0" };
	const uint32_t package = fact->dice[7];

	*ret = (struct file_state){
		.type = FOOTPRINT__FILE_TYPE__TYPE_FILE,
		.size = fact->dice[1] % 3,
		.mode = 0600 + fact->dice[2] % 3,
		.uid = fact->dice[3] % 2,
		.gid = fact->dice[4] % 2,
		.has_sha256 = fact->dice[5] % 2,
		.sha256 = { (uint8_t)(fact->dice[5] / 2 % 3) },
	};
	if (!ret->has_sha256)
		ret->sha256[0] = 0;
	if (fact->dice[6] % 3 == 0) {
		ret->type = FOOTPRINT__FILE_TYPE__TYPE_SYMLINK;
		ret->target = fact->dice[6] / 3 % 2 ? "elsewhere" : "nowhere";
	}
	if (package % 2) {
		ret->manager = package / 2 % 2 ? "dpkg" : "rpm";
		ret->package = package / 4 % 2 ? "package" : "other";
		ret->package_version = versions[package / 8 % 2];
		ret->architecture = package / 16 % 2 ? "amd64" : "all";
	}
}

static inline int add_library_fact(struct manifest *m, const struct fact *fact)
{
	static const char *const needed[] = { "libc.so.6", "libm.so.6" };
	static const char *const ids[] = { NULL, "00ff", "ff00" };
	struct library_info info = {
		.soname = fact->dice[1] % 2 ? "libx.so.1" : NULL,
		.build_id = ids[fact->dice[2] % 3],
		.needed = needed,
		.n_needed = fact->dice[3] % 3,
	};
	char path[64];

	return manifest_set_library(m, random_path(fact->dice[0], path), &info);
}

static inline int add_fact(struct manifest *m, const struct fact *fact)
{
	const uint32_t *dice = fact->dice;
	char path[64], program[64], other[64];
	struct file_state state;

	random_path(dice[0], path);
	random_program(dice[1], program);
	random_program(dice[2], other);
	switch (fact->kind) {
	case 0:
		return manifest_add_use(m, path, 1u << dice[3] % 11, program);
	case 1:
		random_state(fact, &state);
		return manifest_set_state(m, path, &state);
	case 2:
		return manifest_add_executable(m, program, dice[3] % 2 ? "/lib/ld.so" : NULL,
			dice[4] % 3, dice[5] % 9, dice[6] % 4 == 0);
	case 3:
		return manifest_add_executes(m, program, other);
	case 4:
		return add_library_fact(m, fact);
	case 5:
		return manifest_add_loader(
			m, path, program, dice[3] % 3, dice[4] % 2 ? other : NULL);
	case 6:
		return manifest_add_endpoint(
			m, 1 + dice[3] % 3, dice[4] % 2 ? "127.0.0.1:80" : "unix:@x", program);
	case 7:
		return manifest_add_missing(m, path, dice[3] % 3 ? program : NULL);
	case 8:
		return manifest_add_gap(m, dice[3] % 2 ? "sites" : "no-hello",
			dice[4] % 2 ? program : NULL, dice[5] % 2 ? "why" : "", dice[6] % 5);
	default:
		return manifest_add_run(m, dice[3] % 2 ? "a" : "b", dice[4] % 3, dice[5] % 100,
			dice[6] % 10, dice[7] % 10);
	}
}

static inline struct manifest *manifest_of_facts(const struct fact *facts, size_t n)
{
	struct manifest *m;

	assert_int_equal(manifest_new("app", "1", &m), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(add_fact(m, &facts[i]), 0);
	return m;
}

#endif
