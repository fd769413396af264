#include "lib/root/mounts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes spaces, newlines and backslashes as "\040", in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
			is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /top /point rw,noatime master:1 - ext4 /dev/sda1 rw" */
static bool parse_line(char *line, struct mount *ret)
{
	unsigned major, minor;
	char *type = strstr(line, " - ");
	char *rest, *field;
	int head = 0;

	*ret = (struct mount){ 0 };
	if (!type || sscanf(line, "%lu %*u %u:%u %n", &ret->id, &major, &minor, &head) != 3)
		return false;
	ret->device = (uint64_t)major << 32 | minor;
	*type = '\0';
	type += strlen(" - ");
	ret->type = strtok_r(type, " ", &rest);
	field = strtok_r(line + head, " ", &rest);
	ret->top = field;
	field = strtok_r(NULL, " ", &rest);
	ret->point = field;
	if (!ret->type || !ret->top || !ret->point || *ret->point != '/')
		return false;
	unescape((char *)ret->top);
	unescape((char *)ret->point);
	return true;
}

static int add(struct mounts *mounts, size_t *room, const struct mount *mount)
{
	if (mounts->n == *room) {
		size_t more = *room ? 2 * *room : 64;
		struct mount *list = reallocarray(mounts->list, more, sizeof(*list));

		if (!list)
			return -ENOMEM;
		mounts->list = list;
		*room = more;
	}
	mounts->list[mounts->n++] = *mount;
	return 0;
}

int mounts_parse(const char *text, size_t size, struct mounts *ret)
{
	struct mounts mounts = { .text = strndup(text, size) };
	char *rest = mounts.text;
	struct mount mount;
	size_t room = 0;
	char *line;
	int r = mounts.text ? 0 : -ENOMEM;

	while (r == 0 && (line = strsep(&rest, "\n")))
		if (parse_line(line, &mount))
			r = add(&mounts, &room, &mount);
	if (r < 0) {
		mounts_deinit(&mounts);
		return r;
	}
	*ret = mounts;
	return 0;
}

void mounts_deinit(struct mounts *mounts)
{
	free(mounts->list);
	free(mounts->text);
	*mounts = (struct mounts){ 0 };
}

int mounts_from(const struct mounts *mounts, uint64_t id, struct mounts *ret)
{
	const struct mount *top = mounts_find(mounts, id);
	struct mounts seen = { 0 };
	size_t room = 0;
	int r = 0;

	for (size_t i = 0; top && r == 0 && i < mounts->n; i++) {
		struct mount mount = mounts->list[i];
		const char *below = mounts_below(mount.point, top->point);

		if (!below || &mounts->list[i] < top)
			continue;
		mount.point = *below ? below : "/";
		r = add(&seen, &room, &mount);
	}
	if (r < 0)
		mounts_deinit(&seen);
	else
		*ret = seen;
	return r;
}

const struct mount *mounts_find(const struct mounts *mounts, uint64_t id)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->list[i].id == id)
			return &mounts->list[i];
	return NULL;
}

const char *mounts_below(const char *path, const char *above)
{
	size_t size = strlen(above);

	while (size && above[size - 1] == '/')
		size--;
	if (strncmp(path, above, size) != 0 || (path[size] && path[size] != '/'))
		return NULL;
	return !strcmp(path + size, "/") ? "" : path + size;
}

/* The kernel lists a mount behind the one that it is on. */
const struct mount *mounts_of(const struct mounts *mounts, const char *path)
{
	const struct mount *found = NULL;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct mount *mount = &mounts->list[i];

		if (mounts_below(path, mount->point) &&
			(!found || strlen(mount->point) >= strlen(found->point)))
			found = mount;
	}
	return found;
}
