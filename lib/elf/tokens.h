/*
 * $ORIGIN, $LIB and $PLATFORM in search paths and in DT_NEEDED: ld.so(8), "Dynamic string tokens".
 */
#ifndef FOOTPRINT_ELF_TOKENS_H
#define FOOTPRINT_ELF_TOKENS_H

#define TOKENS_EXPANDED_MAX (1u << 20) /* bytes that a list may grow to */

/*
 * `list` with its tokens replaced; `object` is the path of the object it stands in. `lib` is what
 * $LIB stands for; NULL: musl's rules, which know $ORIGIN alone, and take nothing from a list with
 * another token. 0, -ENOMEM, or -ENOENT: a list that is not to be used.
 */
int tokens_expand(const char *list, const char *object, const char *lib, char **ret);

#endif
