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

void
audit_accounts(struct audit_scan *s, const struct tree_node *n)
{
	auto_strbuf struct strbuf path;
	auto_free char *text = NULL;
	struct accounts found;
	struct account a;
	char *next, *line;
	bool is_passwd;

	strbuf_init(&path, LIMIT_PATH + 1);
	if (n->entry == NULL || n->entry->content == NULL)
		return;
	tree_node_path(n, &path);
	is_passwd = strcmp(strbuf_string(&path), "etc/passwd") == 0;
	if (!is_passwd && strcmp(strbuf_string(&path), "etc/shadow") != 0 &&
	    strcmp(strbuf_string(&path), "etc/shadow-") != 0)
		return;
	list_init(&found.shells);
	list_init(&found.hashes);
	list_init(&found.open);
	next = text =
	    mem_strndup(n->entry->content, (size_t)n->entry->content_len);
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
