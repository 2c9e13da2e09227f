/* store: what is remembered of variants, and what of it they share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "winnow/mem.h"

#define SCOPE "docker.io/library/postgres"

/* As variant_recipe_format() writes it for an image of one platform. */
static const char recipe[] =
    "{\"host\":\"docker.io\",\"platforms\":[\"linux/amd64\"],\"reports\":["
    "\"sha256:0123456789012345678901234567890123456789012345678901234567890123"
    "\"],\"repository\":\"library/postgres\"}";

/* A variant of the source `name`, whose manifest is not here. */
static void
put_variant(struct store *s, const char *name, const char *policy)
{
	struct store_manifest row = {
	    "application/vnd.oci.image.manifest.v1+json", 1234};
	auto_free char *bytes = mem_printf("variant of %s", name);
	struct store_variant variant = {.recipe = recipe, .policy = policy};
	struct digest key;

	digest_of(bytes, strlen(bytes), &variant.digest);
	digest_of(name, strlen(name), &variant.source);
	digest_of(bytes + 1, strlen(bytes + 1), &key);
	store_put_manifest(s, SCOPE, &variant.digest, &row);
	store_put_map(s, SCOPE, &variant.source, &variant.digest);
	store_put_variant(s, &key, SCOPE, &variant);
}

/* Of the variant of a source; the caller frees it. */
static char *
find_policy(struct store *s, const char *name)
{
	auto_free char *bytes = mem_printf("variant of %s", name);
	struct store_holder h;
	struct digest d;

	digest_of(bytes, strlen(bytes), &d);
	assert_true(store_find_holder(s, SCOPE, &d, takes_first, &h));
	assert_string_equal(h.recipe, recipe);
	free(h.recipe);
	return h.policy;
}

static bool
keeps_all(void *arg, const char *scope, const struct store_holder *variant)
{
	(void)arg;
	(void)scope;
	(void)variant;
	return true;
}

static bool
keeps_policy_a(void *arg, const char *scope, const struct store_holder *variant)
{
	(void)arg;
	(void)scope;
	return variant != NULL && strcmp(variant->policy, "policy A") == 0;
}

/* As if all had been evicted long ago. */
static void
forget(struct store *s,
    bool (*keeps)(
	void *arg, const char *scope, const struct store_holder *variant))
{
	struct store_forget f = {.max = 16, .keeps = keeps};

	change_database("UPDATE manifest SET evicted = 1");
	f.before_us = store_now();
	while (store_forget(s, &f))
		;
}

/* A policy's text is there once, for as long as a variant needs it. */
static void
test_policies_are_shared(void **state)
{
	struct store *s = open_store();
	auto_free char *first = NULL, *second = NULL, *third = NULL;

	(void)state;
	put_variant(s, "one", "policy A");
	put_variant(s, "two", "policy A");
	put_variant(s, "three", "policy B");
	assert_int_equal(count_rows("policy"), 2);
	forget(s, keeps_all);
	assert_int_equal(count_rows("policy"), 2);
	store_close(s);
	s = open_store();
	first = find_policy(s, "one");
	second = find_policy(s, "two");
	third = find_policy(s, "three");
	assert_string_equal(first, "policy A");
	assert_string_equal(second, "policy A");
	assert_string_equal(third, "policy B");
	store_close(s);
}

static void
test_policies_go_with_their_variants(void **state)
{
	struct store *s = open_store();
	struct err e;

	(void)state;
	put_variant(s, "one", "policy A");
	put_variant(s, "two", "policy A");
	put_variant(s, "three", "policy B");
	/* Made again with other remarks, which are no part of the key. */
	put_variant(s, "three", "policy B, edited");
	forget(s, keeps_all);
	assert_int_equal(count_rows("variant"), 3);
	assert_int_equal(count_rows("policy"), 2);
	forget(s, keeps_policy_a);
	assert_int_equal(count_rows("variant"), 2);
	assert_int_equal(count_rows("policy"), 1);
	assert_int_equal(store_forget_variants(s, "elsewhere", &e), 0);
	assert_int_equal(count_rows("policy"), 1);
	assert_int_equal(store_forget_variants(s, SCOPE, &e), 0);
	assert_int_equal(count_rows("policy"), 0);
	store_close(s);
}

/* What an artifact was let through by is not built again. */
static void
test_variant_without_policy(void **state)
{
	struct store *s = open_store();
	auto_free char *policy = NULL;

	(void)state;
	put_variant(s, "artifact", NULL);
	policy = find_policy(s, "artifact");
	assert_null(policy);
	assert_int_equal(count_rows("policy"), 0);
	store_close(s);
}

/* Pages of the database with anything in them, in bytes. */
static long
used_bytes(void)
{
	return ask_database("PRAGMA page_size") *
	    (ask_database("PRAGMA page_count") -
		ask_database("PRAGMA freelist_count"));
}

/* What a variant costs for as long as it can be built again. */
static void
test_recipes_are_small(void **state)
{
	/* The policy is as long as that of postgres; the rest of a variant's
	 * rows and indexes is about 1.2 KB. */
	enum { COUNT = 300, POLICY = 5400, COST_MAX = 1500 };
	auto_free char *policy = mem_zalloc(POLICY + 1, 1);
	struct store *s = open_store();
	long before = used_bytes(), cost;
	struct err e;
	int i;

	(void)state;
	memset(policy, 'p', POLICY);
	store_begin(s);
	for (i = 0; i < COUNT; i++) {
		auto_free char *name = mem_printf("source %d", i);

		put_variant(s, name, policy);
	}
	assert_int_equal(store_commit(s, &e), 0);
	forget(s, keeps_all);
	assert_int_equal(count_rows("variant"), COUNT);
	cost = (used_bytes() - before) / COUNT;
	print_message("[  bytes ] of each variant: %ld\n", cost);
	assert_in_range(cost, 500, COST_MAX);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_policies_are_shared),
	    STORE_TEST(test_policies_go_with_their_variants),
	    STORE_TEST(test_variant_without_policy),
	    STORE_TEST(test_recipes_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
