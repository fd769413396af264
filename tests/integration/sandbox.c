/*
 * sandbox COMMAND: restricts itself by Landlock to read and execute below a few folders, and has
 * the shell run the command: by system(), and in its own place. 77: the kernel cannot.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

/* linux/landlock.h and its system calls, which are younger than many headers. */
#define CREATE_RULESET 444
#define ADD_RULE       445
#define RESTRICT_SELF  446
#define PATH_BENEATH   1
#define EXECUTE	       1u
#define READ_FILE      4u

struct beneath {
	uint64_t allowed;
	int32_t folder;
} __attribute__((packed));

static const char *const folders[] = { "/usr", "/etc", "/lib", "/lib64", "/proc", "/dev" };

static void allow(int rules, const char *folder)
{
	struct beneath beneath = { EXECUTE | READ_FILE, open(folder, O_PATH | O_CLOEXEC) };

	if (beneath.folder >= 0)
		CHECK(syscall(ADD_RULE, rules, PATH_BENEATH, &beneath, 0) == 0);
}

int main(int argc, char **argv)
{
	const uint64_t handled = EXECUTE | READ_FILE;
	int rules = (int)syscall(CREATE_RULESET, &handled, sizeof(handled), 0);

	if (rules < 0)
		return 77;
	CHECK(argc == 2);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		allow(rules, folders[i]);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(syscall(RESTRICT_SELF, rules, 0) == 0);
	CHECK(system(argv[1]) == 0);
	execl("/bin/sh", "sh", "-c", argv[1], (char *)0);
	return 1;
}
