/*
 * err: how a function says why it failed.
 *
 * A function that can fail takes a struct err as its last argument and
 * returns 0, or -1 with *e filled.  The struct lives in the caller's frame
 * and needs no release.  On failure the function's outputs are untouched.
 * Any process may use it.
 */
#ifndef WINNOW_ERR_H
#define WINNOW_ERR_H

/* The longest message, in bytes with its NUL: four lines of a terminal. */
#define ERR_MESSAGE_MAX 1024

enum err_code {
	ERR_NONE = 0,
	ERR_INTERNAL, /* a bug in winnow */
	ERR_SYSTEM, /* the operating system refused; errno is in the text */
	ERR_INVALID, /* malformed input: archive, JSON, name, message */
	ERR_LIMIT, /* input larger, deeper or longer than a limit */
	ERR_NOT_FOUND, /* the object does not exist */
	ERR_DENIED, /* not allowed, by a policy or by the upstream */
	ERR_UNAUTHORIZED, /* the upstream wants (other) credentials */
	ERR_DIGEST, /* bytes differ from their digest or size */
	ERR_UNSUPPORTED, /* well-formed, but of a kind winnow does not do */
	ERR_POLICY, /* the policy cannot be applied to this image */
	ERR_UPSTREAM, /* the upstream misbehaved or cannot be reached */
	ERR_RATE_LIMIT, /* the upstream limits our rate */
	ERR_TIMEOUT, /* a time limit passed */
	ERR_BUSY, /* a bounded queue is full */
	ERR_WORKER, /* a worker crashed, hung or ate its memory */
	ERR_CODES
};

struct err {
	enum err_code code;
	char message[ERR_MESSAGE_MAX];
};

/* Fills *e and returns -1, so that a caller can say `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends ": " and strerror(errno). */
int err_set_errno(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Puts "context: " in front of the message, on the way up.  Keeps the code.
 * Returns -1.
 */
int err_wrap(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The stable lower-case name of a code ("not-found"), for logs and messages. */
const char *err_code_name(enum err_code code);

/*
 * The code with this name, ERR_INTERNAL where there is none: the inverse of
 * err_code_name() for what another process sent.
 */
enum err_code err_code_parse(const char *name);

#endif
