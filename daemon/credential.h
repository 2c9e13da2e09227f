/*
 * credential: the user name and password for an upstream, from where its
 * configuration says: a password file, docker's config.json, or a credential
 * helper (a program that speaks the protocol of docker-credential-helpers:
 * `PROGRAM get`, the registry's address on its standard input, and
 * {"Username":S,"Secret":S} on its output).  One object per upstream; core
 * only.
 *
 * Files are read at every use, so that a changed password needs no reload.
 * What a helper said is used for CREDENTIAL_LIFE and until it is refused.
 */
#ifndef WINNOW_DAEMON_CREDENTIAL_H
#define WINNOW_DAEMON_CREDENTIAL_H

#include <event2/event.h>
#include <stdbool.h>

#include "winnow/err.h"

struct credential;
struct credential_waiter;

/* Where it comes from: one of the last three, or nowhere. */
struct credential_source {
	const char *host; /* of the upstream, as names have it: "docker.io" */
	const char *username; /* and the file with its password, or NULL */
	const char *password_file;
	const char *docker_config; /* a file */
	const char *helper; /* a program, by path or name */
};

/* Copies the source.  Free it after its waiters. */
struct credential *
credential_new(struct event_base *base, const struct credential_source *source);
void credential_free(struct credential *c);

/*
 * "user:password" in *out, NULL when there is none to show; free it by
 * credential_free_text().  Returns 1; 0 when a helper has to be asked first
 * (credential_ask()); -1 with ERR_UNAUTHORIZED.
 */
int credential_get(struct credential *c, char **out, struct err *e);
void credential_free_text(char *text);

/* `e` is NULL or why the helper did not answer.  The waiter is gone. */
typedef void (*credential_cb)(void *arg, const struct err *e);

/* Asks the helper, once however many ask; calls back from the loop. */
struct credential_waiter *
credential_ask(struct credential *c, credential_cb cb, void *arg);
void credential_cancel(struct credential_waiter *w);

/*
 * The upstream does not take it.  True when the helper may know better: what
 * it said is forgotten.
 */
bool credential_refused(struct credential *c);

#endif
