/* The shortest chain from a run to whatever is asked for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "lib/manifest/manifest.h"
#include "lib/manifest/why.h"

#define SH	   "/usr/bin/dash"
#define NGINX	   "/usr/sbin/nginx"
#define SSL	   "/usr/lib/libssl.so.3"
#define NEEDED	   FOOTPRINT__LOADED__LOADED_NEEDED
#define DLOPEN	   FOOTPRINT__LOADED__LOADED_DLOPEN
#define UNOBSERVED FOOTPRINT__LOADED__LOADED_UNOBSERVED
#define CRYPT	   "/usr/lib/libcrypto.so.3"

/* entrypoint.sh, run by dash, executes nginx, which needs libssl, which needs libcrypto. A second
 * way, through start.sh, is longer. */
static int make_shop(void **state)
{
	static const struct library_info ssl = { .soname = "libssl.so.3" };
	static const struct file_state link = {
		.type = FOOTPRINT__FILE_TYPE__TYPE_SYMLINK,
		.target = "dash",
	};
	static const struct file_state lib_link = {
		.type = FOOTPRINT__FILE_TYPE__TYPE_SYMLINK,
		.target = "usr/lib",
	};
	struct manifest *m;

	if (manifest_new("shop", "1", &m) < 0)
		return -1;
	*state = m;
	return manifest_add_executable(m, "/entrypoint.sh", "/usr/bin/sh", 1, 1, true) ||
	       manifest_set_state(m, "/usr/bin/sh", &link) ||
	       manifest_set_state(m, "/lib", &lib_link) ||
	       manifest_add_executes(m, SH, "/start.sh") ||
	       manifest_add_executes(m, "/start.sh", "/usr/bin/env") ||
	       manifest_add_executes(m, "/usr/bin/env", NGINX) ||
	       manifest_add_executes(m, SH, NGINX) || manifest_set_library(m, SSL, &ssl) ||
	       manifest_add_loader(m, CRYPT, NGINX, FOOTPRINT__LOADED__LOADED_NEEDED, SSL) ||
	       manifest_add_loader(m, SSL, NGINX, FOOTPRINT__LOADED__LOADED_NEEDED, NGINX) ||
	       manifest_add_loader(m, "/mod.so", NGINX, FOOTPRINT__LOADED__LOADED_DLOPEN, NGINX) ||
	       manifest_add_use(m, "/etc/nginx.conf", ACCESS_READ, NGINX) ||
	       manifest_add_use(m, "/etc/nginx.conf", ACCESS_CHECK, "/usr/bin/env") ||
	       manifest_add_missing(m, "/etc/nginx.d", NGINX) ||
	       manifest_add_endpoint(
		       m, FOOTPRINT__ENDPOINT_OPERATION__OPERATION_BIND, "0.0.0.0:80", NGINX) ||
	       manifest_add_executes(m, "/islands/a", "/islands/b") ||
	       manifest_add_executes(m, "/islands/b", "/islands/a");
}

static int free_shop(void **state)
{
	manifest_free(*state);
	return 0;
}

struct expected {
	enum why_kind kind;
	const char *path;
};

static void assert_chain(void **state, const char *what, size_t n, const struct expected *expected)
{
	const Footprint__Manifest *view;
	struct why why;

	assert_int_equal(manifest_view(*state, &view), 0);
	assert_int_equal(why_find(view, what, &why), 0);
	assert_int_equal(why.n_chains, 1);
	assert_int_equal(why.chains[0].n_steps, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(why.chains[0].steps[i].kind, expected[i].kind);
		assert_int_equal(why.chains[0].steps[i].path.len, strlen(expected[i].path));
		assert_memory_equal(why.chains[0].steps[i].path.data, expected[i].path,
			why.chains[0].steps[i].path.len);
	}
	why_deinit(&why);
}

#define TO_NGINX                                                                                   \
	{ WHY_BEGAN, "/entrypoint.sh" }, { WHY_INTERPRETED, SH },                                  \
	{                                                                                          \
		WHY_EXECUTED, NGINX                                                                \
	}

static void a_program_is_reached_the_shortest_way(void **state)
{
	static const struct expected chain[] = { TO_NGINX };

	assert_chain(state, NGINX, 3, chain);
}

static void a_library_is_reached_through_what_needs_it(void **state)
{
	static const struct expected chain[] = { TO_NGINX, { WHY_NEEDS, SSL },
		{ WHY_NEEDS, CRYPT } };
	static const struct expected module[] = { TO_NGINX, { WHY_LOADED, "/mod.so" } };

	assert_chain(state, CRYPT, 5, chain);
	assert_chain(state, "/mod.so", 4, module);
}

