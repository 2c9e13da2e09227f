/* The image's config: commands that need a shell, and root. */
#include <string.h>

#include "audit_private.h"
#include "winnow/mem.h"
#include "winnow/path.h"

/* Of a user's name, in a finding. */
#define USER_SHOWN 64

/* Where a command starts with a shell and -c, as Dockerfiles write it. */
static bool
is_shell_form(const json_t *command)
{
	static const char *const shells[] = {
	    "sh", "bash", "ash", "dash", "zsh", "ksh"};
	const char *program = json_string_value(json_array_get(command, 0));
	const char *option = json_string_value(json_array_get(command, 1));
	size_t i;

	if (program == NULL || option == NULL || strcmp(option, "-c") != 0)
		return false;
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(path_base(program), shells[i]) == 0)
			return true;
	return false;
}

static void
audit_command(struct audit_scan *s, const json_t *config, const char *member)
{
	const json_t *command = json_object_get(config, member);

	if (is_shell_form(command))
		audit_add_config(s, AUDIT_SHELL_FORM, member,
		    mem_printf("runs by %.100s -c",
			json_string_value(json_array_get(command, 0))));
}

static void
audit_health(struct audit_scan *s, const json_t *config)
{
	const json_t *test =
	    json_object_get(json_object_get(config, "Healthcheck"), "Test");
	const char *kind = json_string_value(json_array_get(test, 0));

	if (kind != NULL && strcmp(kind, "CMD-SHELL") == 0)
		audit_add_config(s, AUDIT_SHELL_FORM, "Healthcheck",
		    mem_strdup("CMD-SHELL runs by a shell"));
}

static void
audit_user(struct audit_scan *s, const json_t *config)
{
	const char *user = json_string_value(json_object_get(config, "User"));
	size_t len = user == NULL ? 0 : strcspn(user, ":");

	if (len == 0)
		audit_add_config(
		    s, AUDIT_ROOT_USER, "User", mem_strdup("not set: root"));
	else if (audit_user_is_root(s, user, len))
		audit_add_config(s, AUDIT_ROOT_USER, "User",
		    (len == 1 && *user == '0') ||
			    (len == 4 && memcmp(user, "root", 4) == 0)
			? mem_strdup("root")
			: mem_printf("%.*s is root",
			      len < USER_SHOWN ? (int)len : USER_SHOWN, user));
}

void
audit_config(struct audit_scan *s, const json_t *config)
{
	const json_t *object = json_object_get(config, "config");

	if (config == NULL)
		return;
	audit_user(s, object);
	audit_command(s, object, "Entrypoint");
	audit_command(s, object, "Cmd");
	audit_health(s, object);
}
