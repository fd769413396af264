#include "tools/input.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/standard.h"
#include "lib/manifest/codec.h"
#include "tools/command.h"

static bool is_standard(const char *path)
{
	return !strcmp(path, "-");
}

const char *input_name(const char *path)
{
	return is_standard(path) ? "standard input" : path;
}

static int read_standard(struct manifest **ret, struct error *err)
{
	int r = standard_is_held(STDIN_FILENO) ? error_set(err, -EBADF, "%s", strerror(EBADF))
					       : manifest_read_descriptor(STDIN_FILENO, ret, err);

	return r < 0 ? error_prefix(err, "%s", input_name("-")) : 0;
}

int input_read(const char *path, struct manifest **ret, const Footprint__Manifest **ret_view)
{
	struct error err;
	int r = is_standard(path) ? read_standard(ret, &err) : manifest_read(path, ret, &err);

	if (r < 0)
		return command_fail_error(&err);
	if (ret_view && manifest_view(*ret, ret_view) < 0)
		return command_fail("%s: out of memory", input_name(path));
	return 0;
}
