#include "access_settings.h"

#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"

static json_t *
list_rules(const struct config_access *access)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < access->rule_count; i++) {
		const struct config_rule *rule = &access->rules[i];
		json_t *item = json_object();

		json_put(item, "pull",
		    json_escaped_all(rule->pull, rule->pull_count));
		if (!rule->everybody)
			json_put(item, "users",
			    json_escaped_all(rule->users, rule->user_count));
		json_push(list, item);
	}
	return list;
}

int
access_settings_write(const struct config *c, int *out, struct err *e)
{
	auto_json json_t *body =
	    json_pack("{s:b, s:b, s:s, s:s}", "passwords", c->htpasswd != NULL,
		"certificates", c->tls.client_ca != NULL, "default_upstream",
		c->default_upstream, "original_prefix", c->original_prefix);
	auto_free char *text = NULL;
	auto_fd int fd = -1;
	size_t len;

	if (c->access.has_rules)
		json_put(body, "rules", list_rules(&c->access));
	text = json_format(body, &len);
	if (fsutil_open_memory("access", &fd, e) == -1 ||
	    fsutil_write_all(fd, text, len, e) == -1 ||
	    fsutil_seal_memory(fd, e) == -1)
		return -1;
	*out = steal_fd(&fd);
	return 0;
}
