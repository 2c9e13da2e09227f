/* tls_error: what OpenSSL says went wrong, as a struct err. */
#ifndef WINNOW_DAEMON_TLS_ERROR_H
#define WINNOW_DAEMON_TLS_ERROR_H

#include "winnow/err.h"

/*
 * Fills *e with the text and the first reason in OpenSSL's queue, which is
 * then empty.  Returns -1.
 */
int tls_error(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The reason of one OpenSSL error, never NULL. */
const char *tls_error_reason(unsigned long error);

#endif
