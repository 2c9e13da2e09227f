/*
 * server: what the parts of a server process share.  Only these parts (files
 * server*.c) include evhttp.
 */
#ifndef WINNOW_DAEMON_SERVER_H
#define WINNOW_DAEMON_SERVER_H

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "access.h"
#include "answers.h"
#include "client_auth.h"
#include "core_link.h"
#include "counters.h"
#include "server_connections.h"

struct server_questions;
struct server_uses;

struct server {
	struct event_base *base;
	struct evhttp *http; /* of plain connections */
	struct evhttp *https;
	struct connections *connections;
	struct core_link *core;
	struct access *access; /* NULL: there is nothing to check */
	struct client_auth *auth;
	struct answers *answers;
	struct server_questions *questions;
	int blobs; /* the directory blobs/sha256 */
	bool draining;
	char id[12]; /* of this process, "123-": log ids begin with it */
	uint64_t requests; /* so far */
	time_t date_of; /* what `date` says */
	char date[32]; /* for the header; see server_date() */
	struct counters *counters;
	struct server_uses *uses;
};

/* The value of a Date header; borrowed, until the next call. */
const char *server_date(struct server *s);

#endif
