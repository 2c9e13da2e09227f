/* Files by their metadata, by what they hold for a login, and scripts. */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "audit_private.h"
#include "script.h"
#include "winnow/mem.h"

/* An access list as an extended attribute. */
#define ACL_HEADER 4
#define ACL_ENTRY 8
#define ACL_USER 0x02
#define ACL_GROUP 0x08
#define ACL_OTHER 0x20
#define ACL_WRITE 2

/* Files that let somebody in, by the end of their paths. */
static const struct {
	enum audit_category category;
	const char *suffix, *detail;
} sensitive[] = {
    {AUDIT_CREDENTIAL, "/.ssh/authorized_keys", "who may log in by ssh"},
    {AUDIT_CREDENTIAL, "/.ssh/authorized_keys2", "who may log in by ssh"},
    {AUDIT_CREDENTIAL, "/.netrc", "passwords"},
    {AUDIT_CREDENTIAL, "/.pgpass", "passwords"},
    {AUDIT_CREDENTIAL, "/.git-credentials", "passwords"},
    {AUDIT_CREDENTIAL, "/.docker/config.json", "registry logins"},
    {AUDIT_CREDENTIAL, "/.dockercfg", "registry logins"},
    {AUDIT_CREDENTIAL, "/.aws/credentials", "access keys"},
    {AUDIT_CREDENTIAL, "/.kube/config", "cluster logins"},
    {AUDIT_CREDENTIAL, "/.pypirc", "passwords"},
    {AUDIT_CREDENTIAL, ".keytab", "Kerberos keys"},
    {AUDIT_PRIVILEGE, "/etc/sudoers", "rules of sudo"},
    {AUDIT_PRIVILEGE, "/etc/doas.conf", "rules of doas"},
};

/* True when the node's path, which begins with a slash, ends so. */
static bool
has_suffix(const struct tree_node *n, const char *suffix)
{
	size_t left = strlen(suffix);

	for (; n->parent != NULL && left > 0; n = n->parent) {
		size_t len = n->name_len < left ? n->name_len : left;

		left -= len;
		if (memcmp(n->name + n->name_len - len, suffix + left, len) !=
		    0)
			return false;
		if (left > 0 && suffix[--left] != '/')
			return false;
	}
	return left == 0;
}

/*
 * True below any sudoers.d: sudo reads what lies in that of /etc (or /usr/etc),
 * and deeper ones when a rule includes them.
 */
static bool
is_in_sudoers_d(const struct tree_node *n)
{
	for (; n->parent != NULL; n = n->parent)
		if (has_suffix(n->parent, "/etc/sudoers.d"))
			return true;
	return false;
}

