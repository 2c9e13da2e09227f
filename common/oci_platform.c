/* Platforms as Go names them, and which serves which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "winnow/mem.h"
#include "winnow/oci.h"

/* Longer than any name of an operating system or architecture. */
#define NAME_MAX_BYTES 64

/* Linux' names of machines and Go's names of platforms. */
static const struct {
	const char *machine;
	const char *platform;
} machines[] = {
    {"x86_64", "linux/amd64"},
    {"aarch64", "linux/arm64"},
    {"armv8l", "linux/arm/v8"},
    {"armv7l", "linux/arm/v7"},
    {"armv6l", "linux/arm/v6"},
    {"armv5tel", "linux/arm/v5"},
    {"i386", "linux/386"},
    {"i486", "linux/386"},
    {"i586", "linux/386"},
    {"i686", "linux/386"},
    {"loongarch64", "linux/loong64"},
    {"ppc64", "linux/ppc64"},
    {"ppc64le", "linux/ppc64le"},
    {"riscv64", "linux/riscv64"},
    {"s390x", "linux/s390x"},
};

/* The next component of a platform, up to a slash; NULL when it is none. */
static char *
parse_part(const char **cursor)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strspn(*cursor, allowed);
	char *part;

	if (len == 0 || len > NAME_MAX_BYTES ||
	    ((*cursor)[len] != '/' && (*cursor)[len] != '\0'))
		return NULL;
	part = mem_strndup(*cursor, len);
	*cursor += len;
	return part;
}

int
oci_platform_parse(const char *text, struct oci_platform *out, struct err *e)
{
	auto_free char *os = NULL, *architecture = NULL, *variant = NULL;
	const char *p = text;

	os = parse_part(&p);
	if (os != NULL && *p++ == '/')
		architecture = parse_part(&p);
	if (architecture != NULL && *p == '/') {
		p++;
		variant = parse_part(&p);
		if (variant == NULL)
			p = "?";
	}
	if (architecture == NULL || *p != '\0')
		return err_set(e, ERR_INVALID,
		    "\"%.100s\" is not a platform: write OS/ARCHITECTURE or "
		    "OS/ARCHITECTURE/VARIANT, like linux/arm64/v8",
		    text);
	out->os = steal(&os);
	out->architecture = steal(&architecture);
	out->variant = steal(&variant);
	return 0;
}

void
oci_platform_clear(struct oci_platform *p)
{
	free(p->os);
	free(p->architecture);
	free(p->variant);
	*p = (struct oci_platform){0};
}

const char *
oci_platform_host(void)
{
	static char unknown[sizeof("linux/") + sizeof(struct utsname)];
	struct utsname u;
	size_t i;

	if (uname(&u) == -1)
		return "linux/amd64";
	for (i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (strcmp(u.machine, machines[i].machine) == 0)
			return machines[i].platform;
	snprintf(unknown, sizeof(unknown), "linux/%s", u.machine);
	return unknown;
}

/* The variant, with the one that an architecture implies. */
static const char *
implied_variant(const struct oci_platform *p)
{
	if (p->variant == NULL && strcmp(p->architecture, "arm64") == 0)
		return "v8";
	return p->variant;
}

bool
oci_platform_matches(
    const struct oci_platform *have, const struct oci_platform *want)
{
	const char *a = implied_variant(have), *b = implied_variant(want);

	return strcmp(have->os, want->os) == 0 &&
	    strcmp(have->architecture, want->architecture) == 0 &&
	    (a == NULL || b == NULL || strcmp(a, b) == 0);
}
