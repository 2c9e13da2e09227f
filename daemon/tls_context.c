#include "tls_context.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tls_bundle.h"
#include "tls_error.h"
#include "tls_pem.h"
#include "winnow/digest.h"
#include "winnow/mem.h"

/* Only ciphers with forward secrecy and authentication in one. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
/* How long a ticket is good: less than core keeps its key. */
#define TICKET_SECONDS 3600
/* The key that seals and the one before it. */
#define TICKET_KEYS 2
/* The one protocol above TLS, in the form of the extension (RFC 7301). */
#define ALPN_HTTP "\x08http/1.1"

struct tls_context {
	unsigned refs;
	SSL_CTX **certificates; /* one each; the first without a better one */
	size_t count;
	struct digest client_ca; /* of its file; of no bytes: there is none */
	struct tls_ticket_key tickets[TICKET_KEYS];
	size_t ticket_count;
};

/* --- what a connection has beside its SSL --- */

struct handshake {
	struct tls_context *context; /* counted */
	bool done; /* whatever became of the connection then */
};

static void
free_handshake(void *parent, void *handshake, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct handshake *h = handshake;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (h != NULL)
		tls_context_unref(h->context);
	free(h);
}

/* Where an SSL has its handshake. */
static int
handshake_index(void)
{
	static int index = -1;

	if (index == -1)
		index =
		    SSL_get_ex_new_index(0, NULL, NULL, NULL, free_handshake);
	return index;
}

static struct handshake *
handshake_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, handshake_index());
}

/* --- callbacks of the handshake --- */

/*
 * SSL_is_init_finished() does not tell later: it is false of every SSL with an
 * error, such as that of a client that closed its socket without a goodbye.
 */
static void
on_progress(const SSL *ssl, int where, int result)
{
	(void)result;
	if (where & SSL_CB_HANDSHAKE_DONE)
		handshake_of(ssl)->done = true;
}

/* Chooses the certificate that has the name which the client asks for. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_context *c = handshake_of(ssl)->context;
	size_t i;

	(void)alert;
	(void)arg;
	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	for (i = 0; i < c->count; i++) {
		X509 *leaf = SSL_CTX_get0_certificate(c->certificates[i]);

		if (X509_check_host(leaf, name, strlen(name), 0, NULL) == 1) {
			SSL_set_SSL_CTX(ssl, c->certificates[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_NOACK;
}

static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
    const unsigned char *offered, unsigned offered_len, void *arg)
{
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, len,
		(const unsigned char *)ALPN_HTTP, sizeof(ALPN_HTTP) - 1,
		offered, offered_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static bool
set_mac_key(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
	char digest[] = "SHA256";
	unsigned char bytes[sizeof(key->mac_key)];
	OSSL_PARAM params[3];
	bool good;

	memcpy(bytes, key->mac_key, sizeof(bytes));
	params[0] = OSSL_PARAM_construct_octet_string(
	    OSSL_MAC_PARAM_KEY, bytes, sizeof(bytes));
	params[1] =
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[2] = OSSL_PARAM_construct_end();
	good = EVP_MAC_CTX_set_params(mac, params) == 1;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return good;
}

static int
seal_ticket(const struct tls_ticket_key *key, unsigned char *name,
    unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1 ||
	    EVP_EncryptInit_ex(
		cipher, EVP_aes_256_cbc(), NULL, key->cipher_key, iv) != 1 ||
	    !set_mac_key(mac, key))
		return -1;
	memcpy(name, key->name, sizeof(key->name));
	return 1;
}

/* 1: sealed or opened; 2: opened, but seal it anew; 0: unknown; -1: failed. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
    EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	const struct tls_context *c = handshake_of(ssl)->context;
	size_t i;

	if (seal)
		return c->ticket_count == 0
		    ? 0
		    : seal_ticket(&c->tickets[0], name, iv, cipher, mac);
	for (i = 0; i < c->ticket_count; i++) {
		const struct tls_ticket_key *key = &c->tickets[i];

		if (memcmp(name, key->name, sizeof(key->name)) != 0)
			continue;
		if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL,
			key->cipher_key, iv) != 1 ||
		    !set_mac_key(mac, key))
			return -1;
		return i == 0 ? 1 : 2;
	}
	return 0;
}

/* --- making one --- */

