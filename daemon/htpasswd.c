#include "htpasswd.h"

#include <stdlib.h>
#include <string.h>

#include "authorization.h"
#include "winnow/fsutil.h"
#include "winnow/mem.h"

/* Ten thousand users. */
#define FILE_MAX (1u << 20)
/* "$2y$10$", 22 digits of salt, 31 of hash */
#define HASH_LENGTH 60

struct entry {
	char *user;
	char *hash;
};

struct htpasswd {
	struct entry *entries; /* by user */
	size_t count;
	size_t capacity;
};

static int
compare(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->user, y->user);
}

/* True for a hash of bcrypt; says in *cost how much work it is. */
static bool
is_bcrypt(const char *hash, int *cost)
{
	static const char digits[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz";

	if (strlen(hash) != HASH_LENGTH || strncmp(hash, "$2", 2) != 0 ||
	    strchr("aby", hash[2]) == NULL || hash[3] != '$' ||
	    strspn(hash + 4, "0123456789") != 2 || hash[6] != '$' ||
	    strspn(hash + 7, digits) != HASH_LENGTH - 7)
		return false;
	*cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return true;
}

static int
add_line(struct htpasswd *h, char *line, struct err *e)
{
	char *hash = strchr(line, ':');
	size_t user_len;
	int cost;

	if (line[0] == '\0' || line[0] == '#')
		return 0;
	if (hash == NULL || hash == line)
		return err_set(e, ERR_INVALID, "not USER:HASH");
	user_len = (size_t)(hash - line);
	if (user_len > AUTHORIZATION_USER_MAX)
		return err_set(e, ERR_INVALID, "a user of more than %d bytes",
		    AUTHORIZATION_USER_MAX);
	if (!is_bcrypt(++hash, &cost))
		return err_set(e, ERR_INVALID,
		    "not a bcrypt hash: make it with `htpasswd -B`");
	if (cost < 4 || cost > HTPASSWD_COST_MAX)
		return err_set(e, ERR_INVALID,
		    "a bcrypt cost of %d: 4 to %d can be used", cost,
		    HTPASSWD_COST_MAX);
	h->entries =
	    mem_grow(h->entries, h->count, &h->capacity, sizeof(*h->entries));
	h->entries[h->count].user = mem_strndup(line, user_len);
	h->entries[h->count++].hash = mem_strdup(hash);
	return 0;
}

static int
check_duplicates(const struct htpasswd *h, struct err *e)
{
	size_t i;

	for (i = 1; i < h->count; i++)
		if (strcmp(h->entries[i - 1].user, h->entries[i].user) == 0)
			return err_set(e, ERR_INVALID,
			    "the user %s is there twice", h->entries[i].user);
	return 0;
}

int
htpasswd_parse(
    const char *text, const char *name, struct htpasswd **out, struct err *e)
{
	auto_htpasswd struct htpasswd *h = mem_zalloc(1, sizeof(*h));
	auto_free char *copy = mem_strdup(text);
	char *rest = copy, *line;
	unsigned number = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		size_t len = strlen(line);

		number++;
		if (len > 0 && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (add_line(h, line, e) == -1)
			return err_wrap(e, "%s:%u", name, number);
	}
	if (h->count > 0)
		qsort(h->entries, h->count, sizeof(*h->entries), compare);
	if (check_duplicates(h, e) == -1)
		return err_wrap(e, "%s", name);
	*out = steal(&h);
	return 0;
}

int
htpasswd_load(const char *path, struct htpasswd **out, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	if (fsutil_read_file(-1, path, FILE_MAX, &text, &len, e) == -1)
		return -1;
	if (strlen(text) != len)
		return err_set(e, ERR_INVALID, "%s is not a text", path);
	return htpasswd_parse(text, path, out, e);
}

void
htpasswd_free(struct htpasswd *h)
{
	size_t i;

	for (i = 0; i < h->count; i++) {
		free(h->entries[i].user);
		explicit_bzero(h->entries[i].hash, HASH_LENGTH);
		free(h->entries[i].hash);
	}
	free(h->entries);
	free(h);
}

const char *
htpasswd_find(const struct htpasswd *h, const char *user, bool *known)
{
	char *name = mem_strdup(user);
	struct entry wanted = {.user = name};
	const struct entry *found = h->count == 0
	    ? NULL
	    : bsearch(&wanted, h->entries, h->count, sizeof(wanted), compare);

	free(name);
	*known = found != NULL;
	if (found == NULL)
		return h->count == 0 ? NULL : h->entries[0].hash;
	return found->hash;
}
