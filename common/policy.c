#include "winnow/policy.h"

#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "winnow/mem.h"

static const char *const categories[] = {"shell", "package-manager",
    "multicall", "packed", "download", "interpreter", "compiler", "debugger",
    "privilege", "setuid", "capability", "world-writable", "credential",
    "login-shell", "root-user", "shell-form", "loader", "live-script",
    "dead-script"};

static const char *const families[] = {"apr", "fontconfig", "gconv", "icu",
    "imagemagick", "krb5", "locales", "mesa", "nss", "openssl", "pam", "sasl",
    "scripts"};

const char *const *
policy_families(size_t *count)
{
	*count = sizeof(families) / sizeof(families[0]);
	return families;
}

bool
policy_is_family(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (strcmp(families[i], name) == 0)
			return true;
	}
	return false;
}

const char *const *
policy_categories(size_t *count)
{
	*count = sizeof(categories) / sizeof(categories[0]);
	return categories;
}

bool
policy_is_category(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
		if (strcmp(categories[i], name) == 0)
			return true;
	}
	return false;
}

bool
policy_is_platform(const char *name)
{
	size_t parts = 1, len = 0;

	for (; *name != '\0'; name++) {
		if (*name == '/' && len > 0) {
			parts++;
			len = 0;
			continue;
		}
		if (strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", *name) ==
		    NULL)
			return false;
		len++;
	}
	return len > 0 && (parts == 2 || parts == 3);
}

void
policy_free(struct policy *p)
{
	size_t i;

	if (p == NULL)
		return;
	free(p->file);
	free(p->repository);
	glob_free(p->repository_glob);
	free(p->source);
	for (i = 0; p->tag_globs != NULL && i < p->tag_count; i++)
		glob_free(p->tag_globs[i]);
	free(p->tag_globs);
	mem_free_strings(p->tags, p->tag_count);
	mem_free_strings(p->platforms, p->platform_count);
	mem_free_strings(p->fail_on, p->fail_on_count);
	mem_free_strings(p->ignored_hints, p->ignored_hint_count);
	policy_rules_clear(p->keep, p->keep_count);
	policy_rules_clear(p->drop, p->drop_count);
	json_decref(p->config);
	for (i = 0; i < p->exception_count; i++) {
		free(p->exceptions[i].path);
		free(p->exceptions[i].reason);
		glob_free(p->exceptions[i].glob);
	}
	free(p->exceptions);
	free(p);
}

void
policy_set_free(struct policy_set *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->count; i++)
		policy_free(set->items[i]);
	free(set->items);
	free(set);
}

/* Only a host can hold brackets, as [::1] does; they are no set. */
static void
escape_host(const char *host, size_t len, struct strbuf *out)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (host[i] == '[' || host[i] == ']')
			strbuf_add_char(out, '\\');
		strbuf_add_char(out, host[i]);
	}
}

int
policy_compile_repository(struct policy *p, size_t *column, struct err *e)
{
	const char *slash = strchrnul(p->repository, '/');
	auto_strbuf struct strbuf pattern;
	size_t added;

	strbuf_init(&pattern, SIZE_MAX);
	strbuf_add_char(&pattern, '/');
	if (p->repository[0] == '[')
		escape_host(
		    p->repository, (size_t)(slash - p->repository), &pattern);
	else
		strbuf_add(
		    &pattern, p->repository, (size_t)(slash - p->repository));
	added = pattern.len - (size_t)(slash - p->repository);
	strbuf_add_string(&pattern, slash);
	if (glob_compile(
		strbuf_string(&pattern), &p->repository_glob, column, e) == 0)
		return 0;
	*column = *column > added ? *column - added : 0;
	return -1;
}

int
policy_compile_tag(struct policy *p, size_t tag, size_t *column, struct err *e)
{
	auto_free char *pattern = mem_printf("/%s", p->tags[tag]);

	if (strchr(p->tags[tag], '/') != NULL) {
		*column = (size_t)(strchr(p->tags[tag], '/') - p->tags[tag]);
		return err_set(e, ERR_INVALID, "a tag has no slash");
	}
	if (p->tag_globs == NULL)
		p->tag_globs = mem_zalloc(p->tag_count, sizeof(*p->tag_globs));
	if (glob_compile(pattern, &p->tag_globs[tag], column, e) == 0)
		return 0;
	*column = *column > 0 ? *column - 1 : 0;
	return -1;
}

static bool
matches_tag(const struct policy *p, const char *tag)
{
	size_t i;

	if (tag == NULL || p->tag_count == 0)
		return true;
	for (i = 0; i < p->tag_count; i++) {
		if (glob_match(p->tag_globs[i], tag))
			return true;
	}
	return false;
}

const struct policy *
policy_find(
    const struct policy_set *set, const char *repository, const char *tag)
{
	size_t i;

	for (i = 0; i < set->count; i++) {
		const struct policy *p = set->items[i];

		if (glob_match(p->repository_glob, repository) &&
		    matches_tag(p, tag))
			return p;
	}
	return NULL;
}

static bool
takes_every_tag(const struct policy *p)
{
	size_t i;

	for (i = 0; i < p->tag_count; i++)
		if (strcmp(p->tags[i], "*") == 0)
			return true;
	return p->tag_count == 0;
}

bool
policy_covers(const struct policy_set *set, const char *repository)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (glob_match(set->items[i]->repository_glob, repository) &&
		    takes_every_tag(set->items[i]))
			return true;
	return false;
}

bool
policy_passes_artifacts(const struct policy_set *set, const char *repository)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		if (set->items[i]->artifacts_pass &&
		    glob_match(set->items[i]->repository_glob, repository))
			return true;
	return false;
}