static int
set_certificate(SSL_CTX *ctx, const struct tls_item *chain_pem,
    const struct tls_item *key_pem, struct err *e)
{
	auto_tls_chain struct tls_chain chain = {NULL, NULL};
	auto_pkey EVP_PKEY *key = NULL;

	if (tls_chain_parse(chain_pem->data, chain_pem->len, "the bundle",
		&chain, e) == -1 ||
	    tls_key_parse(key_pem->data, key_pem->len, "the bundle", &key, e) ==
		-1)
		return -1;
	if (SSL_CTX_use_cert_and_key(ctx, chain.leaf, key, chain.rest, 1) != 1)
		return tls_error(e, ERR_INVALID, "cannot use a certificate");
	return 0;
}

static SSL_CTX *
new_ssl_context(void)
{
	static const unsigned char id[] = "winnow";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		_exit(MEM_EXIT_STATUS);
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(ctx, CIPHERS);
	SSL_CTX_set_options(ctx,
	    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* libevent retries with what is then the start of its buffer. */
	SSL_CTX_set_mode(ctx,
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	/* Tickets alone: no state that the other servers would not have. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1);
	SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_info_callback(ctx, on_progress);
	return ctx;
}

static int
add_certificate(struct tls_context *c, const struct tls_item *chain,
    const struct tls_item *key, struct err *e)
{
	SSL_CTX *ctx = new_ssl_context();

	if (set_certificate(ctx, chain, key, e) == -1) {
		SSL_CTX_free(ctx);
		return -1;
	}
	c->certificates = mem_realloc(
	    c->certificates, c->count + 1, sizeof(*c->certificates));
	c->certificates[c->count++] = ctx;
	return 0;
}

/* Has every certificate ask clients for one of these authorities'. */
static int
set_client_ca(
    struct tls_context *c, const struct tls_item *pem, int mode, struct err *e)
{
	auto_tls_chain struct tls_chain ca = {NULL, NULL};
	size_t i;
	int j;

	if (tls_chain_parse(pem->data, pem->len, "the bundle", &ca, e) == -1)
		return -1;
	for (i = 0; i < c->count; i++) {
		SSL_CTX *ctx = c->certificates[i];
		X509_STORE *store = SSL_CTX_get_cert_store(ctx);

		X509_STORE_add_cert(store, ca.leaf);
		SSL_CTX_add_client_CA(ctx, ca.leaf);
		for (j = 0; j < sk_X509_num(ca.rest); j++) {
			X509_STORE_add_cert(store, sk_X509_value(ca.rest, j));
			SSL_CTX_add_client_CA(ctx, sk_X509_value(ca.rest, j));
		}
		SSL_CTX_set_verify(ctx, mode, NULL);
	}
	return 0;
}

static int
read_bundle(struct tls_context *c, struct tls_bundle *b, struct err *e)
{
	struct tls_item item, chain = {.len = 0}, ca = {.len = 0};
	int mode = SSL_VERIFY_PEER;

	while (tls_bundle_next(b, &item)) {
		switch (item.type) {
		case TLS_ITEM_CHAIN:
			chain = item;
			break;
		case TLS_ITEM_KEY:
			if (add_certificate(c, &chain, &item, e) == -1)
				return -1;
			break;
		case TLS_ITEM_CLIENT_CA:
			ca = item;
			break;
		case TLS_ITEM_CLIENT_REQUIRED:
			mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
			break;
		case TLS_ITEM_TICKET_KEY:
			if (item.len == sizeof(c->tickets[0]) &&
			    c->ticket_count < TICKET_KEYS)
				memcpy(&c->tickets[c->ticket_count++],
				    item.data, item.len);
			break;
		}
	}
	if (c->count == 0)
		return err_set(e, ERR_INVALID, "a bundle without certificates");
	digest_of(ca.data, ca.len, &c->client_ca);
	return ca.len == 0 ? 0 : set_client_ca(c, &ca, mode, e);
}

int
tls_context_new(int fd, struct tls_context **out, struct err *e)
{
	struct tls_context *c = mem_zalloc(1, sizeof(*c));
	struct tls_bundle *b = NULL;
	int status;

	c->refs = 1;
	status = tls_bundle_open(fd, &b, e);
	if (status == 0) {
		status = read_bundle(c, b, e);
		tls_bundle_close(b);
	}
	if (status == -1) {
		tls_context_unref(c);
		return -1;
	}
	*out = c;
	return 0;
}

bool
tls_context_trusts_same(
    const struct tls_context *c, const struct tls_context *other)
{
	return digest_equal(&c->client_ca, &other->client_ca);
}

void
tls_context_unref(struct tls_context *c)
{
	size_t i;

	if (--c->refs > 0)
		return;
	for (i = 0; i < c->count; i++)
		SSL_CTX_free(c->certificates[i]);
	free(c->certificates);
	OPENSSL_cleanse(c->tickets, sizeof(c->tickets));
	free(c);
}

/* --- connections --- */

struct bufferevent *
tls_bufferevent_new(struct tls_context *c, struct event_base *base)
{
	SSL *ssl = SSL_new(c->certificates[0]);
	struct handshake *h = mem_zalloc(1, sizeof(*h));
	struct bufferevent *bev;

	h->context = c;
	c->refs++;
	if (ssl == NULL || SSL_set_ex_data(ssl, handshake_index(), h) != 1)
		_exit(MEM_EXIT_STATUS);
	bev = bufferevent_openssl_socket_new(
	    base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
		_exit(MEM_EXIT_STATUS);
	/* Clients close without saying so; HTTP knows its own lengths. */
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	return bev;
}

const char *
tls_bufferevent_failure(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	unsigned long error, last = 0;

	if (handshake_of(ssl)->done)
		return NULL;
	while ((error = bufferevent_get_openssl_error(bev)) != 0)
		if (ERR_reason_error_string(error) != NULL)
			last = error;
	return last == 0 ? "the client left" : tls_error_reason(last);
}

void
tls_bufferevent_finish(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);

	if (SSL_is_init_finished(ssl))
		SSL_shutdown(ssl);
	ERR_clear_error();
}

bool
tls_bufferevent_is_writing(struct bufferevent *bev)
{
	return SSL_want_write(bufferevent_openssl_get_ssl(bev));
}

/* A copy of the name if it is printable ASCII throughout. */
static char *
copy_name(const ASN1_STRING *s)
{
	const unsigned char *text = ASN1_STRING_get0_data(s);
	int len = ASN1_STRING_length(s), i;

	for (i = 0; i < len; i++)
		if (text[i] < 0x21 || text[i] > 0x7e)
			return NULL;
	return len == 0 ? NULL : mem_strndup((const char *)text, (size_t)len);
}

static char *
alternative_name(X509 *x)
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	char *user = NULL;
	int i;

	for (i = 0; i < sk_GENERAL_NAME_num(names) && user == NULL; i++) {
		int type;
		void *value = GENERAL_NAME_get0_value(
		    sk_GENERAL_NAME_value(names, i), &type);

		if (type == GEN_EMAIL || type == GEN_DNS || type == GEN_URI)
			user = copy_name(value);
	}
	GENERAL_NAMES_free(names);
	return user;
}

static X509 *
peer_certificate(SSL *ssl)
{
	return ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
}

bool
tls_bufferevent_has_certificate(struct bufferevent *bev)
{
	return peer_certificate(bufferevent_openssl_get_ssl(bev)) != NULL;
}

static bool
has_expired(X509 *x)
{
	return X509_cmp_current_time(X509_get0_notAfter(x)) != 1;
}

bool
tls_bufferevent_has_expired(struct bufferevent *bev)
{
	X509 *x = peer_certificate(bufferevent_openssl_get_ssl(bev));

	return x != NULL && has_expired(x);
}

char *
tls_bufferevent_user(struct bufferevent *bev)
{
	SSL *ssl = bufferevent_openssl_get_ssl(bev);
	X509 *x = peer_certificate(ssl);
	X509_NAME *subject;
	int at;

	if (x == NULL || SSL_get_verify_result(ssl) != X509_V_OK ||
	    has_expired(x))
		return NULL;
	subject = X509_get_subject_name(x);
	at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at >= 0)
		return copy_name(
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	return alternative_name(x);
}
