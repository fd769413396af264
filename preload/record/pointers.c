#define _GNU_SOURCE
#include "preload/record/pointers.h"

#include <errno.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"

bool path_is_readable(const char *path)
{
	return path && (image.memory_only || symbol_text_readable(path, FP_PATH_SIZE_MAX));
}

bool error_tells_of_a_look(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EACCES:
	case EEXIST:
	case EISDIR:
	case ELOOP:
	case ENOTEMPTY:
	case EXDEV:
	case EROFS:
	case ENXIO:
	case ENODEV:
	case ENODATA:
	case ERANGE:
	case EOPNOTSUPP:
	case EBUSY:
	case ETXTBSY:
	case ENOSPC:
	case EDQUOT:
	case EIO:
	case ESTALE:
	case EMLINK:
	case EFBIG:
	case EOVERFLOW:
	case ENOEXEC:
	case ELIBBAD:
	case EAGAIN:
	case EPIPE:
	case ECONNRESET:
	case ECONNREFUSED:
	case ECONNABORTED:
	case EINPROGRESS:
	case EALREADY:
	case EISCONN:
	case ENOTCONN:
	case EDESTADDRREQ:
	case ETIMEDOUT:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENOBUFS:
	case EMSGSIZE:
		return true;
	default:
		return false;
	}
}

bool path_was_read(const char *path, int error)
{
	return error_tells_of_a_look(error) ||
	       (path && !image.memory_only && symbol_text_readable(path, FP_PATH_SIZE_MAX));
}

bool structure_is_readable(const void *structure, size_t size)
{
	const char *bytes = structure;

	return size && !image.memory_only && symbol_readable(bytes) &&
	       symbol_readable(bytes + size - 1);
}

bool structure_was_read(const void *structure, size_t size, int error)
{
	return error_tells_of_a_look(error) || structure_is_readable(structure, size);
}

bool second_path_was_read(const char *path, int error)
{
	return !error || !path ||
	       (!image.memory_only && symbol_text_readable(path, FP_PATH_SIZE_MAX));
}
