/* The names of a config's members, as clients read them. */
#include "image_config.h"
#include "winnow/json.h"

/* Of Docker's and the OCI's structures, each list ended by NULL. */
static const char *const image_names[] = {"architecture", "author", "comment",
    "config", "container", "container_config", "created", "docker_version",
    "history", "id", "moby.buildkit.buildinfo.v1", "moby.buildkit.cache.v0",
    "os", "os.features", "os.version", "parent", "rootfs", "Size", "variant",
    NULL};
static const char *const runtime_names[] = {"ArgsEscaped", "AttachStderr",
    "AttachStdin", "AttachStdout", "Cmd", "Domainname", "Entrypoint", "Env",
    "ExposedPorts", "Healthcheck", "Hostname", "Image", "Labels", "MacAddress",
    "Memory", "NetworkDisabled", "OnBuild", "OpenStdin", "Shell", "StdinOnce",
    "StopSignal", "StopTimeout", "Tty", "User", "Volumes", "WorkingDir", NULL};
static const char *const health_names[] = {"Interval", "Retries",
    "StartInterval", "StartPeriod", "Test", "Timeout", NULL};
static const char *const rootfs_names[] = {"diff_ids", "type", NULL};
static const char *const history_names[] = {
    "author", "comment", "created", "created_by", "empty_layer", NULL};

/* Of an object's member that is an object, too; others are left alone. */
static int
spell_member(
    json_t *object, const char *key, const char *const *names, struct err *e)
{
	json_t *member = json_object_get(object, key);

	if (!json_is_object(member) || json_spell(member, names, e) == 0)
		return 0;
	return err_wrap(e, "%s", key);
}

static int
spell_history(json_t *config, struct err *e)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(config, "history"), i, entry)
	{
		if (json_is_object(entry) &&
		    json_spell(entry, history_names, e) == -1)
			return err_wrap(e, "history[%zu]", i);
	}
	return 0;
}

int
image_config_spell(json_t *config, struct err *e)
{
	if (json_spell(config, image_names, e) == -1 ||
	    spell_member(config, "config", runtime_names, e) == -1 ||
	    spell_member(config, "rootfs", rootfs_names, e) == -1 ||
	    spell_history(config, e) == -1)
		return -1;
	if (spell_member(json_object_get(config, "config"), "Healthcheck",
		health_names, e) == -1)
		return err_wrap(e, "config");
	return 0;
}
