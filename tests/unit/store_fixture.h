/*
 * store_fixture: a store in a directory of its own, and what its database
 * holds.
 */
#ifndef WINNOW_TESTS_STORE_FIXTURE_H
#define WINNOW_TESTS_STORE_FIXTURE_H

#include "../../daemon/store.h"

/* Around each test: the directory is there, and goes. */
int store_setup(void **state);
int store_teardown(void **state);
#define STORE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)
const char *store_directory(void);

struct store *open_store(void);

/* Runs SQL in the store's database, beside what has it open. */
void change_database(const char *sql);
/* The number that a statement finds. */
long ask_database(const char *sql);
/* Rows of one table, or (NULL) of all that could grow. */
long count_rows(const char *table);

/* A blob with these bytes; and out of the store with one. */
struct digest add(struct store *s, const char *text);
void evict(struct store *s, const struct digest *d);

/* For store_forget(): nothing has to stay known. */
bool
keeps_none(void *arg, const char *scope, const struct store_holder *variant);

/* For store_find_holder(): copies the first variant to where `arg` points. */
bool takes_first(void *arg, const struct store_holder *variant);

#endif
