/*
 * summary: a report in a few lines, for people.
 */
#ifndef WINNOW_CLI_SUMMARY_H
#define WINNOW_CLI_SUMMARY_H

#include <jansson.h>

/* Prints a table "before, after" for each report, and its warnings. */
void summary_print(const json_t *reports);

#endif
