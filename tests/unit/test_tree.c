/* tree: merging layers, hard links, canonical order, resolving paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "winnow/limits.h"
#include "winnow/path.h"
#include "winnow/tree.h"

#define LAYERS_MAX 4

/*
 * One layer as text, entries separated by spaces: "d/" directory, "f" file,
 * "l->t" symbolic link, "h=>t" hard link, "-f" whiteout, "!d" opaque marker,
 * "%c" a 0:0 character device.  "." is the root.
 */
static void
add_item(struct layer_index *x, const char *item, size_t len)
{
	struct layer_entry *entry = layer_index_add(x);
	char *s = arena_strndup(x->arena, item, len), *arrow;

	entry->ordinal = x->count - 1;
	entry->path = s;
	if (s[0] == '-' || s[0] == '!' || s[0] == '%') {
		entry->type = s[0] == '-' ? ENTRY_WHITEOUT
		    : s[0] == '!'         ? ENTRY_OPAQUE
					  : ENTRY_CHARDEV;
		entry->path++;
	} else if ((arrow = strstr(s, "->")) != NULL ||
	    (arrow = strstr(s, "=>")) != NULL) {
		entry->type = *arrow == '-' ? ENTRY_SYMLINK : ENTRY_HARDLINK;
		*arrow = '\0';
		entry->link = arrow + 2;
	} else if (s[len - 1] == '/' || strcmp(s, ".") == 0) {
		entry->type = ENTRY_DIRECTORY;
		s[len - 1] = '\0';
	} else {
		entry->type = ENTRY_FILE;
	}
}

static struct layer_index *
make_layer(const char *text)
{
	struct layer_index *x = layer_index_new();

	while (*text != '\0') {
		size_t len = strcspn(text, " ");

		if (len > 0)
			add_item(x, text, len);
		text += len + (text[len] == ' ');
	}
	return x;
}

struct image {
	struct layer_index *layers[LAYERS_MAX];
	struct tree *t;
};

static int
image_build(
    struct image *image, const char *const texts[LAYERS_MAX], struct err *e)
{
	size_t i;
	int r = 0;

	memset(image, 0, sizeof(*image));
	image->t = tree_new();
	for (i = 0; i < LAYERS_MAX && texts[i] != NULL && r == 0; i++) {
		image->layers[i] = make_layer(texts[i]);
		r = tree_add_layer(image->t, image->layers[i], e);
	}
	if (r == 0)
		tree_finish(image->t);
	return r;
}

static void
image_clear(struct image *image)
{
	size_t i;

	tree_free(image->t);
	for (i = 0; i < LAYERS_MAX; i++)
		if (image->layers[i] != NULL)
			layer_index_free(image->layers[i]);
}

/*
 * The tree as text: "path/:layer" of directories, with "*" for those
 * without an entry and "<layer" for each older version; "path:layer.ordinal"
 * of others, with "xN" for N names.
 */
static void
print_tree(const struct tree *t, struct strbuf *out)
{
	auto_strbuf struct strbuf path;
	uint32_t i;

	strbuf_init(&path, LIMIT_PATH);
	for (i = 1; i < tree_count(t); i++) {
		const struct tree_node *n = tree_at(t, i);
		const struct tree_version *v;

		assert_int_equal(n->number, i);
		tree_node_path(n, &path);
		strbuf_add_format(
		    out, "%s%s", i > 1 ? " " : "", strbuf_string(&path));
		if (n->entry == NULL)
			strbuf_add_string(out, "/*");
		else if (n->entry->type == ENTRY_DIRECTORY)
			strbuf_add_format(out, "/:%u", n->layer);
		else
			strbuf_add_format(
			    out, ":%u.%u", n->layer, n->entry->ordinal);
		for (v = n->older; v != NULL; v = v->older)
			strbuf_add_format(out, "<%u", v->layer);
		if (n->links != 1)
			strbuf_add_format(out, "x%u", n->links);
	}
}

