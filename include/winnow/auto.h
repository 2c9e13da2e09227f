/*
 * auto: variables that release what they hold when they leave their scope.
 *
 *	auto_free char *name = mem_strdup("x");
 *	auto_fd int fd = open(...);
 *	...
 *	*out = steal(&name);	// disarmed: the caller owns it now
 */
#ifndef WINNOW_AUTO_H
#define WINNOW_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
auto_free_cleanup(void *p)
{
	free(*(void **)p);
}

static inline void
auto_fd_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void
auto_file_cleanup(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

#define auto_free __attribute__((cleanup(auto_free_cleanup)))
#define auto_fd __attribute__((cleanup(auto_fd_cleanup)))
#define auto_file __attribute__((cleanup(auto_file_cleanup)))

/*
 * Defines the cleanup attribute for `struct type *`, used as
 * `auto_type struct type *x`.  For example AUTO_DEFINE(tree, tree_free)
 * makes auto_tree_cleanup(), to be named in
 * #define auto_tree __attribute__((cleanup(auto_tree_cleanup))).
 */
#define AUTO_DEFINE(type, free_function)                          \
	static inline void auto_##type##_cleanup(struct type **p) \
	{                                                         \
		if (*p != NULL)                                   \
			free_function(*p);                        \
	}

/* Takes the pointer out of *p, which becomes NULL. */
#define steal(p)                                             \
	__extension__({                                      \
		__typeof__(p) steal_p = (p);                 \
		__typeof__(*steal_p) steal_value = *steal_p; \
		*steal_p = NULL;                             \
		steal_value;                                 \
	})

/* Closes *fd, if it is open, which becomes -1. */
static inline void
close_fd(int *fd)
{
	auto_fd_cleanup(fd);
	*fd = -1;
}

/* Takes the descriptor out of *fd, which becomes -1. */
static inline int
steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#endif
