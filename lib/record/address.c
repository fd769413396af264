/* Socket addresses as text. */
#include "lib/record/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_TEXT_SIZE 512

/* Abstract names may have any bytes. Those that could not be read back from a line of text are
 * escaped. */
static void append_escaped(char *buffer, size_t *used, unsigned char byte)
{
	if (byte < 0x21 || byte == '\\' || byte == 0x7f)
		*used += (size_t)snprintf(buffer + *used, 5, "\\x%02X", byte);
	else
		buffer[(*used)++] = (char)byte;
}

/* For the kernel, a path ends at its first NUL, and an abstract name has all its bytes. */
static int format_unix(const uint8_t *address, size_t size, char *buffer)
{
	const uint8_t *name = address + offsetof(struct sockaddr_un, sun_path);
	size_t name_size = size - offsetof(struct sockaddr_un, sun_path);
	bool abstract;
	size_t used;

	if (size > sizeof(struct sockaddr_un))
		return -EAFNOSUPPORT;
	abstract = name_size > 0 && name[0] == '\0';
	used = (size_t)sprintf(buffer, abstract ? "unix:@" : "unix:");
	for (size_t i = abstract; i < name_size && (abstract || name[i]); i++)
		append_escaped(buffer, &used, name[i]);
	buffer[used] = '\0';
	return 0;
}

static int format_inet(const uint8_t *address, size_t size, char *buffer)
{
	char text[INET_ADDRSTRLEN];
	struct sockaddr_in in;

	if (size < sizeof(in))
		return -EAFNOSUPPORT;
	memcpy(&in, address, sizeof(in));
	inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
	snprintf(buffer, ADDRESS_TEXT_SIZE, "%s:%u", text, ntohs(in.sin_port));
	return 0;
}

/* The kernel also accepts 24 bytes, an address without its scope (SIN6_LEN_RFC2133). */
static int format_inet6(const uint8_t *address, size_t size, char *buffer)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in6 in = { 0 };

	if (size < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EAFNOSUPPORT;
	memcpy(&in, address, size < sizeof(in) ? size : sizeof(in));
	inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
	snprintf(buffer, ADDRESS_TEXT_SIZE, "[%s]:%u", text, ntohs(in.sin6_port));
	return 0;
}

int address_format(const uint8_t *address, size_t size, char buffer[static 512])
{
	sa_family_t family;

	if (size < sizeof(family) || size > FP_ADDRESS_SIZE_MAX)
		return -EAFNOSUPPORT;
	memcpy(&family, address, sizeof(family));
	switch (family) {
	case AF_UNIX:
		return format_unix(address, size, buffer);
	case AF_INET:
		return format_inet(address, size, buffer);
	case AF_INET6:
		return format_inet6(address, size, buffer);
	default:
		return -EAFNOSUPPORT;
	}
}

size_t address_unix_path(const uint8_t *address, size_t size, const char **ret)
{
	const char *path = (const char *)address + offsetof(struct sockaddr_un, sun_path);
	sa_family_t family;

	if (size <= offsetof(struct sockaddr_un, sun_path) || size > sizeof(struct sockaddr_un))
		return 0;
	memcpy(&family, address, sizeof(family));
	if (family != AF_UNIX)
		return 0;
	*ret = path;
	return strnlen(path, size - offsetof(struct sockaddr_un, sun_path));
}
