/*
 * Characters that show nothing of themselves, or say how others are shown: a name of them may
 * command a terminal or look like another name. Of Unicode, all control characters (category Cc),
 * separators of lines and paragraphs (Zl, Zp), what has the property Default_Ignorable_Code_Point
 * (marks of direction, joiners, fillers, variation selectors, tags), and interlinear annotation.
 */
#ifndef FOOTPRINT_BASE_UNSEEN_H
#define FOOTPRINT_BASE_UNSEEN_H

#include <stdbool.h>
#include <stddef.h>

/* A well-formed character of UTF-8 of so many bytes. */
bool unseen_character(const void *character, size_t size);

#endif
