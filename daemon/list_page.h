/*
 * list_page: the part of a list that one reply holds.  A page is as long as
 * the client wants and a message to a server may be.
 */
#ifndef WINNOW_DAEMON_LIST_PAGE_H
#define WINNOW_DAEMON_LIST_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct list_page {
	bool has_n;
	uint64_t n; /* at most so many */
	const char *last; /* what the page before ended with, or "" */
	const char *artifact_type; /* of referrers, or "" for all */
};

/*
 * Tags (strings) behind `last`, in ASCII order, that `serves` has nothing
 * against.  *more: the list goes on.  The page is a new array.
 */
json_t *list_page_tags(const json_t *tags, const struct list_page *p,
    bool (*serves)(void *arg, const char *tag), void *arg, bool *more);

/*
 * Descriptors of that artifact type, in the order they have, behind the one
 * whose digest is `last`.
 */
json_t *list_page_referrers(
    const json_t *descriptors, const struct list_page *p, bool *more);

#endif
