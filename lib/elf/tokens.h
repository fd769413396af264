/*
 * $ORIGIN, $LIB and $PLATFORM in search paths and in DT_NEEDED: ld.so(8), "Dynamic string tokens".
 */
#ifndef FOOTPRINT_ELF_TOKENS_H
#define FOOTPRINT_ELF_TOKENS_H

#define TOKENS_EXPANDED_MAX (1u << 20) /* bytes that a list may grow to */

/*
 * `text` with its tokens replaced; `object` is the path of the object it stands in. `lib` is what
 * $LIB stands for, and the text one path; NULL: musl's rules for a whole list, which know $ORIGIN
 * alone, and take nothing from a list with another token. 0, -ENOMEM, or -ENOENT: a text that is
 * not to be used, or a path that is too long to be opened.
 */
int tokens_expand(const char *text, const char *object, const char *lib, char **ret);

#endif
