/* passwd(5) and shadow(5): who has a shell that is there, or a password. */
#include <string.h>

#include "audit_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Accounts that one finding names. */
#define ACCOUNTS_NAMED 10
/* The shortest hash, of DES. */
#define HASH_MIN 13

/* What runtimes cut off a line. */
#define BLANKS " \t\r\v\f"

static const char *const paths[AUDIT_ACCOUNT_FILES] = {
    "etc/passwd", "etc/shadow", "etc/shadow-"};
#define PASSWD 0 /* in `paths` */

#define FIELDS 7
struct account {
	char *fields[FIELDS]; /* of one line; missing ones are "" */
};

/* The accounts of which something is to be said. */
struct list {
	struct strbuf text;
	size_t count;
};

static void
list_init(struct list *l)
{
	strbuf_init(&l->text, LIMIT_PATH);
	l->count = 0;
}

static void
list_add(struct list *l, const char *name, const char *what)
{
	if (++l->count > ACCOUNTS_NAMED)
		return;
	strbuf_add_format(&l->text, "%s%.64s", l->count == 1 ? "" : ", ", name);
	if (what != NULL)
		strbuf_add_format(&l->text, " (%.200s)", what);
}

/* Adds one finding for all accounts of the list, if there are any. */
static void
list_finish(struct list *l, struct audit_scan *s, enum audit_category category,
    const struct tree_node *n, const char *before)
{
	if (l->count > ACCOUNTS_NAMED)
		strbuf_add_format(
		    &l->text, " and %zu more", l->count - ACCOUNTS_NAMED);
	if (l->count > 0)
		audit_add(s, category, n,
		    mem_printf("%s%s", before, strbuf_string(&l->text)));
	strbuf_clear(&l->text);
}

/* Splits a line, which it writes to. */
static void
split(char *line, struct account *a)
{
	static char empty[1];
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		a->fields[i] = line == NULL ? empty : strsep(&line, ":");
	}
}

static bool
is_no_login(const char *shell)
{
	static const char *const names[] = {
	    "nologin", "false", "true", "sync", "halt", "shutdown"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(path_base(shell), names[i]) == 0)
			return true;
	return false;
}

static bool
is_hash(const char *password)
{
	/* A lock in front of a hash does not hide it. */
	while (*password == '!' || *password == '*')
		password++;
	return *password == '$' || *password == '_' ||
	    strlen(password) >= HASH_MIN;
}

struct accounts {
	struct list shells, hashes, open;
};

static void
add_account(struct audit_scan *s, struct accounts *out, const struct account *a,
    bool is_passwd)
{
	const char *name = a->fields[0], *password = a->fields[1];
	const char *shell = *a->fields[6] == '\0' ? "/bin/sh" : a->fields[6];
	struct lookup_result found;

	if (*name == '\0' || *name == '#')
		return;
	if (*password == '\0')
		list_add(&out->open, name, NULL);
	else if (is_hash(password))
		list_add(&out->hashes, name, NULL);
	if (!is_passwd || *shell != '/' || is_no_login(shell))
		return;
	lookup_program(&s->lookup, shell, &found);
	if (found.node != NULL)
		list_add(&out->shells, name, shell);
	lookup_clear(&found);
}

/*
 * A number as strconv.Atoi() reads it, which runtimes use: false when it is
 * none.
 */
static bool
parse_number(const char *text, size_t len, uint64_t *out)
{
	uint64_t value = 0;
	size_t i = len > 0 && (*text == '-' || *text == '+') ? 1 : 0;

	if (i == len)
		return false;
	for (; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > INT64_MAX / 16)
			value = INT64_MAX / 16;
	}
	*out = value;
	return true;
}

/*
 * The user's number in passwd(5), as runtimes written in Go read it: what is
 * no number is 0, and of a larger one the lower 32 bits count.
 */
static bool
find_number(
    const char *passwd, const char *name, size_t name_len, uint32_t *out)
{
	auto_free char *text = mem_strdup(passwd);
	char *next = text, *line;
	struct account a;

	while ((line = strsep(&next, "\n")) != NULL) {
		uint64_t number = 0;

		line += strspn(line, BLANKS);
		split(line, &a);
		if (strlen(a.fields[0]) != name_len ||
		    memcmp(a.fields[0], name, name_len) != 0)
			continue;
		if (!parse_number(
			a.fields[2], strcspn(a.fields[2], BLANKS), &number))
			number = 0;
		*out = (uint32_t)number;
		return true;
	}
	return false;
}

bool
audit_user_is_root(const struct audit_scan *s, const char *name, size_t len)
{
	const struct tree_node *passwd = s->accounts[PASSWD];
	uint64_t number;
	uint32_t found;

	if (parse_number(name, len, &number))
		return number == 0;
	if (passwd != NULL && audit_keeps(s, passwd) &&
	    passwd->entry->content != NULL &&
	    find_number(passwd->entry->content, name, len, &found))
		return found == 0;
	return len == 4 && memcmp(name, "root", 4) == 0;
}

void
audit_accounts_init(struct audit_scan *s)
{
	size_t i;

	for (i = 0; i < AUDIT_ACCOUNT_FILES; i++) {
		const struct tree_node *n =
		    tree_resolve(s->tree, NULL, paths[i], 0, NULL, NULL);

		if (n != NULL && tree_node_type(n) == ENTRY_FILE)
			s->accounts[i] = n;
	}
}

static void
audit_lines(struct audit_scan *s, const struct tree_node *n, bool is_passwd)
{
	auto_free char *text =
	    mem_strndup(n->entry->content, (size_t)n->entry->content_len);
	char *next = text, *line;
	struct accounts found;
	struct account a;

	list_init(&found.shells);
	list_init(&found.hashes);
	list_init(&found.open);
	while ((line = strsep(&next, "\n")) != NULL) {
		if (strchr(line, ':') == NULL)
			continue;
		split(line, &a);
		add_account(s, &found, &a, is_passwd);
	}
	list_finish(&found.hashes, s, AUDIT_CREDENTIAL, n, "password hash of ");
	list_finish(&found.open, s, AUDIT_CREDENTIAL, n, "no password for ");
	list_finish(&found.shells, s, AUDIT_LOGIN_SHELL, n, "");
}

/*
 * A link may lead from the usual path to a file whose contents no index has:
 * that is said, rather than that there is nothing to find.
 */
void
audit_accounts(struct audit_scan *s, const struct tree_node *n)
{
	size_t i;

	for (i = 0; i < AUDIT_ACCOUNT_FILES; i++) {
		if (n != s->accounts[i])
			continue;
		if (n->entry->content != NULL)
			audit_lines(s, n, i == PASSWD);
		else if (n->entry->size > 0)
			audit_add(s, AUDIT_CREDENTIAL, n,
			    mem_printf("is /%s by a link: its contents cannot "
				       "be judged",
				paths[i]));
		return;
	}
}
