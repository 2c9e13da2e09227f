#include "tls_keeper.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tls_authority.h"
#include "tls_bundle.h"
#include "tls_files.h"
#include "tls_trust.h"
#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/log.h"
#include "winnow/mem.h"

/* How often keys and dates are looked at. */
static const struct timeval look_after = {.tv_sec = 3600};
/* A ticket key seals so long, and opens as long again (TICKET_SECONDS). */
#define TICKET_KEY_LOOKS 12
/* Certificates that winnow cannot renew are warned of so long before. */
#define WARN_SECONDS (14 * 24 * 3600)

/* Where the authority lives, in the store. */
#define AUTHORITY_DIR "tls"

struct tls_keeper {
	const struct config *config;
	char *dir; /* of the authority */
	struct event *timer;
	unsigned looks; /* since the ticket key was made */
	struct tls_ticket_key
	    tickets[2]; /* the one that seals; the one before */
	int bundle; /* -1: none */
	void (*changed)(void *arg);
	void *arg;
};

static void
make_ticket_key(struct tls_ticket_key *key)
{
	/* Without randomness there are no handshakes either. */
	if (RAND_bytes((unsigned char *)key, sizeof(*key)) != 1)
		abort();
}

static void
rotate_tickets(struct tls_keeper *k)
{
	k->tickets[1] = k->tickets[0];
	make_ticket_key(&k->tickets[0]);
	k->looks = 0;
}

static void
warn_of_end(const char *path, int64_t expires_s)
{
	int64_t left_s = expires_s - (int64_t)time(NULL);
	char days[24];

	if (left_s > WARN_SECONDS)
		return;
	snprintf(days, sizeof(days), "%" PRId64, left_s / (24 * 3600));
	log_event(LOG_LEVEL_WARN, "tls.expires", "certificate", path, "days",
	    days, NULL);
}

static int
add_certificates(const struct config_tls *tls, int fd, struct err *e)
{
	size_t i;

	for (i = 0; i < tls->certificate_count; i++) {
		const struct config_certificate *c = &tls->certificates[i];
		int64_t expires_s;

		if (tls_files_add_certificate(
			fd, c->chain, c->key, &expires_s, e) == -1)
			return -1;
		warn_of_end(c->chain, expires_s);
	}
	return 0;
}

static void
log_authority(const char *dir, enum tls_authority_change change)
{
	auto_free char *file = mem_printf("%s/%s", dir, TLS_AUTHORITY_CA);
	auto_free char *how = mem_printf("%s/%s", dir, TLS_TRUST_FILE);

	switch (change) {
	case TLS_AUTHORITY_KEPT:
		break;
	case TLS_AUTHORITY_RENEWED:
		log_event(LOG_LEVEL_INFO, "tls.renewed", "authority", file,
		    "clients", how, NULL);
		break;
	case TLS_AUTHORITY_NEW:
		log_event(LOG_LEVEL_WARN, "tls.authority", "new", file,
		    "clients", how, NULL);
		break;
	}
}

/* The certificate that winnow makes itself. */
static int
add_auto(const char *dir, const struct config *c, int fd, struct err *e)
{
	auto_free char *chain = mem_printf("%s/%s", dir, TLS_AUTHORITY_SERVER);
	auto_free char *key =
	    mem_printf("%s/%s", dir, TLS_AUTHORITY_SERVER_KEY);
	enum tls_authority_change change;
	int64_t expires_s;

	if (c->tls.auto_count == 0)
		return 0;
	if (tls_authority_refresh(dir, c->tls.auto_names, c->tls.auto_count,
		(int64_t)time(NULL), &change, e) == -1 ||
	    tls_trust_write(dir, c, e) == -1)
		return -1;
	log_authority(dir, change);
	return tls_files_add_certificate(fd, chain, key, &expires_s, e);
}

/* What the configuration names, which exists without winnow. */
static int
add_files(const struct config_tls *tls, int fd, struct err *e)
{
	if (add_certificates(tls, fd, e) == -1)
		return -1;
	return tls->client_ca == NULL
	    ? 0
	    : tls_files_add_client_ca(fd, tls->client_ca, e);
}

