/* policy: JSON that parses is written again as JSON that parses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "winnow/policy.h"
#include "winnow/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as YAML: every failure leaves a mistake. */
static void
load_yaml(const char *text, size_t size)
{
	struct yaml_mistakes mistakes = {.items = NULL};
	auto_yaml_doc struct yaml_doc *doc = NULL;

	if (yaml_load_text(text, size, "f", &doc, &mistakes) == -1 &&
	    mistakes.count == 0)
		abort();
	yaml_mistakes_clear(&mistakes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_policy_guess struct policy_guess *guess = NULL;
	auto_policy struct policy *p = NULL, *q = NULL;
	auto_free char *text = NULL, *again = NULL;
	struct err e;
	size_t len;

	load_yaml((const char *)data, size);
	if (policy_parse((const char *)data, size, &p, &e) == -1)
		return 0;
	text = policy_format(p, &len);
	if (policy_parse(text, len, &q, &e) == -1)
		abort();
	again = policy_format(q, &len);
	if (strcmp(text, again) != 0)
		abort();
	guess = policy_guess_new(q);
	(void)policy_guess(guess, "usr/bin/x");
	return 0;
}
