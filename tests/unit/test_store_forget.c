/* store: what was evicted long ago is forgotten, and what must not be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store_fixture.h"
#include "winnow/mem.h"

/* A manifest with one layer, reachable in `scope`; and its bytes. */
static struct digest
publish(struct store *s, const char *scope, const char *text, const char *layer)
{
	struct store_manifest row = {"type", strlen(text)};
	struct digest m = add(s, text), l = add(s, layer);

	store_put_manifest(s, scope, &m, &row);
	store_put_reach(s, scope, &l, strlen(layer));
	store_put_holds(s, &m, &l);
	return m;
}

static bool
keeps_all(void *arg, const char *scope, const struct store_holder *variant)
{
	(void)arg;
	(void)scope;
	return variant != NULL;
}

/* Forgets all that is evicted by now. */
static void
forget(struct store *s,
    bool (*keeps)(
	void *arg, const char *scope, const struct store_holder *variant))
{
	struct store_forget f = {
	    .before_us = store_now() + 1, .max = 4, .keeps = keeps};

	while (store_forget(s, &f))
		f.before_us = store_now() + 1;
}

static bool
reaches(struct store *s, const char *scope, const char *layer)
{
	struct digest d;
	uint64_t size;

	digest_of(layer, strlen(layer), &d);
	return store_get_reach(s, scope, &d, &size);
}

/* Tags that move for ever, in a store that has room for none of it. */
static void
test_cycles_do_not_grow(void **state)
{
	struct store *s = open_store();
	int cycle, i, rows = 0;

	(void)state;
	for (cycle = 0; cycle < 4; cycle++) {
		for (i = 0; i < 10; i++) {
			auto_free char *text = mem_printf("m %d %d", cycle, i);
			auto_free char *layer = mem_printf("l %d %d", cycle, i);
			struct digest l, m;

			m = publish(s, "original:a/b", text, layer);
			digest_of(layer, strlen(layer), &l);
			store_put_child(s, "original:a/b", &m);
			store_put_holds(s, &l, &m);
			evict(s, &m);
			evict(s, &l);
		}
		if (cycle == 0)
			assert_int_equal(count_rows("manifest"), 10);
		forget(s, keeps_all);
		if (cycle == 0)
			rows = count_rows("manifest") + count_rows("reach");
		assert_int_equal(
		    count_rows("manifest") + count_rows("reach"), rows);
		assert_int_equal(rows, 0);
	}
	store_close(s);
}

static void
test_shared_blobs_stay(void **state)
{
	struct store *s = open_store();
	struct digest a = publish(s, "a", "one", "base");
	struct digest b = publish(s, "a", "two", "base");
	struct digest c = publish(s, "b", "one", "base");

	(void)state;
	assert_true(digest_equal(&a, &c));
	forget(s, keeps_none);
	assert_int_equal(count_rows("manifest"), 3);
	evict(s, &a);
	forget(s, keeps_none);
	/* Of the other manifest in the scope; of nothing in the other. */
	assert_true(reaches(s, "a", "base"));
	assert_false(reaches(s, "b", "base"));
	evict(s, &b);
	forget(s, keeps_none);
	assert_false(reaches(s, "a", "base"));
	assert_int_equal(count_rows("holds"), 0);
	store_close(s);
}

/* Evicted lately, or come back: nothing of it is forgotten. */
static void
test_only_what_was_long_ago(void **state)
{
	struct store *s = open_store();
	struct store_forget f = {
	    .before_us = store_now(), .max = 4, .keeps = keeps_none};
	struct digest m = publish(s, "a", "one", "base");

	(void)state;
	evict(s, &m);
	assert_false(store_forget(s, &f));
	assert_true(reaches(s, "a", "base"));
	add(s, "one");
	forget(s, keeps_none);
	assert_true(reaches(s, "a", "base"));
	store_close(s);
}

/* An index over one image, as the variant of a source. */
static void
publish_variant(struct store *s, struct digest *index, struct digest *image)
{
	struct store_manifest row = {"index", 5};
	struct store_variant variant = {
	    .recipe = "{\"how\":1}", .policy = "{\"keep\":[]}"};

	*image = publish(s, "v", "image", "layer");
	*index = add(s, "index");
	digest_of("source", 6, &variant.source);
	variant.digest = *index;
	store_put_manifest(s, "v", index, &row);
	store_put_holds(s, index, image);
	store_put_map(s, "v", &variant.source, index);
	store_put_variant(s, &variant.source, "v", &variant);
}