static void sonames_and_symlinks_are_followed(void **state)
{
	static const struct expected chain[] = { TO_NGINX, { WHY_NEEDS, SSL } };
	static const struct expected shell[] = { { WHY_BEGAN, "/entrypoint.sh" },
		{ WHY_INTERPRETED, SH } };

	assert_chain(state, "libssl.so.3", 4, chain);
	assert_chain(state, "/lib/libssl.so.3", 4, chain);
	assert_chain(state, "/lib/../lib/./libssl.so.3", 4, chain);
	assert_chain(state, "/usr/bin/sh", 2, shell);
}

static void of_several_users_the_nearest_is_named(void **state)
{
	static const struct expected chain[] = { TO_NGINX, { WHY_USED, "/etc/nginx.conf" } };

	assert_chain(state, "/etc/nginx.conf", 4, chain);
}

static void missing_paths_and_endpoints_have_reasons(void **state)
{
	static const struct expected missing[] = { TO_NGINX, { WHY_MISSED, "/etc/nginx.d" } };
	static const struct expected endpoint[] = { TO_NGINX, { WHY_CONNECTED, "" } };

	assert_chain(state, "/etc/nginx.d", 4, missing);
	assert_chain(state, "0.0.0.0:80", 4, endpoint);
}

static void programs_in_a_circle_have_an_end(void **state)
{
	static const struct expected chain[] = { { WHY_APPEARED, "/islands/a" },
		{ WHY_EXECUTED, "/islands/b" } };

	assert_chain(state, "/islands/b", 2, chain);
}

static void what_is_not_there_gets_suggestions(void **state)
{
	const Footprint__Manifest *view;
	struct why why;

	assert_int_equal(manifest_view(*state, &view), 0);
	assert_int_equal(why_find(view, "/usr/local/etc/nginx.conf", &why), -ENOENT);
	assert_int_equal(why.n_suggestions, 1);
	assert_memory_equal(why.suggestions[0].data, "/etc/nginx.conf", 15);
	why_deinit(&why);
	assert_int_equal(why_find(view, "", &why), -ENOENT);
	assert_int_equal(why.n_suggestions, 0);
	why_deinit(&why);
}

static void symlinks_in_a_circle_have_an_end(void **state)
{
	static const struct file_state to_b = { .type = 3, .target = "b" };
	static const struct file_state to_a = { .type = 3, .target = "/a" };
	const Footprint__Manifest *view;
	struct manifest *m;
	struct why why;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_set_state(m, "/a", &to_b), 0);
	assert_int_equal(manifest_set_state(m, "/b", &to_a), 0);
	assert_int_equal(manifest_view(m, &view), 0);
	assert_int_equal(why_find(view, "/a/c", &why), -ENOENT);
	assert_int_equal(why.n_links, WHY_LINKS_MAX);
	why_deinit(&why);
	manifest_free(m);
}

static void assert_explained(
	const Footprint__Manifest *view, const char *what, const char *path, size_t links)
{
	struct why why;

	assert_int_equal(why_find(view, what, &why), 0);
	assert_int_equal(why.path.len, strlen(path));
	assert_memory_equal(why.path.data, path, strlen(path));
	assert_int_equal(why.n_links, links);
	why_deinit(&why);
}

static void a_symlink_to_nothing_known_is_explained_itself(void **state)
{
	static const struct file_state to_usr = { .type = 3, .target = "usr/lib" };
	static const struct file_state to_lib = { .type = 3, .target = "/lib/" };
	static const struct file_state to_inner = { .type = 3, .target = "lib/inner" };
	const Footprint__Manifest *view;
	struct manifest *m;
	struct why why;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_set_state(m, "/lib", &to_usr), 0);
	assert_int_equal(manifest_set_state(m, "/other", &to_lib), 0);
	assert_int_equal(manifest_set_state(m, "/deep", &to_inner), 0);
	assert_int_equal(manifest_add_use(m, "/lib", ACCESS_READ, "/bin/x"), 0);
	assert_int_equal(manifest_view(m, &view), 0);
	assert_explained(view, "/lib", "/lib", 0);
	assert_explained(view, "/lib//", "/lib", 0);
	assert_explained(view, "/other", "/lib", 1);
	assert_explained(view, "/deep", "/deep", 0);
	assert_int_equal(why_find(view, "/lib/none", &why), -ENOENT);
	why_deinit(&why);
	manifest_free(m);
}