static const struct {
	const char *layers[LAYERS_MAX];
	const char *tree;
} merges[] = {
    /* Order: a directory directly before what it holds, bytes unsigned. */
    {{"a-b a/ a/z a/b/ a/b/c ab \xff"},
	"a/:0 a/b/:0 a/b/c:0.4 a/z:0.2 a-b:0.0 ab:0.5 \xff:0.6"},
    {{""}, ""},
    {{"a/b/c"}, "a/* a/b/* a/b/c:0.0"},
    /* The last entry of a path wins. */
    {{"a a"}, "a:0.1"},
    {{"a/ a/f a"}, "a:0.2"},
    {{"a a/ a/f"}, "a/:0 a/f:0.2"},
    {{"a/f a/ a/"}, "a/:0 a/f:0.0"},
    {{"a/ a/f a a/ a/g"}, "a/:0 a/g:0.4"},
    /* Upper over lower. */
    {{"a/ a/f", "a/ a/g", "a/"}, "a/:2<1<0 a/f:0.1 a/g:1.1"},
    {{"a/f", "a/"}, "a/:1 a/f:0.0"},
    {{"a/", "a/f"}, "a/:0 a/f:1.0"},
    {{"a/ a/f", "a"}, "a:1.0"},
    {{"a", "a/ a/f"}, "a/:1 a/f:1.1"},
    {{"a/ a/f", "a", "a/ a/g"}, "a/:2 a/g:2.1"},
    {{"a", "a/f"}, "a/* a/f:1.0"},
    {{"f g", "f->g"}, "f:1.0 g:0.1"},
    {{".", "."}, ""},
    /* Whiteouts and opaque markers hide lower layers, in any order. */
    {{"f g", "-f"}, "g:0.1"},
    {{"f", "-f f"}, "f:1.1"},
    {{"f", "f -f"}, "f:1.0"},
    {{"a/ a/f", "-a a/ a/g"}, "a/:1 a/g:1.2"},
    {{"a/ a/f", "a/ a/g -a"}, "a/:1 a/g:1.1"},
    {{"a/ a/f", "-a"}, ""},
    {{"a/ a/f", "-a", "a/"}, "a/:2"},
    {{"a/f a/b/g", "a/h !a"}, "a/* a/h:1.0"},
    {{"a/ a/f", "!a a/"}, "a/:1<0"},
    {{"a/f", "!a", "a/f"}, "a/* a/f:2.0"},
    {{"f a/g", "! h"}, "h:1.1"},
    {{"", "-no/f"}, "no/*"},
    {{"", "!no/dir"}, "no/* no/dir/*"},
    {{"f g", "%f"}, "g:0.1"},
    {{"f", "-x -f/y"}, "f/*"},
    {{"a/b/c", "-a/b/c -a"}, ""},
    {{"a/b/c", "-a -a/b/c"}, ""},
    {{"a/b/c", "!a/b -a"}, ""},
    {{"a/b", "!a -a"}, ""},
    {{"a/b/c", "-a/b/c -a a/d"}, "a/* a/d:1.2"},
    {{"ab/c d", "-a -ab/c"}, "ab/* d:0.1"},
    {{"l->a a/b", "-a -l/b"}, "l/*"},
    /* A parent that is a link: of this layer followed, of lower replaced. */
    {{"usr/lib/ lib->usr/lib lib/f"}, "lib:0.1 usr/* usr/lib/:0 usr/lib/f:0.2"},
    {{"lib->/usr/../opt lib/f"}, "lib:0.0 opt/* opt/f:0.1 usr/*"},
    {{"a/l->../b a/l/f a/l/g"}, "a/* a/l:0.0 b/* b/f:0.1 b/g:0.2"},
    {{"a->b a/f a->c a/f"}, "a:0.2 b/* b/f:0.1 c/* c/f:0.3"},
    /* A link that is replaced by way of itself. */
    {{"s->. s/s/ s/f"}, "s/:0 s/f:0.2"},
    {{"s->. s/s->d s/f"}, "d/* d/f:0.2 s:0.1"},
    {{"l->a !l/d"}, "a/* a/d/* l:0.0"},
    {{"usr/lib/ lib->usr/lib", "lib/f"}, "lib/* lib/f:1.0 usr/* usr/lib/:0"},
    /* Hard links. */
    {{"f l=>f m=>l"}, "f:0.0x3 l:0.0x3 m:0.0x3"},
    {{"l=>m m=>f f"}, "f:0.2x3 l:0.2x3 m:0.2x3"},
    {{"f", "l=>f"}, "f:0.0x2 l:0.0x2"},
    {{"f", "l=>f f"}, "f:1.1 l:0.0"},
    {{"f", "l=>f m=>l f/"}, "f/:1 l:0.0x2 m:0.0x2"},
    {{"d/f", "l=>d/f d"}, "d:1.1 l:0.0"},
    {{"f l=>f f"}, "f:0.2 l:0.0"},
    {{"f l=>f m=>f", "f"}, "f:1.0 l:0.0x2 m:0.0x2"},
    {{"f l=>f", "-f"}, "l:0.0"},
    {{"f l=>f", "-f -l"}, ""},
    {{"s->f l=>s"}, "l:0.0x2 s:0.0x2"},
    {{"d/f s->d l=>s/f"}, "d/* d/f:0.0x2 l:0.0x2 s:0.1"},
    {{"a/l=>none a"}, "a:0.1"},
    {{"l=>none l"}, "l:0.1"},
};