/* Files known by their paths, and private keys by their contents. */
static void
audit_sensitive(struct audit_scan *s, const struct tree_node *n)
{
	size_t i;

	if (n->entry->size == 0)
		return;
	if ((n->entry->marks & MARK_BIT(MARK_PRIVATE_KEY)) != 0)
		audit_add(s, AUDIT_CREDENTIAL, n, mem_strdup("private key"));
	if (is_in_sudoers_d(n))
		audit_add(s, AUDIT_PRIVILEGE, n, mem_strdup("rules of sudo"));
	for (i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
		if (has_suffix(n, sensitive[i].suffix))
			audit_add(s, sensitive[i].category, n,
			    mem_strdup(sensitive[i].detail));
}

/* "permitted 0x..." out of capability(7)'s extended attribute. */
static char *
format_capabilities(const struct layer_xattr *x)
{
	uint32_t words[5] = {0};

	memcpy(words, x->value,
	    x->value_len < sizeof(words) ? x->value_len : sizeof(words));
	return mem_printf(
	    "permitted 0x%08x%08x", le32toh(words[3]), le32toh(words[1]));
}

/*
 * Whom else than owner and group an access list lets write (acl(5)); NULL:
 * nobody.  Its mask does not count: a client that sets the mode after the list
 * makes another one of it.  After a version the list has entries of a tag,
 * permissions and a number (linux/posix_acl_xattr.h).
 */
static char *
find_acl_writer(const struct layer_xattr *x)
{
	const char *value = x->value;
	size_t at;

	for (at = ACL_HEADER; at + ACL_ENTRY <= x->value_len; at += ACL_ENTRY) {
		uint16_t tag, permissions;
		uint32_t id;

		memcpy(&tag, value + at, sizeof(tag));
		memcpy(&permissions, value + at + 2, sizeof(permissions));
		memcpy(&id, value + at + 4, sizeof(id));
		if ((le16toh(permissions) & ACL_WRITE) == 0)
			continue;
		if (le16toh(tag) == ACL_OTHER)
			return mem_strdup("everybody");
		if (le16toh(tag) == ACL_USER || le16toh(tag) == ACL_GROUP)
			return mem_printf("%s %" PRIu32,
			    le16toh(tag) == ACL_USER ? "user" : "group",
			    le32toh(id));
	}
	return NULL;
}

/* The mode does not tell all of who may write. */
static void
audit_acl(struct audit_scan *s, const struct tree_node *n,
    const struct layer_xattr *x)
{
	bool later = strcmp(x->name, "system.posix_acl_default") == 0;
	auto_free char *who = NULL;

	if (!later && strcmp(x->name, "system.posix_acl_access") != 0)
		return;
	who = find_acl_writer(x);
	if (who != NULL)
		audit_add(s, AUDIT_WORLD_WRITABLE, n,
		    mem_printf("by an access list%s: %s",
			later ? ", what is made in it" : "", who));
}

static void
audit_metadata(struct audit_scan *s, const struct tree_node *n)
{
	const struct layer_entry *entry = n->entry;
	bool is_file = tree_node_type(n) == ENTRY_FILE;
	uint32_t i;

	if (is_file && (entry->mode & 06000) != 0)
		audit_add(s, AUDIT_SETUID, n,
		    mem_printf("mode %04o, owner %llu:%llu", entry->mode,
			(unsigned long long)entry->uid,
			(unsigned long long)entry->gid));
	for (i = 0; i < entry->xattr_count; i++) {
		if (strcmp(entry->xattrs[i].name, "security.capability") == 0)
			audit_add(s, AUDIT_CAPABILITY, n,
			    format_capabilities(&entry->xattrs[i]));
		audit_acl(s, n, &entry->xattrs[i]);
	}
	if ((entry->mode & 0002) != 0 &&
	    (is_file || (entry->mode & 01000) == 0))
		audit_add(s, AUDIT_WORLD_WRITABLE, n,
		    mem_printf("mode %04o", entry->mode));
}

/* A script that can be run, or could be if its interpreter were there. */
static void
audit_script(struct audit_scan *s, const struct tree_node *n)
{
	auto_free char *name = script_program(n->entry->script);
	auto_free char *env = script_env(n->entry->script);
	struct lookup_result found, by_env = {0};

	if (name == NULL)
		return;
	lookup_program(&s->lookup, name, &found);
	if (env != NULL)
		lookup_program(&s->lookup, env, &by_env);
	if (found.node == NULL || (env != NULL && by_env.node == NULL))
		audit_add(s, AUDIT_DEAD_SCRIPT, n,
		    mem_printf(
			"%s is not there", found.node == NULL ? name : env));
	else
		audit_add(s, AUDIT_LIVE_SCRIPT, n,
		    audit_path_text("run by ", found.node, ""));
	lookup_clear(&found);
	lookup_clear(&by_env);
}

/* The dynamic loaders of glibc and musl, by the names that they have. */
static bool
is_loader(const struct tree_node *n)
{
	static const char *const prefixes[] = {
	    "ld-linux", "ld-musl-", "ld64.so", "ld.so.", "ld-2."};
	size_t i;

	if (n->entry->elf == NULL || (n->entry->mode & 0111) == 0)
		return false;
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (n->name_len >= strlen(prefixes[i]) &&
		    memcmp(n->name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

void
audit_file(struct audit_scan *s, const struct tree_node *n)
{
	enum entry_type type = tree_node_type(n);

	if (n->entry == NULL || (type != ENTRY_FILE && type != ENTRY_DIRECTORY))
		return;
	audit_metadata(s, n);
	if (type != ENTRY_FILE)
		return;
	audit_sensitive(s, n);
	if (n->entry->script != NULL && lookup_is_executable(n))
		audit_script(s, n);
	if (is_loader(n))
		audit_add(s, AUDIT_LOADER, n,
		    mem_strdup("runs programs without their execute bit"));
}