int
tls_keeper_check(const struct config *c, struct err *e)
{
	auto_fd int fd = -1;

	if (tls_bundle_create(&fd, e) == -1 || add_files(&c->tls, fd, e) == -1)
		return err_wrap(e, "tls");
	return 0;
}

/* Writes a bundle of what the configuration says now. */
static int
make_bundle(
    const struct tls_keeper *k, const struct config *c, int *out, struct err *e)
{
	const struct tls_ticket_key *tickets = k->tickets;
	const struct config_tls *tls = &c->tls;
	auto_fd int fd = -1;
	size_t i;

	if (tls_bundle_create(&fd, e) == -1 || add_files(tls, fd, e) == -1 ||
	    add_auto(k->dir, c, fd, e) == -1)
		return -1;
	if (tls->client_required &&
	    tls_bundle_add(fd, TLS_ITEM_CLIENT_REQUIRED, NULL, 0, e) == -1)
		return -1;
	for (i = 0; i < 2; i++)
		if (tls_bundle_add(fd, TLS_ITEM_TICKET_KEY, &tickets[i],
			sizeof(tickets[i]), e) == -1)
			return -1;
	if (fsutil_seal_memory(fd, e) == -1)
		return -1;
	*out = steal_fd(&fd);
	return 0;
}

static bool
has_certificates(const struct config *c)
{
	return c->tls.certificate_count > 0 || c->tls.auto_count > 0;
}

/* Replaces the bundle; on failure the old one stays. */
static int
refresh(struct tls_keeper *k, const struct config *c, struct err *e)
{
	int fd = -1;

	if (has_certificates(c) && make_bundle(k, c, &fd, e) == -1)
		return err_wrap(e, "tls");
	auto_fd_cleanup(&k->bundle);
	k->bundle = fd;
	return 0;
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	struct tls_keeper *k = arg;
	struct err e;

	(void)fd;
	(void)what;
	event_add(k->timer, &look_after);
	if (!has_certificates(k->config))
		return;
	if (++k->looks >= TICKET_KEY_LOOKS)
		rotate_tickets(k);
	if (refresh(k, k->config, &e) == 0)
		k->changed(k->arg);
	else
		log_event(LOG_LEVEL_ERROR, "tls.failed", "error", e.message,
		    "now", "the old certificates stay in force", NULL);
}

int
tls_keeper_new(struct event_base *base, const struct config *c,
    void (*changed)(void *arg), void *arg, struct tls_keeper **out,
    struct err *e)
{
	struct tls_keeper *k = mem_zalloc(1, sizeof(*k));

	k->config = c;
	k->dir = mem_printf("%s/" AUTHORITY_DIR, c->store);
	k->bundle = -1;
	k->changed = changed;
	k->arg = arg;
	k->timer = evtimer_new(base, on_look, k);
	event_add(k->timer, &look_after);
	make_ticket_key(&k->tickets[0]);
	make_ticket_key(&k->tickets[1]);
	if (refresh(k, c, e) == -1) {
		tls_keeper_free(k);
		return -1;
	}
	*out = k;
	return 0;
}

void
tls_keeper_free(struct tls_keeper *k)
{
	if (k == NULL)
		return;
	event_free(k->timer);
	free(k->dir);
	auto_fd_cleanup(&k->bundle);
	OPENSSL_cleanse(k->tickets, sizeof(k->tickets));
	free(k);
}

int
tls_keeper_reload(
    struct tls_keeper *k, const struct config *fresh, struct err *e)
{
	struct tls_ticket_key old[2] = {k->tickets[0], k->tickets[1]};
	int status;

	/* Who may come in may have changed: a session must not outlive that. */
	make_ticket_key(&k->tickets[0]);
	make_ticket_key(&k->tickets[1]);
	status = refresh(k, fresh, e);
	if (status == -1)
		memcpy(k->tickets, old, sizeof(old));
	OPENSSL_cleanse(old, sizeof(old));
	return status;
}

int
tls_keeper_bundle(const struct tls_keeper *k)
{
	return k->bundle;
}
