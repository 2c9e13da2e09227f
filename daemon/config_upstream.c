#include "config_upstream.h"

#include <string.h>

#include "winnow/mem.h"
#include "winnow/ref.h"

#define DOCKER_HOST "docker.io"
#define DOCKER_URL "https://registry-1.docker.io"
/* Each is tried when those before it failed, which takes its time. */
#define FALLBACKS_MAX 4

#define MEMBER(member) offsetof(struct config_upstream, member)

const struct config_member config_members[] = {
    {"url", CONFIG_MEMBER_URL, MEMBER(url), "address"},
    {"proxy", CONFIG_MEMBER_PROXY, MEMBER(proxy), NULL},
    {"ca_file", CONFIG_MEMBER_PATH, MEMBER(ca_file), "ca"},
    {"username", CONFIG_MEMBER_TEXT, MEMBER(username), "user"},
    {"password_file", CONFIG_MEMBER_PATH, MEMBER(password_file), "password"},
    {"docker_config", CONFIG_MEMBER_PATH, MEMBER(docker_config), "auth_file"},
    {"credential_helper", CONFIG_MEMBER_TEXT, MEMBER(credential_helper),
	"helper"},
};
const size_t config_member_count =
    sizeof(config_members) / sizeof(config_members[0]);

/* One entry of the map, while it is read. */
struct reader {
	const struct yaml_doc *doc;
	const char *path;
	const struct yaml_node *node;
	struct config_upstream *upstream;
};

char *
config_resolve_path(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');

	if (name[0] == '/' || slash == NULL)
		return mem_strdup(name);
	return mem_printf("%.*s%s", (int)(slash + 1 - path), path, name);
}

static char **
member_of(struct config_upstream *u, const struct config_member *m)
{
	return (char **)((char *)u + m->offset);
}

static struct config_upstream *
add_upstream(struct config *c, const char *host)
{
	struct config_upstream *u;

	c->upstreams = mem_realloc(
	    c->upstreams, c->upstream_count + 1, sizeof(*c->upstreams));
	u = &c->upstreams[c->upstream_count++];
	memset(u, 0, sizeof(*u));
	u->host = mem_strdup(host);
	return u;
}

/* True for SCHEME with something behind it that can be a host. */
static bool
has_scheme(const char *url, const char *scheme)
{
	size_t len = strlen(scheme);

	return strncmp(url, scheme, len) == 0 && url[len] != '\0' &&
	    url[len] != '/' && strpbrk(url + len, " @\"<>\\") == NULL;
}

static bool
is_registry_url(const char *url)
{
	return has_scheme(url, "https://") || has_scheme(url, "http://");
}

static bool
is_layout_url(const char *url)
{
	return strncmp(url, "oci:", 4) == 0 && url[4] != '\0';
}

static char *
read_url(const struct reader *r, const struct yaml_node *node)
{
	auto_free char *dir = NULL;

	if (is_registry_url(node->text))
		return mem_strdup(node->text);
	if (!is_layout_url(node->text)) {
		yaml_complain(r->doc, node,
		    "url must be https://HOST, http://HOST or oci:DIRECTORY");
		return mem_strdup(node->text);
	}
	dir = config_resolve_path(r->path, node->text + 4);
	return mem_printf("oci:%s", dir);
}

static void
check_proxy(const struct reader *r, const struct yaml_node *node)
{
	static const char *const schemes[] = {
	    "http://", "https://", "socks5://", "socks5h://"};
	size_t i;

	if (strcmp(node->text, "none") == 0)
		return;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (has_scheme(node->text, schemes[i]))
			return;
	yaml_complain(r->doc, node,
	    "proxy must be http://HOST:PORT, https://HOST:PORT, "
	    "socks5h://HOST:PORT or none");
}

static void
read_member(const struct reader *r, const struct config_member *m)
{
	const struct yaml_node *node = yaml_get(r->node, m->name, YAML_STRING);
	char **value = member_of(r->upstream, m);

	if (node == NULL)
		return;
	if (*node->text == '\0')
		yaml_complain(r->doc, node, "%s must not be empty", m->name);
	switch (m->type) {
	case CONFIG_MEMBER_PATH:
		*value = config_resolve_path(r->path, node->text);
		return;
	case CONFIG_MEMBER_URL:
		*value = read_url(r, node);
		return;
	case CONFIG_MEMBER_PROXY:
		check_proxy(r, node);
		break;
	case CONFIG_MEMBER_TEXT:
		break;
	}
	*value = mem_strdup(node->text);
}

