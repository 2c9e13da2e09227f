#include "variant_recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/json.h"
#include "winnow/layer_emit.h"
#include "winnow/layer_index.h"
#include "winnow/mem.h"

void
variant_recipe_init(struct variant_recipe *r, const struct config *c,
    const struct names_target *t, const struct digest *source)
{
	const struct policy *p = t->policy;
	auto_hash struct hash *h = hash_new();
	struct digest policy;
	char form[64];
	size_t i;

	r->source = *source;
	r->policy_file = mem_strdup(p->file);
	r->artifact_scope = p->artifacts_pass && t->pass_scope != NULL
	    ? mem_strdup(t->pass_scope)
	    : NULL;
	r->policy = policy_format(p, &r->policy_len);
	r->platforms = p->platform_count > 0 ? p->platforms : c->platforms;
	r->platform_count =
	    p->platform_count > 0 ? p->platform_count : c->platform_count;
	snprintf(form, sizeof(form), "variant %d %s", LAYER_INDEX_VERSION,
	    layer_emit_form());
	hash_update(h, form, strlen(form) + 1);
	hash_update(h, source->bytes, DIGEST_BYTES);
	policy_digest(p, &policy);
	hash_update(h, policy.bytes, DIGEST_BYTES);
	for (i = 0; i < r->platform_count; i++)
		hash_update(h, r->platforms[i], strlen(r->platforms[i]) + 1);
	hash_final(h, &r->key);
}

void
variant_recipe_clear(struct variant_recipe *r)
{
	free(r->policy);
	free(r->policy_file);
	free(r->artifact_scope);
	r->policy = r->policy_file = r->artifact_scope = NULL;
}

void
variant_recipe_copy(
    struct variant_recipe *to, const struct variant_recipe *from)
{
	size_t i;

	*to = *from;
	to->policy = mem_strndup(from->policy, from->policy_len);
	to->policy_file = mem_strdup(from->policy_file);
	to->artifact_scope = mem_strdup_optional(from->artifact_scope);
	to->platforms = mem_zalloc(from->platform_count, sizeof(char *));
	for (i = 0; i < from->platform_count; i++)
		to->platforms[i] = mem_strdup(from->platforms[i]);
}

void
variant_recipe_clear_copy(struct variant_recipe *r)
{
	mem_free_strings(r->platforms, r->platform_count);
	variant_recipe_clear(r);
}

char *
variant_recipe_format(const struct variant_recipe *r, const char *host,
    const char *repository, const struct digest *reports, size_t count)
{
	json_t *platforms = json_array(), *list = json_array();
	char report[DIGEST_TEXT];
	auto_json json_t *recipe = NULL;
	size_t i;

	for (i = 0; i < r->platform_count; i++)
		json_array_append_new(platforms, json_string(r->platforms[i]));
	for (i = 0; i < count; i++)
		json_array_append_new(
		    list, json_string(digest_format(&reports[i], report)));
	recipe = json_pack("{s:s, s:s, s:o, s:o}", "host", host, "repository",
	    repository, "platforms", platforms, "reports", list);
	return json_format(recipe, NULL);
}

void
variant_memory_clear(struct variant_memory *m)
{
	variant_recipe_clear(&m->recipe);
	mem_free_strings(m->platforms, m->platform_count);
	if (m->policy != NULL)
		policy_free(m->policy);
	json_decref(m->json);
	*m = (struct variant_memory){.json = NULL};
}

static int
read_platforms(struct variant_memory *m, struct err *e)
{
	json_t *list;
	size_t i;

	if (json_get_array(m->json, "platforms", JSON_REQUIRED, &list, e) == -1)
		return -1;
	m->platforms = mem_zalloc(json_array_size(list) + 1, sizeof(char *));
	for (i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text == NULL)
			return err_set(e, ERR_INVALID, "a platform is no text");
		m->platforms[m->platform_count++] = mem_strdup(text);
	}
	return 0;
}

static int
read_memory(
    struct variant_memory *m, const struct store_holder *from, struct err *e)
{
	if (json_parse_object(from->recipe, strlen(from->recipe), "the recipe",
		&m->json, e) == -1 ||
	    json_get_string(m->json, "host", JSON_REQUIRED, &m->host, e) ==
		-1 ||
	    json_get_string(m->json, "repository", JSON_REQUIRED,
		&m->repository, e) == -1 ||
	    read_platforms(m, e) == -1)
		return -1;
	if (from->policy == NULL)
		return err_set(e, ERR_INVALID, "the recipe has no policy");
	return policy_parse(from->policy, strlen(from->policy), &m->policy, e);
}

int
variant_memory_read(
    struct variant_memory *out, const struct store_holder *from, struct err *e)
{
	auto_variant_memory struct variant_memory m = {.json = NULL};
	struct names_target target = {.mode = NAMES_STRIP};
	struct config config = {.platform_count = 0};

	if (read_memory(&m, from, e) == -1)
		return -1;
	target.policy = m.policy;
	config.platforms = m.platforms;
	config.platform_count = m.platform_count;
	variant_recipe_init(&m.recipe, &config, &target, &from->source);
	*out = m;
	m = (struct variant_memory){.json = NULL};
	return 0;
}
