/*
 * acceptor: a listening socket of core.  While nothing can be accepted, since
 * there are no more descriptors, it pauses: the loop would turn, and libevent
 * warn, without end.
 */
#ifndef WINNOW_ACCEPTOR_H
#define WINNOW_ACCEPTOR_H

#include <event2/event.h>

struct acceptor;

/*
 * Takes the listening, nonblocking socket `fd`.  `accepted` is given each
 * connection's descriptor, nonblocking, which it takes.
 */
struct acceptor *acceptor_new(struct event_base *base, int fd,
    void (*accepted)(void *arg, int fd), void *arg);
/* Closes the socket. */
void acceptor_free(struct acceptor *a);

#endif
