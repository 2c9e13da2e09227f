/* The keep and drop rules of a policy or a set. */
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"
#include "winnow/limits.h"
#include "winnow/mem.h"

static const struct yaml_key rule_keys[] = {
    {"package", YAML_STRING, true, "pkg packages name"},
};

void
policy_rules_clear(struct policy_rule *rules, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(rules[i].text);
		free(rules[i].origin);
		glob_free(rules[i].glob);
	}
	free(rules);
}

/* Makes room for one more; NULL past the limit. */
static struct policy_rule *
append(struct policy_rule **rules, size_t *count)
{
	if (*count == LIMIT_POLICY_RULES)
		return NULL;
	*rules = mem_realloc(*rules, *count + 1, sizeof(**rules));
	(*rules)[*count] = (struct policy_rule){.kind = POLICY_PATTERN};
	return &(*rules)[(*count)++];
}

void
policy_rules_copy(const struct policy_rule *from, size_t from_count,
    struct policy_rule **to, size_t *count)
{
	struct err e;
	size_t i;

	for (i = 0; i < from_count; i++) {
		struct policy_rule *rule = append(to, count);

		if (rule == NULL)
			return;
		*rule = from[i];
		rule->text = mem_strdup(from[i].text);
		rule->origin = mem_strdup(from[i].origin);
		rule->glob = NULL;
		/* It compiled before, so it does again. */
		if (rule->kind == POLICY_PATTERN)
			(void)glob_compile(rule->text, &rule->glob, NULL, &e);
	}
}

/* A name of dpkg ("libc6", "g++-12") or of apk ("libcrypto3", "py3-yaml"). */
static bool
is_package(const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "+-._:";

	return *s != '\0' && s[strspn(s, plain)] == '\0';
}

/* Reads one item into a rule; false when it is none, which is reported. */
static bool
read_rule(const struct yaml_doc *doc, const struct yaml_node *item,
    struct policy_rule *rule)
{
	const char *package;
	size_t column = 0;
	struct err e;

	if (item->type == YAML_STRING) {
		if (glob_compile(item->text, &rule->glob, &column, &e) == -1) {
			yaml_complain_inside(doc, item, column, e.message);
			return false;
		}
		rule->text = mem_strdup(item->text);
		return true;
	}
	if (!yaml_check_map(doc, item, rule_keys, 1))
		return false;
	package = yaml_get_string(item, "package");
	if (!is_package(package)) {
		yaml_complain(doc, yaml_get(item, "package", YAML_STRING),
		    "\"%s\" is not the name of a package", package);
		return false;
	}
	rule->kind = POLICY_PACKAGE;
	rule->text = mem_strdup(package);
	return true;
}

void
policy_rules_read(const struct policy_rule_source *from,
    const struct yaml_node *list, struct policy_rule **rules, size_t *count)
{
	const struct yaml_node *item;

	if (list == NULL)
		return;
	(void)yaml_check_items(from->doc, list, YAML_STRING | YAML_MAP);
	for (item = list->first; item != NULL; item = item->next) {
		struct policy_rule rule = {
		    .kind = POLICY_PATTERN, .from_set = from->from_set};
		struct policy_rule *slot;

		if ((item->type & (YAML_STRING | YAML_MAP)) == 0 ||
		    !read_rule(from->doc, item, &rule))
			continue;
		slot = append(rules, count);
		if (slot == NULL) {
			yaml_complain(from->doc, item, "more than %d rules",
			    LIMIT_POLICY_RULES);
			free(rule.text);
			glob_free(rule.glob);
			return;
		}
		rule.origin = mem_printf("%s:%u", from->origin, item->line);
		*slot = rule;
	}
}
