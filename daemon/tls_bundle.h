/*
 * tls_bundle: what core gives servers to speak TLS with: certificates, keys,
 * authorities of clients, ticket keys.
 *
 * It travels as a sealed file in memory, so that no secret is ever text in a
 * message or a copy on a heap: core writes it, servers map it, OpenSSL reads
 * from there.  A file is a row of items: a type, a length, the bytes.
 */
#ifndef WINNOW_DAEMON_TLS_BUNDLE_H
#define WINNOW_DAEMON_TLS_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "winnow/err.h"

enum tls_item_type {
	TLS_ITEM_CHAIN = 1, /* PEM, the leaf first; its key follows */
	TLS_ITEM_KEY, /* PEM */
	TLS_ITEM_CLIENT_CA, /* PEM */
	TLS_ITEM_CLIENT_REQUIRED, /* no bytes: clients must have a certificate
				   */
	TLS_ITEM_TICKET_KEY /* struct tls_ticket_key; the first one seals */
};

/* Seals session tickets so that any server opens what another sealed. */
struct tls_ticket_key {
	unsigned char name[16];
	unsigned char cipher_key[32];
	unsigned char mac_key[32];
};

struct tls_item {
	enum tls_item_type type;
	const void *data; /* borrowed from the map */
	size_t len;
};

struct tls_bundle; /* a mapped one */

/* An empty file to write items to; seal it with fsutil_seal_memory(). */
int tls_bundle_create(int *fd, struct err *e);
int tls_bundle_add(int fd, enum tls_item_type type, const void *data,
    size_t len, struct err *e);

/* Maps a file that core wrote; borrows `fd`. */
int tls_bundle_open(int fd, struct tls_bundle **out, struct err *e);
void tls_bundle_close(struct tls_bundle *b);
/* The next item; false at the end. */
bool tls_bundle_next(struct tls_bundle *b, struct tls_item *out);

#endif
