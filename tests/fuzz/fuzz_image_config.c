/* Fuzz target: an image config of one layer, and what it asks of a tree. */
#include <stddef.h>
#include <stdint.h>

#include "../../common/image_config.h"
#include "winnow/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_json json_t *config = NULL;
	auto_tree struct tree *t = NULL;
	struct selection_config dirs = {0};
	struct err e;

	if (image_config_parse(data, size, 1, &config, &e) == -1)
		return 0;
	t = tree_new();
	tree_finish(t);
	if (image_config_selection(config, t, &dirs, &e) == 0)
		image_config_clear_selection(&dirs);
	(void)image_config_env(config, "PATH");
	return 0;
}
