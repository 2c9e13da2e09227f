#include "upstream_challenge.h"

#include <ctype.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http_url.h"
#include "winnow/mem.h"
#include "winnow/strbuf.h"

/* Real values are below 300 bytes; a header line is bounded already. */
#define PARAMETER_MAX 4096

void
challenge_clear(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	memset(c, 0, sizeof(*c));
}

/* Skips blanks and commas. */
static const char *
skip_separators(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == ',')
		p++;
	return p;
}

/* The length of the token (RFC 9110 section 5.6.2) at `p`. */
static size_t
token_length(const char *p)
{
	size_t len = 0;

	while (isalnum((unsigned char)p[len]) ||
	    (p[len] != '\0' && strchr("!#$%&'*+-.^_`|~", p[len]) != NULL))
		len++;
	return len;
}

/* Reads a quoted string or token at `p` into `out`; returns its end. */
static const char *
read_value(const char *p, struct strbuf *out)
{
	size_t len;

	if (*p != '"') {
		/* Some registries leave URLs and scopes without quotes. */
		len = strcspn(p, " \t,");
		strbuf_add(out, p, len);
		return p + len;
	}
	for (p++; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		strbuf_add_char(out, *p);
	}
	return *p == '"' ? p + 1 : p;
}

static void
set_once(char **field, struct strbuf *value)
{
	if (*field == NULL)
		*field = mem_strdup(strbuf_string(value));
}

/* Reads `name=value` at `p` into the challenge; returns its end. */
static const char *
read_parameter(const char *p, size_t name_len, struct challenge *c)
{
	auto_strbuf struct strbuf value;
	const char *name = p;

	strbuf_init(&value, PARAMETER_MAX);
	p += name_len;
	p += strspn(p, " \t") + 1;
	p = read_value(p + strspn(p, " \t"), &value);
	if (value.overflow)
		return p;
	if (name_len == 5 && strncasecmp(name, "realm", 5) == 0)
		set_once(&c->realm, &value);
	else if (name_len == 7 && strncasecmp(name, "service", 7) == 0)
		set_once(&c->service, &value);
	else if (name_len == 5 && strncasecmp(name, "scope", 5) == 0)
		set_once(&c->scope, &value);
	return p;
}

static enum challenge_scheme
scheme_of(const char *p, size_t len)
{
	if (len == 6 && strncasecmp(p, "Bearer", 6) == 0)
		return CHALLENGE_BEARER;
	if (len == 5 && strncasecmp(p, "Basic", 5) == 0)
		return CHALLENGE_BASIC;
	return CHALLENGE_NONE;
}

/* Keeps the better of two challenges in *best and clears the other. */
static void
keep_better(struct challenge *best, struct challenge *c)
{
	bool usable = c->scheme == CHALLENGE_BASIC ||
	    (c->scheme == CHALLENGE_BEARER && c->realm != NULL);

	if (usable && c->scheme > best->scheme) {
		challenge_clear(best);
		*best = *c;
		memset(c, 0, sizeof(*c));
	} else {
		challenge_clear(c);
	}
}

/* Reads the challenges of one header: a scheme, then its parameters. */
static void
read_header(const char *p, struct challenge *best)
{
	struct challenge c = {.scheme = CHALLENGE_NONE};

	for (p = skip_separators(p); *p != '\0'; p = skip_separators(p)) {
		size_t len = token_length(p);
		const char *behind = p + len + strspn(p + len, " \t");

		if (len == 0) {
			p++;
		} else if (*behind == '=') {
			p = read_parameter(p, len, &c);
		} else {
			keep_better(best, &c);
			c.scheme = scheme_of(p, len);
			p += len;
		}
	}
	keep_better(best, &c);
}

void
challenge_read(const struct http_response *r, struct challenge *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, "www-authenticate") == 0)
			read_header(r->headers[i].value, out);
	}
}

/* True for an IP address; libcurl has made every form of IPv4 dotted. */
static bool
is_address(const char *host)
{
	return host[0] == '[' || host[strspn(host, "0123456789.")] == '\0';
}

/*
 * True for two names below one registrable domain, by the public suffix list:
 * whoever registered it answers for both.
 */
static bool
share_domain(const char *a, const char *b)
{
	const psl_ctx_t *list = psl_builtin();
	const char *domain_a, *domain_b;

	if (list == NULL || is_address(a) || is_address(b))
		return false;
	domain_a = psl_registrable_domain(list, a);
	domain_b = psl_registrable_domain(list, b);
	return domain_a != NULL && domain_b != NULL &&
	    strcmp(domain_a, domain_b) == 0;
}

int
challenge_check_realm(
    const char *registry_url, const char *realm, struct err *e)
{
	auto_http_url struct http_url registry = {.scheme = NULL};
	auto_http_url struct http_url server = {.scheme = NULL};
	struct err unused;

	if (http_url_parse(registry_url, &registry, e) == -1)
		return err_wrap(e, "%s", registry_url);
	if (http_url_parse(realm, &server, &unused) == -1 ||
	    strchr(realm, '#') != NULL)
		return err_set(e, ERR_DENIED,
		    "%s names a token server that is no http or https URL",
		    registry.host);
	if (strcmp(server.scheme, "https") != 0 &&
	    strcmp(registry.scheme, "https") == 0)
		return err_set(e, ERR_DENIED,
		    "%s names the token server %s, to be asked without TLS: "
		    "refused",
		    registry.host, server.host);
	if (strcmp(server.host, registry.host) != 0 &&
	    !share_domain(server.host, registry.host))
		return err_set(e, ERR_DENIED,
		    "%s names the token server %s, which is not of its domain: "
		    "refused",
		    registry.host, server.host);
	return 0;
}

/* Appends `&name=value` (or `?`), percent-encoded (RFC 3986 section 2.3). */
static void
add_query(struct strbuf *url, const char *name, const char *value)
{
	const char *p;

	strbuf_add_char(
	    url, strchr(strbuf_string(url), '?') == NULL ? '?' : '&');
	strbuf_add_format(url, "%s=", name);
	for (p = value; *p != '\0'; p++) {
		if (isalnum((unsigned char)*p) || strchr("-._~:/", *p) != NULL)
			strbuf_add_char(url, *p);
		else
			strbuf_add_format(url, "%%%02X", (unsigned char)*p);
	}
}

char *
challenge_token_url(const struct challenge *c, const char *scope)
{
	struct strbuf url;

	/* Every byte may become three. */
	strbuf_init(&url, 16 * PARAMETER_MAX);
	strbuf_add_string(&url, c->realm);
	if (c->service != NULL)
		add_query(&url, "service", c->service);
	add_query(&url, "scope", scope);
	return strbuf_steal(&url);
}
