#include "winnow/ref.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/auto.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/num.h"

/* The longest host name of the DNS (RFC 1035, 2.3.4), as text. */
#define HOST_NAME_LENGTH 253
#define HOST_LABEL_LENGTH 63

static bool
is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The length of the separator at s: one dot, one or two underscores, dashes. */
static size_t
separator_length(const char *s, size_t len)
{
	size_t n = 0;

	if (s[0] == '.')
		return 1;
	if (s[0] == '_')
		return len > 1 && s[1] == '_' ? 2 : 1;
	while (n < len && s[n] == '-')
		n++;
	return n;
}

/* One path component: alphanumerics joined by separators. */
static bool
is_component(const char *s, size_t len)
{
	size_t i = 0;

	for (;;) {
		size_t start = i;

		while (i < len && is_lower_or_digit(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == len)
			return true;
		i += separator_length(s + i, len - i);
	}
}

bool
ref_is_repository_n(const char *s, size_t len)
{
	if (len > LIMIT_REPOSITORY)
		return false;
	for (;;) {
		const char *slash = memchr(s, '/', len);
		size_t n = slash == NULL ? len : (size_t)(slash - s);

		if (!is_component(s, n))
			return false;
		if (slash == NULL)
			return true;
		s += n + 1;
		len -= n + 1;
	}
}

bool
ref_is_repository(const char *s)
{
	return ref_is_repository_n(s, strlen(s));
}

bool
ref_is_tag(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		bool word = isalnum((unsigned char)s[i]) || s[i] == '_';

		if (!word && (i == 0 || (s[i] != '.' && s[i] != '-')))
			return false;
		if (i == LIMIT_TAG)
			return false;
	}
	return i > 0;
}

/* A host name or an IPv4 address: labels joined by dots. */
static bool
is_host_name(const char *s, size_t len)
{
	size_t i, label = 0;

	if (len == 0 || len > HOST_NAME_LENGTH)
		return false;
	for (i = 0; i < len; i++) {
		bool edge = label == 0 || i + 1 == len || s[i + 1] == '.';

		if (s[i] == '.' && label > 0) {
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)s[i]) && (edge || s[i] != '-'))
			return false;
		if (++label > HOST_LABEL_LENGTH)
			return false;
	}
	return label > 0;
}

/* An IPv6 address without its brackets. */
static bool
is_ipv6(const char *s, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_port(const char *s)
{
	uint64_t port;
	struct err e;

	return num_parse(s, 1, 65535, "port", &port, &e) == 0;
}

bool
ref_is_signature_tag(const char *s)
{
	static const char *const algorithms[] = {
	    "sha256-", "sha384-", "sha512-"};
	size_t i, len;

	for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		size_t n = strlen(algorithms[i]);

		if (strncmp(s, algorithms[i], n) != 0)
			continue;
		len = strspn(s + n, "0123456789abcdef");
		return len == 64 && (s[n + len] == '\0' || s[n + len] == '.');
	}
	return false;
}

bool
ref_is_host(const char *s)
{
	const char *end;

	if (*s == '[') {
		end = strchr(s, ']');
		if (end == NULL || !is_ipv6(s + 1, (size_t)(end - s) - 1))
			return false;
		end++;
	} else {
		end = strchrnul(s, ':');
		if (!is_host_name(s, (size_t)(end - s)))
			return false;
	}
	return *end == '\0' || (*end == ':' && is_port(end + 1));
}

/* True for a first component that names a host. */
static bool
names_host(const char *s, size_t len)
{
	return memchr(s, '.', len) != NULL || memchr(s, ':', len) != NULL ||
	    (len == strlen("localhost") && memcmp(s, "localhost", len) == 0);
}

/* The one spelling of a host: lower case, and Docker Hub's name for itself. */
static char *
normalize_host(const char *s, size_t len)
{
	char *host = mem_strndup(s, len);
	size_t i;

	for (i = 0; host[i] != '\0'; i++)
		host[i] = (char)tolower((unsigned char)host[i]);
	if (strcmp(host, "index.docker.io") != 0 &&
	    strcmp(host, "registry-1.docker.io") != 0)
		return host;
	free(host);
	return mem_strdup("docker.io");
}

int
ref_repository_parse(const char *name, const char *default_host,
    struct ref_repository *out, struct err *e)
{
	const char *slash = strchr(name, '/'), *rest = name;
	auto_free char *host = NULL, *path = NULL;

	if (slash != NULL && names_host(name, (size_t)(slash - name))) {
		host = normalize_host(name, (size_t)(slash - name));
		rest = slash + 1;
	} else {
		host = normalize_host(default_host, strlen(default_host));
	}
	if (!ref_is_host(host))
		return err_set(e, ERR_INVALID, "\"%.*s\" is not a host name",
		    LIMIT_REPOSITORY, host);
	if (strcmp(host, "docker.io") == 0 && strchr(rest, '/') == NULL)
		path = mem_printf("library/%s", rest);
	else
		path = mem_strdup(rest);
	if (!ref_is_repository(path))
		return err_set(e, ERR_INVALID,
		    "\"%.*s\" is not a repository name", LIMIT_REPOSITORY,
		    rest);
	out->host = steal(&host);
	out->path = steal(&path);
	return 0;
}

void
ref_repository_clear(struct ref_repository *r)
{
	free(r->host);
	free(r->path);
	*r = (struct ref_repository){NULL, NULL};
}
