/*
 * tls_files: certificates and keys out of files, checked before any server
 * gets them: that they are what they say, that the key is the certificate's,
 * and that it is valid now.
 *
 * Core only.  Keys are read for the moment of the check and the copying, and
 * leave nothing in core's memory.
 */
#ifndef WINNOW_DAEMON_TLS_FILES_H
#define WINNOW_DAEMON_TLS_FILES_H

#include <stdint.h>

#include "winnow/err.h"

/*
 * Adds a certificate with its chain and key to the bundle `fd`.  *expires_s
 * is when it ends, in seconds of the epoch.
 */
int tls_files_add_certificate(int fd, const char *chain, const char *key,
    int64_t *expires_s, struct err *e);

/* Adds the authorities of clients. */
int tls_files_add_client_ca(int fd, const char *path, struct err *e);

#endif