static void
test_variants_stay_known(void **state)
{
	struct store *s = open_store();
	struct digest index, image, source;
	struct store_manifest row;
	auto_store_holder struct store_holder h = {.recipe = NULL};

	(void)state;
	publish_variant(s, &index, &image);
	evict(s, &index);
	evict(s, &image);
	forget(s, keeps_all);
	/* What the digest means, by both manifests; not what they refer to. */
	assert_true(store_knows_manifest(s, "v", &index));
	assert_true(store_knows_manifest(s, "v", &image));
	assert_false(store_get_manifest(s, "v", &index, &row));
	assert_false(store_get_manifest(s, "v", &image, &row));
	assert_false(reaches(s, "v", "layer"));
	assert_true(store_get_map_source(s, "v", &index, &source));
	assert_true(store_find_holder(s, "v", &image, takes_first, &h));
	assert_true(digest_equal(&h.digest, &index));
	assert_string_equal(h.recipe, "{\"how\":1}");
	assert_string_equal(h.policy, "{\"keep\":[]}");
	/* Known in no other scope. */
	assert_false(store_knows_manifest(s, "w", &index));
	/* Not even when only the bytes are back, for another scope. */
	add(s, "index");
	assert_false(store_get_manifest(s, "v", &index, &row));
	/* Built again, all is there again. */
	publish_variant(s, &index, &image);
	assert_true(store_get_manifest(s, "v", &index, &row));
	assert_true(reaches(s, "v", "layer"));
	assert_int_equal(count_rows("manifest"), 2);
	store_close(s);
}

/* What nobody could build again goes, though its digest was kept at first. */
static void
test_hopeless_variants_go(void **state)
{
	struct store *s = open_store();
	struct digest index, image, layer;

	(void)state;
	publish_variant(s, &index, &image);
	digest_of("layer", 5, &layer);
	evict(s, &index);
	evict(s, &image);
	evict(s, &layer);
	forget(s, keeps_all);
	assert_int_equal(count_rows("variant"), 1);
	usleep(10);
	forget(s, keeps_none);
	assert_int_equal(count_rows(NULL), 0);
	store_close(s);
}

static void
put_tag(struct store *s, const char *tag, const char *source)
{
	struct store_tag row = {.checked_ms = 1000};
	struct err e;

	digest_of(source, strlen(source), &row.source);
	assert_int_equal(store_put_tag(s, "t", tag, &row, &e), 0);
}

static void
test_tags_without_images_go(void **state)
{
	struct store *s = open_store();
	struct digest index, image;
	struct store_tag row;

	(void)state;
	publish_variant(s, &index, &image);
	add(s, "here");
	put_tag(s, "gone", "nowhere");
	put_tag(s, "original", "here");
	put_tag(s, "variant", "source");
	forget(s, keeps_all);
	assert_false(store_get_tag(s, "t", "gone", &row));
	assert_true(store_get_tag(s, "t", "original", &row));
	assert_true(store_get_tag(s, "t", "variant", &row));
	evict(s, &index);
	forget(s, keeps_all);
	assert_false(store_get_tag(s, "t", "variant", &row));
	store_close(s);
}

static void
test_indexes_and_derived_layers(void **state)
{
	struct store *s = open_store();
	struct store_derived derived = {.size = 1};
	struct store_forget f = {.max = 4, .keeps = keeps_all};
	struct digest layer, blob = add(s, "derived");
	auto_free char *path = NULL;
	char hex[DIGEST_TEXT];
	struct err e;
	int fd;

	(void)state;
	digest_of("layer", 5, &layer);
	path = mem_printf("%s/index/%.2s/%s", store_directory(),
	    digest_format_hex(&layer, hex), hex);
	assert_int_equal(store_open_unlinked(s, &fd, &e), 0);
	assert_int_equal(store_add_index(s, fd, &layer, &e), 0);
	close(fd);
	derived.digest = derived.diff_id = blob;
	assert_int_equal(store_put_derived(s, &layer, &derived, &e), 0);
	evict(s, &blob);
	assert_false(store_get_derived(s, &layer, &derived));
	f.before_us = store_now() - 1000 * 1000;
	assert_false(store_forget(s, &f));
	assert_int_equal(access(path, F_OK), 0);
	forget(s, keeps_all);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_open_index(s, &layer, &fd, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
	assert_int_equal(count_rows(NULL), 0);
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(test_cycles_do_not_grow),
	    STORE_TEST(test_shared_blobs_stay),
	    STORE_TEST(test_only_what_was_long_ago),
	    STORE_TEST(test_variants_stay_known),
	    STORE_TEST(test_hopeless_variants_go),
	    STORE_TEST(test_tags_without_images_go),
	    STORE_TEST(test_indexes_and_derived_layers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