static void
test_merge(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(merges) / sizeof(merges[0]); i++) {
		auto_strbuf struct strbuf got;
		struct image image;
		struct err e = {0};

		strbuf_init(&got, 10000);
		if (image_build(&image, merges[i].layers, &e) != 0)
			fail_msg("case %zu: %s", i, e.message);
		print_tree(image.t, &got);
		if (strcmp(strbuf_string(&got), merges[i].tree) != 0)
			fail_msg("case %zu: %s instead of %s", i,
			    strbuf_string(&got), merges[i].tree);
		image_clear(&image);
	}
}

static void
test_merge_refuses(void **state)
{
	static const struct {
		const char *layers[LAYERS_MAX];
		const char *message;
	} cases[] = {
	    {{"l=>none"}, "l: hard link to nothing: none"},
	    {{"l=>m m=>l"}, "m: hard link to nothing: l"},
	    {{"l=>l"}, "l: hard link to nothing: l"},
	    {{"f f=>f"}, "f: hard link to nothing: f"},
	    {{"f", "-f l=>f"}, "l: hard link to nothing: f"},
	    {{"f", "f=>f"}, "f: hard link to nothing: f"},
	    {{"d/ l=>d"}, "l: hard link to a directory: d"},
	    {{"f f/g/h"}, "f/g/h: its parent is not a directory: f"},
	    {{"f \xff->f \xff/g"}, "\\xff/g: its parent is not a directory: f"},
	    {{"a->b b->a a/f"}, "a/f: too many symbolic links at a"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct image image;
		struct err e = {0};

		assert_int_equal(image_build(&image, cases[i].layers, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_string_equal(e.message, cases[i].message);
		image_clear(&image);
	}
}

static void
test_merge_refuses_root(void **state)
{
	auto_layer_index struct layer_index *x = layer_index_new();
	auto_tree struct tree *t = tree_new();
	struct layer_entry *entry = layer_index_add(x);
	struct err e = {0};

	(void)state;
	entry->type = ENTRY_FILE;
	entry->path = arena_strndup(x->arena, "", 0);
	assert_int_equal(tree_add_layer(t, x, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
}

static void
add_visited(void *arg, struct tree_node *n)
{
	auto_strbuf struct strbuf path;

	strbuf_init(&path, LIMIT_PATH);
	tree_node_path(n, &path);
	strbuf_add_format(arg, " %s", strbuf_string(&path));
}

static void
test_resolve(void **state)
{
	static const char *const layers[LAYERS_MAX] = {
	    "usr/lib/ usr/lib/x lib->usr/lib usr/lib/y->x usr/lib/z->/lib/y "
	    "up->../../../usr loop->loop dang->none d/e->../lib s->usr/lib/ "
	    "dot->. fs->usr/lib/x/ "};
	static const struct {
		const char *path;
		unsigned flags;
		const char *want; /* NULL: nowhere */
		const char *visited;
	} cases[] = {
	    {"", 0, "", ""},
	    {"/", 0, "", ""},
	    {"/usr//./lib/x", 0, "usr/lib/x", " usr usr/lib usr/lib/x"},
	    {"lib/x", 0, "usr/lib/x", " lib usr usr/lib usr/lib/x"},
	    {"lib", 0, "usr/lib", " lib usr usr/lib"},
	    {"lib", TREE_NOFOLLOW, "lib", " lib"},
	    {"lib/", TREE_NOFOLLOW, "usr/lib", " lib usr usr/lib"},
	    {"lib/z", 0, "usr/lib/x",
		" lib usr usr/lib usr/lib/z lib usr usr/lib usr/lib/y"
		" usr/lib/x"},
	    {"../../up/lib/x", 0, "usr/lib/x", " up usr usr/lib usr/lib/x"},
	    {"d/e/x", 0, "usr/lib/x", " d d/e lib usr usr/lib usr/lib/x"},
	    {"usr/lib/../lib", 0, "usr/lib", " usr usr/lib usr/lib"},
	    {"s/x", 0, "usr/lib/x", " s usr usr/lib usr/lib/x"},
	    {"dot/dot/up", TREE_NOFOLLOW, "up", " dot dot up"},
	    {"loop", 0, NULL, NULL},
	    {"loop", TREE_NOFOLLOW, "loop", " loop"},
	    {"dang", 0, NULL, NULL},
	    {"fs", 0, NULL, NULL},
	    {"usr/lib/x/", 0, NULL, NULL},
	    {"usr/lib/x/.", 0, NULL, NULL},
	    {"usr/lib/x/..", 0, NULL, NULL},
	    {"nothing", 0, NULL, NULL},
	    {"usr/lib/x/y", 0, NULL, NULL},
	};
	struct image image;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(image_build(&image, layers, &e), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_strbuf struct strbuf visited, path;
		struct tree_node *n;

		strbuf_init(&visited, 1000);
		strbuf_init(&path, LIMIT_PATH);
		n = tree_resolve(image.t, NULL, cases[i].path, cases[i].flags,
		    add_visited, &visited);
		assert_true((n == NULL) == (cases[i].want == NULL));
		if (n == NULL)
			continue;
		tree_node_path(n, &path);
		assert_string_equal(strbuf_string(&path), cases[i].want);
		assert_string_equal(strbuf_string(&visited), cases[i].visited);
	}
	image_clear(&image);
}

static void
test_resolve_from(void **state)
{
	static const char *const layers[LAYERS_MAX] = {
	    "usr/lib/x usr/bin/ usr/bin/f x"};
	struct tree_node *bin, *file;
	struct image image;
	struct err e;

	(void)state;
	assert_int_equal(image_build(&image, layers, &e), 0);
	bin = tree_resolve(image.t, NULL, "usr/bin", 0, NULL, NULL);
	file = tree_child(image.t, bin, "f", 1);
	assert_non_null(file);
	assert_null(tree_child(image.t, bin, "x", 1));
	assert_ptr_equal(tree_resolve(image.t, bin, "f", 0, NULL, NULL), file);
	assert_string_equal(
	    tree_resolve(image.t, bin, "../lib/x", 0, NULL, NULL)->entry->path,
	    "usr/lib/x");
	assert_string_equal(
	    tree_resolve(image.t, bin, "/x", 0, NULL, NULL)->entry->path, "x");
	assert_ptr_equal(
	    tree_resolve(image.t, bin, "..", 0, NULL, NULL), bin->parent);
	assert_null(tree_resolve(image.t, file, "..", 0, NULL, NULL));
	assert_ptr_equal(
	    tree_resolve(image.t, tree_root(image.t), "..", 0, NULL, NULL),
	    tree_root(image.t));
	image_clear(&image);
}

/* As many links in a row as Linux follows, and one more. */
static void
test_resolve_hops(void **state)
{
	auto_strbuf struct strbuf layer;
	const char *layers[LAYERS_MAX] = {NULL};
	struct image image;
	struct err e;
	int i;

	(void)state;
	strbuf_init(&layer, 10000);
	for (i = 0; i <= LIMIT_SYMLINK_HOPS; i++)
		strbuf_add_format(&layer, "l%d->l%d/ ", i, i + 1);
	strbuf_add_format(&layer, "l%d/f", i);
	layers[0] = strbuf_string(&layer);
	assert_int_equal(image_build(&image, layers, &e), 0);
	assert_non_null(tree_resolve(image.t, NULL, "l1/f", 0, NULL, NULL));
	assert_null(tree_resolve(image.t, NULL, "l0/f", 0, NULL, NULL));
	image_clear(&image);
}

static void
test_content(void **state)
{
	static const char *const layers[LAYERS_MAX] = {
	    "etc/real etc/os-release->real etc/empty"};
	struct image image;
	struct err e;
	size_t len = 0;

	(void)state;
	assert_int_equal(image_build(&image, layers, &e), 0);
	image.layers[0]->entries[0].content =
	    arena_strndup(image.layers[0]->arena, "ID=x", 4);
	image.layers[0]->entries[0].content_len = 4;
	assert_memory_equal(
	    tree_content(image.t, "/etc/os-release", &len), "ID=x", 4);
	assert_int_equal(len, 4);
	assert_null(tree_content(image.t, "etc", &len));
	assert_null(tree_content(image.t, "etc/empty", &len));
	assert_null(tree_content(image.t, "etc/none", &len));
	image_clear(&image);
}

/* Many entries in deep directories, and the order against path_compare(). */
static void
test_large(void **state)
{
	auto_layer_index struct layer_index *x = layer_index_new();
	auto_tree struct tree *t = tree_new();
	uint32_t i, count = 200000, random = 1;
	struct strbuf a, b;
	char path[40];
	struct err e;

	(void)state;
	for (i = 0; i < count; i++) {
		struct layer_entry *entry = layer_index_add(x);

		random = random * 1103515245 + 12345;
		entry->type = ENTRY_FILE;
		snprintf(path, sizeof(path), "d%u/e%u/f-%u", random >> 28,
		    random >> 24 & 0xf, i);
		entry->path = arena_strndup(x->arena, path, strlen(path));
	}
	assert_int_equal(tree_add_layer(t, x, &e), 0);
	tree_finish(t);
	assert_int_equal(tree_count(t), count + 1 + 16 + 16 * 16);
	strbuf_init(&a, LIMIT_PATH);
	strbuf_init(&b, LIMIT_PATH);
	for (i = 1; i < tree_count(t); i++) {
		tree_node_path(tree_at(t, i - 1), &a);
		tree_node_path(tree_at(t, i), &b);
		assert_true(
		    path_compare(strbuf_string(&a), strbuf_string(&b)) < 0);
	}
	strbuf_clear(&a);
	strbuf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merge),
	    cmocka_unit_test(test_merge_refuses),
	    cmocka_unit_test(test_merge_refuses_root),
	    cmocka_unit_test(test_resolve),
	    cmocka_unit_test(test_resolve_from),
	    cmocka_unit_test(test_resolve_hops),
	    cmocka_unit_test(test_content),
	    cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
