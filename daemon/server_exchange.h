/*
 * server_exchange: one request of a client and its reply, from the complete
 * request to the last byte or the client's departure.
 */
#ifndef WINNOW_DAEMON_SERVER_EXCHANGE_H
#define WINNOW_DAEMON_SERVER_EXCHANGE_H

#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>

#include "answers.h"
#include "client_auth.h"
#include "oci_error.h"
#include "server_connection.h"
#include "server_request.h"

/* Room for the id of a process and a number. */
#define EXCHANGE_ID 40

struct server;
struct server_question;
struct stream_reply;

struct exchange {
	struct server *server;
	struct connection *connection;
	/* evhttp's, which frees it after the reply or with the connection. */
	struct evhttp_request *http;
	char id[EXCHANGE_ID]; /* for the log */
	uint64_t began; /* clock_now_ms() */
	struct request request;
	char *user; /* who it is; NULL: nobody in particular */
	struct client_auth_waiter login; /* while its password is checked */
	char *key; /* of the answer, in server->answers; NULL: none is needed */
	bool head;
	bool containerd;
	bool close; /* the connection ends after the reply */
	bool asked_again; /* the store lacked what an answer named */
	const char *cache; /* "hit", "miss" or NULL */
	bool asked; /* core */
	bool stale; /* the reply has a Warning */
	struct server_question *question; /* while it waits */
	struct exchange *next_waiter;
	struct stream_reply *stream; /* while a blob is sent as it comes */
	int status; /* 0: no reply yet */
	char *error; /* the message that was replied, for the log */
	uint64_t length; /* of the reply's body as handed to evhttp */
};

/* evhttp's callback for every request; `server` is a struct server. */
void exchange_begin(struct evhttp_request *http, void *server);

/* The request may be served: what exchange_begin() leaves to server_auth. */
void exchange_serve(struct exchange *x);

/* The answer `a` to what it asked is there: replies, or asks once more. */
void exchange_serve_answer(struct exchange *x, struct answer *a);

/* What an error is about: the kind of thing that was asked for. */
enum oci_subject exchange_subject(const struct exchange *x);

#endif
