#include "tls_error.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>

const char *
tls_error_reason(unsigned long error)
{
	const char *reason = ERR_reason_error_string(error);

	return reason == NULL ? "no reason given" : reason;
}

int
tls_error(struct err *e, enum err_code code, const char *fmt, ...)
{
	char text[ERR_MESSAGE_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, code, "%s: %s", text, tls_error_reason(ERR_peek_error()));
	ERR_clear_error();
	return -1;
}
