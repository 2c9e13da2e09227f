/*
 * authorization: the user and password in an Authorization header (RFC 7617).
 */
#ifndef WINNOW_DAEMON_AUTHORIZATION_H
#define WINNOW_DAEMON_AUTHORIZATION_H

#define AUTHORIZATION_USER_MAX 255
/* bcrypt reads 72 bytes; longer ones are refused rather than cut. */
#define AUTHORIZATION_PASSWORD_MAX 72

enum authorization_kind {
	AUTHORIZATION_NONE, /* no header, or of another scheme */
	AUTHORIZATION_ANONYMOUS, /* "Basic Og==": podman has no password */
	AUTHORIZATION_BASIC,
	AUTHORIZATION_BAD /* Basic, but no user and password can be read */
};

/* Clear it with explicit_bzero() after use. */
struct authorization {
	enum authorization_kind kind;
	/* AUTHORIZATION_BASIC: */
	char user[AUTHORIZATION_USER_MAX + 1];
	char password[AUTHORIZATION_PASSWORD_MAX + 1];
};

/* `header` may be NULL. */
void authorization_parse(const char *header, struct authorization *out);

#endif