/* As an interpreter or a link's target, such a path may come from a crafted manifest. */
static void a_long_path_takes_little_memory(void **state)
{
	struct manifest *m;
	static char path[20001], target[5 * 20000 + 1];
	struct file_state link = { .type = FOOTPRINT__FILE_TYPE__TYPE_SYMLINK, .target = target };
	const Footprint__Manifest *view;
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? 'a' : '/';
	for (size_t i = 0; i < 5; i++)
		memcpy(target + i * (sizeof(path) - 1), path, sizeof(path) - 1);
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_set_state(m, "/loop", &link), 0);
	memcpy(target, "/loop/", 6);
	assert_int_equal(manifest_set_state(m, "/longer", &link), 0);
	assert_int_equal(manifest_view(m, &view), 0);
	assert_int_equal(why_find(view, path, &why), -ENOENT);
	assert_true(why.arena.total < 10 * sizeof(path));
	why_deinit(&why);
	assert_int_equal(why_find(view, "/longer", &why), 0);
	assert_true(why.arena.total < 10 * sizeof(path));
	why_deinit(&why);
	manifest_free(m);
}

/* The nearer of two programs needs the library through two others; the farther one, by one step,
 * dlopens it itself. */
static void the_whole_chain_to_a_library_is_the_shortest(void **state)
{
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/a" },
		{ WHY_EXECUTED, "/bin/b" }, { WHY_LOADED, "/lib/z" } };
	static const struct expected nearer[] = { { WHY_BEGAN, "/bin/a" }, { WHY_NEEDS, "/lib/x" },
		{ WHY_LOADED, "/lib/y" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/a", NULL, 1, 1, true), 0);
	assert_int_equal(manifest_add_executes(m, "/bin/a", "/bin/b"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/x", "/bin/a", NEEDED, "/bin/a"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/y", "/bin/a", DLOPEN, "/lib/x"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/z", "/bin/a", NEEDED, "/lib/y"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/z", "/bin/b", DLOPEN, "/bin/b"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/y", "/bin/b", NEEDED, "/lib/z"), 0);
	assert_chain((void **)&m, "/lib/z", 3, chain);
	assert_chain((void **)&m, "/lib/y", 3, nearer);
	manifest_free(m);
}

/* ldd executes ld.so, which is every program's interpreter. */
static void a_dynamic_linker_interprets_nothing(void **state)
{
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/a" },
		{ WHY_EXECUTED, "/bin/b" }, { WHY_EXECUTED, "/lib64/ld-linux-x86-64.so.2" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/a", chain[2].path, 1, 1, true), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/b", chain[2].path, 1, 1, false), 0);
	assert_int_equal(manifest_add_executes(m, "/bin/a", "/bin/b"), 0);
	assert_int_equal(manifest_add_executes(m, "/bin/b", chain[2].path), 0);
	assert_chain((void **)&m, chain[2].path, 3, chain);
	manifest_free(m);
}

static void what_only_dlopens_is_not_said_to_need(void **state)
{
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/a" },
		{ WHY_LOADED, "/lib/x" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/a", NULL, 1, 1, true), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/x", "/bin/a", DLOPEN, "/lib/y"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/y", "/bin/a", DLOPEN, "/lib/x"), 0);
	assert_chain((void **)&m, "/lib/x", 2, chain);
	manifest_free(m);
}

/* LD_LIBRARY_PATH led the process to them, which no ELF file says. The file that `b` would need
 * without it was not loaded. */
static void what_needs_a_library_is_known_by_its_name(void **state)
{
	static const char *const needed[] = { "libb.so.1" }, *const deep[] = { "c.so" };
	static const struct library_info a = { .needed = needed, .n_needed = 1 };
	static const struct library_info b = {
		.soname = "libb.so.1", .needed = deep, .n_needed = 1
	};
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/x" }, { WHY_LOADED, "/lib/a" },
		{ WHY_NEEDS, "/opt/b" }, { WHY_NEEDS, "/opt/c.so" } };
	static const struct expected other[] = { { WHY_BEGAN, "/bin/x" },
		{ WHY_EXECUTED, "/bin/y" }, { WHY_HAD, "/opt/preloaded" } };
	static const struct expected unseen[] = { { WHY_BEGAN, "/bin/x" }, { WHY_LOADED, "/lib/a" },
		{ WHY_UNOBSERVED, "/usr/b" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/x", NULL, 1, 1, true), 0);
	assert_int_equal(manifest_add_executes(m, "/bin/x", "/bin/y"), 0);
	assert_int_equal(manifest_set_library(m, "/lib/a", &a), 0);
	assert_int_equal(manifest_set_library(m, "/opt/b", &b), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/a", "/bin/x", DLOPEN, "/bin/x"), 0);
	assert_int_equal(manifest_add_loader(m, "/opt/b", "/bin/x", DLOPEN, NULL), 0);
	assert_int_equal(manifest_add_loader(m, "/opt/c.so", "/bin/x", NEEDED, "/lib/b"), 0);
	assert_int_equal(manifest_add_loader(m, "/opt/preloaded", "/bin/y", NEEDED, NULL), 0);
	assert_chain((void **)&m, "/opt/b", 3, chain);
	assert_chain((void **)&m, "/opt/c.so", 4, chain);
	assert_chain((void **)&m, "/opt/preloaded", 3, other);
	assert_int_equal(manifest_set_library(m, "/usr/b", &b), 0);
	assert_int_equal(manifest_add_loader(m, "/usr/b", "/bin/x", UNOBSERVED, "/lib/b"), 0);
	assert_chain((void **)&m, "/usr/b", 3, unseen);
	manifest_free(m);
}

/* Two libraries that need each other, and nobody knows why the first of them was loaded. */
static void libraries_in_a_circle_are_not_said_to_be_needed(void **state)
{
	static const char *const needed[] = { "a.so", "b.so" };
	static const struct library_info both = { .needed = needed, .n_needed = 2 };
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/x" }, { WHY_HAD, "/a.so" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/x", NULL, 1, 1, true), 0);
	assert_int_equal(manifest_set_library(m, "/a.so", &both), 0);
	assert_int_equal(manifest_set_library(m, "/b.so", &both), 0);
	assert_int_equal(manifest_add_loader(m, "/a.so", "/bin/x", NEEDED, NULL), 0);
	assert_int_equal(manifest_add_loader(m, "/b.so", "/bin/x", NEEDED, NULL), 0);
	assert_chain((void **)&m, "/a.so", 2, chain);
	manifest_free(m);
}

static void what_a_dlopened_library_needs_is_needed(void **state)
{
	static const char *const needed[] = { "liby.so.1", "z" };
	static const struct library_info x = { .needed = needed, .n_needed = 2 };
	static const struct library_info y = { .soname = "liby.so.1" };
	static const struct expected chain[] = { { WHY_BEGAN, "/bin/a" }, { WHY_LOADED, "/lib/x" },
		{ WHY_NEEDS, "/lib/y" } };
	static const struct expected no_soname[] = { { WHY_BEGAN, "/bin/a" },
		{ WHY_LOADED, "/lib/x" }, { WHY_NEEDS, "/lib/z" } };
	static const struct expected other[] = { { WHY_BEGAN, "/bin/a" }, { WHY_LOADED, "/lib/x" },
		{ WHY_LOADED, "/lib/other" } };
	struct manifest *m;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_executable(m, "/bin/a", NULL, 1, 1, true), 0);
	assert_int_equal(manifest_set_library(m, "/lib/x", &x), 0);
	assert_int_equal(manifest_set_library(m, "/lib/y", &y), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/x", "/bin/a", DLOPEN, "/bin/a"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/y", "/bin/a", DLOPEN, "/lib/x"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/z", "/bin/a", DLOPEN, "/lib/x"), 0);
	assert_int_equal(manifest_add_loader(m, "/lib/other", "/bin/a", DLOPEN, "/lib/x"), 0);
	assert_chain((void **)&m, "/lib/y", 3, chain);
	assert_chain((void **)&m, "/lib/z", 3, no_soname);
	assert_chain((void **)&m, "/lib/other", 3, other);
	manifest_free(m);
}

static void all_of_one_name_are_explained(void **state)
{
	static const struct library_info z = { .soname = "libz.so.1" };
	const Footprint__Manifest *view;
	struct manifest *m;
	struct why why;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_set_library(m, "/a/z", &z), 0);
	assert_int_equal(manifest_set_library(m, "/b/z", &z), 0);
	assert_int_equal(manifest_set_library(m, "/c/z", &z), 0);
	assert_int_equal(manifest_add_loader(m, "/b/z", "/bin/b", NEEDED, NULL), 0);
	assert_int_equal(manifest_add_loader(m, "/c/z", "/bin/c", NEEDED, NULL), 0);
	for (int operation = 0; operation < 3; operation++)
		assert_int_equal(manifest_add_endpoint(m, operation, "[::1]:80", "/bin/b"), 0);
	assert_int_equal(manifest_view(m, &view), 0);
	assert_int_equal(why_find(view, "libz.so.1", &why), 0);
	assert_int_equal(why.n_chains, 2);
	assert_memory_equal(why.path.data, "/b/z", 4);
	assert_memory_equal(why.chains[0].path.data, "/b/z", 4);
	assert_memory_equal(why.chains[1].path.data, "/c/z", 4);
	why_deinit(&why);
	assert_int_equal(why_find(view, "z", &why), 0);
	assert_int_equal(why.n_chains, 2);
	why_deinit(&why);
	assert_int_equal(why_find(view, "[::1]:80", &why), 0);
	assert_int_equal(why.n_chains, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(why.chains[i].steps[1].operation, i);
	why_deinit(&why);
	manifest_free(m);
}

static void names_may_be_escaped(void **state)
{
	static const char *const given[] = { "/new\nline\\\xfe", "/new\\x0aline\\\\xfe",
		"/new\\x0aline\\\\\\xFE" };
	const Footprint__Manifest *view;
	struct manifest *m;
	struct why why;

	(void)state;
	assert_int_equal(manifest_new("app", "1", &m), 0);
	assert_int_equal(manifest_add_use(m, given[0], ACCESS_READ, "/bin/a"), 0);
	assert_int_equal(manifest_add_use(m, "/literal\\x41", ACCESS_READ, "/bin/a"), 0);
	assert_int_equal(manifest_add_use(m, "/literalA", ACCESS_READ, "/bin/a"), 0);
	assert_int_equal(manifest_add_endpoint(m, 0, "unix:/a\n\xfe", "/bin/a"), 0);
	assert_int_equal(manifest_add_endpoint(m, 0, "unix:@a\\x20b\\x5C\xfe\\x00", "/bin/a"), 0);
	assert_int_equal(manifest_view(m, &view), 0);
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		assert_explained(view, given[i], given[0], 0);
	assert_explained(view, "/literal\\x41", "/literal\\x41", 0);
	assert_explained(view, "unix:/a\n\xfe", "unix:/a\n\\xfe", 0);
	assert_explained(view, "unix:/a\n\\xfe", "unix:/a\n\\xfe", 0);
	assert_explained(view, "unix:/a\\x0a\\xfe", "unix:/a\n\\xfe", 0);
	assert_explained(view, "unix:@a b\\\xfe\\x00", "unix:@a\\x20b\\x5C\\xfe\\x00", 0);
	assert_explained(view, "unix:@a\\x20b\\x5C\\xfe\\x00", "unix:@a\\x20b\\x5C\\xfe\\x00", 0);
	assert_int_equal(why_find(view, "unix:/a\\x20b", &why), -ENOENT);
	why_deinit(&why);
	assert_int_equal(why_find(view, "/literal\\x", &why), -ENOENT);
	why_deinit(&why);
	assert_int_equal(why_find(view, "/literal\\x00", &why), -ENOENT);
	why_deinit(&why);
	manifest_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_reached_the_shortest_way),
		cmocka_unit_test(a_library_is_reached_through_what_needs_it),
		cmocka_unit_test(sonames_and_symlinks_are_followed),
		cmocka_unit_test(of_several_users_the_nearest_is_named),
		cmocka_unit_test(missing_paths_and_endpoints_have_reasons),
		cmocka_unit_test(programs_in_a_circle_have_an_end),
		cmocka_unit_test(what_is_not_there_gets_suggestions),
		cmocka_unit_test(symlinks_in_a_circle_have_an_end),
		cmocka_unit_test(a_symlink_to_nothing_known_is_explained_itself),
		cmocka_unit_test(a_long_path_takes_little_memory),
		cmocka_unit_test(the_whole_chain_to_a_library_is_the_shortest),
		cmocka_unit_test(a_dynamic_linker_interprets_nothing),
		cmocka_unit_test(what_only_dlopens_is_not_said_to_need),
		cmocka_unit_test(what_a_dlopened_library_needs_is_needed),
		cmocka_unit_test(what_needs_a_library_is_known_by_its_name),
		cmocka_unit_test(libraries_in_a_circle_are_not_said_to_be_needed),
		cmocka_unit_test(all_of_one_name_are_explained),
		cmocka_unit_test(names_may_be_escaped),
	};

	return cmocka_run_group_tests(tests, make_shop, free_shop);
}
