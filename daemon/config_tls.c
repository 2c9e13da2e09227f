#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config_reader.h"
#include "config_upstream.h"
#include "listen_address.h"
#include "winnow/mem.h"
#include "winnow/ref.h"

/* A certificate with more names is a mistake. */
#define AUTO_NAMES_MAX 64

/* --- reading --- */

static void
read_certificate(const struct config_reader *r, const struct yaml_node *node,
    struct config_tls *tls)
{
	static const struct yaml_key keys[] = {
	    {"chain", YAML_STRING, true, "certificate cert crt pem"},
	    {"key", YAML_STRING, true, "private"},
	};
	struct config_certificate *c;

	if (!yaml_check_map(r->doc, node, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	tls->certificates = mem_realloc(tls->certificates,
	    tls->certificate_count + 1, sizeof(*tls->certificates));
	c = &tls->certificates[tls->certificate_count++];
	c->chain = config_resolve_path(r->path, yaml_get_string(node, "chain"));
	c->key = config_resolve_path(r->path, yaml_get_string(node, "key"));
}

/* True for a host name or an address, without a port. */
static bool
is_subject(const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET6, name, address) == 1 ||
	    (strchr(name, ':') == NULL && name[0] != '[' && ref_is_host(name));
}

static void
read_auto(const struct config_reader *r, const struct yaml_node *map,
    struct config_tls *tls)
{
	const struct yaml_node *list = yaml_get(map, "auto", YAML_LIST), *node;

	if (list == NULL)
		return;
	yaml_get_strings(
	    r->doc, map, "auto", &tls->auto_names, &tls->auto_count);
	if (tls->auto_count == 0 || tls->auto_count > AUTO_NAMES_MAX)
		yaml_complain(r->doc, list, "auto must have 1 to %d names",
		    AUTO_NAMES_MAX);
	for (node = list->first; node != NULL; node = node->next)
		if (node->type == YAML_STRING && !is_subject(node->text))
			yaml_complain(r->doc, node,
			    "\"%s\" is not a host name or an address",
			    node->text);
}

static void
read_clients(const struct config_reader *r, const struct yaml_node *map,
    struct config_tls *tls)
{
	const char *ca = yaml_get_string(map, "client_ca");
	const char *mode = yaml_get_string(map, "client_certificate");

	if (ca != NULL)
		tls->client_ca = config_resolve_path(r->path, ca);
	if (mode == NULL)
		return;
	tls->client_required = strcmp(mode, "required") == 0;
	if (!tls->client_required && strcmp(mode, "optional") != 0)
		yaml_complain(r->doc,
		    yaml_get(map, "client_certificate", YAML_STRING),
		    "client_certificate must be optional or required");
	if (ca == NULL)
		yaml_complain(r->doc,
		    yaml_get(map, "client_certificate", YAML_STRING),
		    "client_certificate needs client_ca, the authority of "
		    "clients");
}

void
config_read_tls(const struct config_reader *r, const struct yaml_node *map,
    struct config_tls *tls)
{
	static const struct yaml_key keys[] = {
	    {"certificates", YAML_LIST, false, "certificate cert"},
	    {"auto", YAML_LIST, false, "names"},
	    {"client_ca", YAML_STRING, false, "ca"},
	    {"client_certificate", YAML_STRING, false, "client"},
	};
	const struct yaml_node *list, *node;

	if (map == NULL ||
	    !yaml_check_map(r->doc, map, keys, sizeof(keys) / sizeof(keys[0])))
		return;
	list = yaml_get(map, "certificates", YAML_LIST);
	if (list != NULL)
		(void)yaml_check_items(r->doc, list, YAML_MAP);
	for (node = list == NULL ? NULL : list->first; node != NULL;
	     node = node->next)
		if (node->type == YAML_MAP)
			read_certificate(r, node, tls);
	read_auto(r, map, tls);
	read_clients(r, map, tls);
}

/* What no key of `tls` can say alone. */
void
config_check_tls(const struct config_reader *r, const struct config *c)
{
	const struct yaml_node *node = yaml_get(r->root, "listen", YAML_LIST);
	struct listen_address address;
	struct err e;

	if (c->tls.certificate_count > 0 || c->tls.auto_count > 0)
		return;
	for (node = node == NULL ? NULL : node->first; node != NULL;
	     node = node->next)
		if (node->type == YAML_STRING &&
		    listen_address_parse(node->text, &address, &e) == 0 &&
		    address.tls)
			yaml_complain(r->doc, node,
			    "\"%s\" needs a certificate: tls.certificates, or "
			    "tls.auto for one that winnow makes",
			    node->text);
}

void
config_clear_tls(struct config_tls *tls)
{
	size_t i;

	for (i = 0; i < tls->certificate_count; i++) {
		free(tls->certificates[i].chain);
		free(tls->certificates[i].key);
	}
	free(tls->certificates);
	mem_free_strings(tls->auto_names, tls->auto_count);
	free(tls->client_ca);
	*tls = (struct config_tls){.certificates = NULL};
}

/* --- printing --- */

void
config_print_tls(const struct config_tls *tls, FILE *out)
{
	size_t i;

	if (tls->certificate_count == 0 && tls->auto_count == 0 &&
	    tls->client_ca == NULL) {
		fputs("{}", out);
		return;
	}
	if (tls->certificate_count > 0)
		fputs("\n  certificates:", out);
	for (i = 0; i < tls->certificate_count; i++) {
		fputs("\n    - chain: ", out);
		config_print_quoted(tls->certificates[i].chain, out);
		fputs("\n      key: ", out);
		config_print_quoted(tls->certificates[i].key, out);
	}
	if (tls->auto_count > 0) {
		fputs("\n  auto: ", out);
		config_print_strings(tls->auto_names, tls->auto_count, out);
	}
	if (tls->client_ca == NULL)
		return;
	fputs("\n  client_ca: ", out);
	config_print_quoted(tls->client_ca, out);
	fprintf(out, "\n  client_certificate: %s",
	    tls->client_required ? "required" : "optional");
}
