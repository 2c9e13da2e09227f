#include "winnow/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[ERR_CODES] = {
    [ERR_NONE] = "none",
    [ERR_INTERNAL] = "internal",
    [ERR_SYSTEM] = "system",
    [ERR_INVALID] = "invalid",
    [ERR_LIMIT] = "limit",
    [ERR_NOT_FOUND] = "not-found",
    [ERR_DENIED] = "denied",
    [ERR_UNAUTHORIZED] = "unauthorized",
    [ERR_DIGEST] = "digest",
    [ERR_UNSUPPORTED] = "unsupported",
    [ERR_POLICY] = "policy",
    [ERR_UPSTREAM] = "upstream",
    [ERR_RATE_LIMIT] = "rate-limit",
    [ERR_TIMEOUT] = "timeout",
    [ERR_BUSY] = "busy",
    [ERR_WORKER] = "worker",
};

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	return -1;
}

int
err_set_errno(struct err *e, const char *fmt, ...)
{
	int saved = errno;
	size_t len;
	va_list ap;

	e->code = ERR_SYSTEM;
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	len = strlen(e->message);
	snprintf(e->message + len, sizeof(e->message) - len, ": %s",
	    strerror(saved));
	errno = saved;
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[ERR_MESSAGE_MAX];
	size_t len;
	va_list ap;

	memcpy(inner, e->message, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	len = strlen(e->message);
	snprintf(e->message + len, sizeof(e->message) - len, ": %s", inner);
	return -1;
}

const char *
err_code_name(enum err_code code)
{
	if ((unsigned)code >= ERR_CODES)
		return code_names[ERR_INTERNAL];
	return code_names[code];
}

enum err_code
err_code_parse(const char *name)
{
	unsigned i;

	for (i = 0; i < ERR_CODES; i++)
		if (strcmp(code_names[i], name) == 0)
			return (enum err_code)i;
	return ERR_INTERNAL;
}
