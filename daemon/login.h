/*
 * login: the process that compares a password with its hash, which takes a
 * processor for a tenth of a second and so is nobody else's business.
 *
 * core -> login:	{"type":"login","hash":S} with a file: the password
 * login -> core:	{"good":true|false}
 */
#ifndef WINNOW_DAEMON_LOGIN_H
#define WINNOW_DAEMON_LOGIN_H

#include <stdbool.h>

#include "winnow/err.h"

/* True when the hash is that of the password in the file; in constant time
 * for hashes of the same cost. */
bool login_is_good(const char *hash, int password_fd);

#endif
