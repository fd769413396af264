/* Cleanup attributes and ownership transfer. A type's own cleanup macro stands beside its free. */
#ifndef FOOTPRINT_BASE_CLEANUP_H
#define FOOTPRINT_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFINE_CLEANUP(name, type, release)                                                        \
	static inline void name(type *slot)                                                        \
	{                                                                                          \
		release(*slot);                                                                    \
	}

static inline void cleanup_free(void *slot)
{
	free(*(void **)slot);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static inline void cleanup_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define autofree   __attribute__((cleanup(cleanup_free)))
#define autoclose  __attribute__((cleanup(cleanup_close)))
#define autofclose __attribute__((cleanup(cleanup_fclose)))

/* Hands a pointer on: the variable is NULL afterwards, so its cleanup does nothing. */
#define steal_pointer(slot)                                                                        \
	({                                                                                         \
		__typeof__(slot) stolen_ = (slot);                                                 \
		(slot) = NULL;                                                                     \
		stolen_;                                                                           \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
