#include "winnow/num.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Reads digits from *s on; false without any, or past 2^64 - 1. */
static bool
read_digits(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*s = p;
	*out = n;
	return true;
}

int
num_parse(const char *text, uint64_t min, uint64_t max, const char *what,
    uint64_t *out, struct err *e)
{
	const char *p = text;
	uint64_t n;

	if (!read_digits(&p, &n) || *p != '\0')
		return err_set(e, ERR_INVALID,
		    "%s must be a whole number, not \"%.64s\"", what, text);
	if (n < min || n > max)
		return err_set(e, ERR_INVALID,
		    "%s must lie between %llu and %llu, not %.64s", what,
		    (unsigned long long)min, (unsigned long long)max, text);
	*out = n;
	return 0;
}

int
num_parse_size(const char *text, uint64_t *bytes, struct err *e)
{
	static const char units[] = "KMGT";
	const char *p = text, *unit;
	unsigned shift = 0;
	uint64_t n;

	if (!read_digits(&p, &n))
		goto bad;
	if (*p != '\0') {
		unit = strchr(units, *p);
		if (unit == NULL)
			goto bad;
		shift = 10 * (unsigned)(unit - units + 1);
		p++;
		if (strcmp(p, "") != 0 && strcmp(p, "i") != 0 &&
		    strcmp(p, "iB") != 0)
			goto bad;
	}
	if (n > UINT64_MAX >> shift)
		goto bad;
	*bytes = n << shift;
	return 0;
bad:
	return err_set(e, ERR_INVALID,
	    "a size is a number with K, M, G or T behind it (20G), "
	    "not \"%.64s\"",
	    text);
}

int
num_parse_duration(const char *text, uint64_t *ms, struct err *e)
{
	static const struct {
		const char *suffix;
		uint64_t ms;
	} units[] = {
	    {"", 1000},
	    {"ms", 1},
	    {"s", 1000},
	    {"m", 60 * 1000},
	    {"h", 3600 * 1000},
	    {"d", 24 * 3600 * 1000},
	};
	const char *p = text;
	uint64_t n;
	size_t i;

	if (read_digits(&p, &n))
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strcmp(p, units[i].suffix) == 0 &&
			    n <= UINT64_MAX / units[i].ms) {
				*ms = n * units[i].ms;
				return 0;
			}
	return err_set(e, ERR_INVALID,
	    "a duration is a number with ms, s, m, h or d behind it (25s), "
	    "not \"%.64s\"",
	    text);
}

const char *
num_format(uint64_t value, char buf[NUM_TEXT])
{
	char digits[NUM_TEXT];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	memcpy(buf, digits + at, sizeof(digits) - at);
	return buf;
}

const char *
num_format_size(uint64_t bytes, char buf[32])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(buf, 32, "%llu B", (unsigned long long)bytes);
		return buf;
	}
	while (value >= 1024 && i < 3) {
		value /= 1024;
		i++;
	}
	snprintf(buf, 32, "%.1f %s", value, units[i]);
	return buf;
}