static void
read_fallbacks(const struct reader *r)
{
	const struct yaml_node *list =
	    yaml_get(r->node, "fallbacks", YAML_LIST);
	struct config_upstream *u = r->upstream;
	const struct yaml_node *node;

	if (list == NULL)
		return;
	yaml_get_strings(
	    r->doc, r->node, "fallbacks", &u->fallbacks, &u->fallback_count);
	if (is_layout_url(u->url))
		yaml_complain(r->doc, list, "a layout has no fallbacks");
	if (u->fallback_count > FALLBACKS_MAX)
		yaml_complain(
		    r->doc, list, "at most %d fallbacks", FALLBACKS_MAX);
	for (node = list->first; node != NULL; node = node->next)
		if (node->type == YAML_STRING && !is_registry_url(node->text))
			yaml_complain(r->doc, node,
			    "a fallback must be https://HOST or http://HOST");
}

/* There is one way to a password, or none. */
static void
check_credentials(const struct reader *r)
{
	const struct config_upstream *u = r->upstream;

	if ((u->username == NULL) != (u->password_file == NULL))
		yaml_complain(r->doc, r->node,
		    "username and password_file must be given together");
	if ((u->username != NULL) + (u->docker_config != NULL) +
		(u->credential_helper != NULL) >
	    1)
		yaml_complain(r->doc, r->node,
		    "give one of username with password_file, docker_config "
		    "and credential_helper");
}

static void
read_upstream(const struct reader *r, struct config *c)
{
	struct yaml_key
	    keys[sizeof(config_members) / sizeof(config_members[0]) + 1];
	struct reader own = *r;
	const char *host = r->node->key->text;
	size_t i;

	for (i = 0; i < config_member_count; i++)
		keys[i] = (struct yaml_key){config_members[i].name, YAML_STRING,
		    i == 0, config_members[i].synonyms};
	keys[i] = (struct yaml_key){"fallbacks", YAML_LIST, false, "mirrors"};
	if (!ref_is_host(host))
		yaml_complain(r->doc, r->node->key,
		    "\"%s\" is not the name of a host", host);
	if (!yaml_check_map(r->doc, r->node, keys, i + 1))
		return;
	own.upstream = add_upstream(c, host);
	for (i = 0; i < config_member_count; i++)
		read_member(&own, &config_members[i]);
	read_fallbacks(&own);
	check_credentials(&own);
}

void
config_read_upstreams(const struct yaml_doc *doc, const struct yaml_node *map,
    const char *path, struct config *c)
{
	struct reader r = {.doc = doc, .path = path};

	if (map == NULL)
		return;
	(void)yaml_check_items(doc, map, YAML_MAP);
	for (r.node = map->first; r.node != NULL; r.node = r.node->next)
		if (r.node->type == YAML_MAP)
			read_upstream(&r, c);
}

void
config_default_upstream(struct config *c)
{
	if (config_find_upstream(c, DOCKER_HOST) == NULL)
		add_upstream(c, DOCKER_HOST)->url = mem_strdup(DOCKER_URL);
}

const struct config_upstream *
config_find_upstream(const struct config *c, const char *host)
{
	size_t i;

	for (i = 0; i < c->upstream_count; i++)
		if (strcmp(c->upstreams[i].host, host) == 0)
			return &c->upstreams[i];
	return NULL;
}

void
config_upstreams_clear(struct config *c)
{
	size_t i, j;

	for (i = 0; i < c->upstream_count; i++) {
		struct config_upstream *u = &c->upstreams[i];

		free(u->host);
		for (j = 0; j < config_member_count; j++)
			free(*member_of(u, &config_members[j]));
		for (j = 0; j < u->fallback_count; j++)
			free(u->fallbacks[j]);
		free(u->fallbacks);
	}
	free(c->upstreams);
}
