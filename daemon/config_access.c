#include <string.h>

#include "access.h"
#include "config_reader.h"
#include "winnow/mem.h"

/* In front of a group's name in a list of users. */
#define GROUP_MARK '@'

static void
add_user(struct config_rule *rule, const char *user)
{
	rule->users = mem_realloc(
	    rule->users, rule->user_count + 1, sizeof(*rule->users));
	rule->users[rule->user_count++] = mem_strdup(user);
}

/* The members of a group, in place of its name. */
static void
add_group(const struct config_reader *r, const struct yaml_node *name,
    struct config_rule *rule)
{
	const struct yaml_node *groups = yaml_get(r->root, "groups", YAML_MAP);
	const struct yaml_node *list =
	    groups == NULL ? NULL : yaml_get(groups, name->text + 1, YAML_LIST);
	const struct yaml_node *node;

	if (list == NULL) {
		yaml_complain(r->doc, name,
		    "there is no group \"%s\" in groups", name->text + 1);
		return;
	}
	for (node = list->first; node != NULL; node = node->next)
		if (node->type == YAML_STRING)
			add_user(rule, node->text);
}

static void
read_users(const struct config_reader *r, const struct yaml_node *map,
    struct config_rule *rule)
{
	const struct yaml_node *node = yaml_get(map, "users", YAML_LIST);

	rule->everybody = node == NULL;
	if (node != NULL)
		(void)yaml_check_items(r->doc, node, YAML_STRING);
	for (node = node == NULL ? NULL : node->first; node != NULL;
	     node = node->next) {
		if (node->type != YAML_STRING)
			continue;
		if (node->text[0] == GROUP_MARK)
			add_group(r, node, rule);
		else
			add_user(rule, node->text);
	}
}

static void
read_rule(const struct config_reader *r, const struct yaml_node *map,
    struct config *c)
{
	static const struct yaml_key keys[] = {
	    {"users", YAML_LIST, false, "user who groups"},
	    {"pull", YAML_LIST, true, "repositories repository allow"},
	};
	struct config_rule *rule;
	const struct yaml_node *node;
	struct err e;

	if (!yaml_check_map(r->doc, map, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	c->access.rules = mem_realloc(c->access.rules, c->access.rule_count + 1,
	    sizeof(*c->access.rules));
	rule = &c->access.rules[c->access.rule_count++];
	memset(rule, 0, sizeof(*rule));
	read_users(r, map, rule);
	yaml_get_strings(r->doc, map, "pull", &rule->pull, &rule->pull_count);
	node = yaml_get(map, "pull", YAML_LIST);
	for (node = node->first; node != NULL; node = node->next)
		if (node->type == YAML_STRING &&
		    access_check_pattern(node->text, c->default_upstream,
			c->original_prefix, &e) == -1)
			yaml_complain(r->doc, node, "%s", e.message);
}

void
config_read_access(const struct config_reader *r, const struct yaml_node *list,
    struct config *c)
{
	const struct yaml_node *node;

	if (list == NULL)
		return;
	c->access.has_rules = true;
	(void)yaml_check_items(r->doc, list, YAML_MAP);
	for (node = list->first; node != NULL; node = node->next)
		if (node->type == YAML_MAP)
			read_rule(r, node, c);
}

/* Groups are read with the rules that name them. */
void
config_check_groups(const struct config_reader *r, const struct yaml_node *map)
{
	const struct yaml_node *node;

	if (map == NULL)
		return;
	(void)yaml_check_items(r->doc, map, YAML_LIST);
	for (node = map->first; node != NULL; node = node->next)
		if (node->type == YAML_LIST)
			(void)yaml_check_items(r->doc, node, YAML_STRING);
}

void
config_clear_access(struct config_access *access)
{
	size_t i;

	for (i = 0; i < access->rule_count; i++) {
		mem_free_strings(
		    access->rules[i].users, access->rules[i].user_count);
		mem_free_strings(
		    access->rules[i].pull, access->rules[i].pull_count);
	}
	free(access->rules);
	*access = (struct config_access){.rules = NULL};
}

void
config_print_access(const struct config_access *access, FILE *out)
{
	size_t i;

	if (access->rule_count == 0) {
		fputs(access->has_rules ? "[]" : "", out);
		return;
	}
	for (i = 0; i < access->rule_count; i++) {
		const struct config_rule *rule = &access->rules[i];

		fputs("\n  - pull: ", out);
		config_print_strings(rule->pull, rule->pull_count, out);
		if (rule->everybody)
			continue;
		fputs("\n    users: ", out);
		config_print_strings(rule->users, rule->user_count, out);
	}
}
