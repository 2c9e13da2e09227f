#include "daemon.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "winnow/auto.h"
#include "winnow/fsutil.h"
#include "winnow/json.h"
#include "winnow/path.h"
#include "winnow/strbuf.h"

/* A line of the daemon's: a status with thousands of jobs fits. */
#define LINE_MAX_BYTES (16u << 20)

static int
connect_to(const char *path, int *out, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return err_set_errno(e, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(e, ERR_LIMIT,
		    "%s is too long for the name of a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)(void *)&address, sizeof(address)) ==
	    0) {
		*out = steal_fd(&fd);
		return 0;
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(e, ERR_NOT_FOUND,
		    "no winnowd answers at %s: is it running? (--socket names "
		    "another)",
		    path);
	if (errno == EACCES || errno == EPERM)
		return err_set(e, ERR_DENIED,
		    "%s is for the user and group of winnowd only: use sudo, "
		    "or join the group",
		    path);
	return err_set_errno(e, "cannot connect to %s", path);
}

static int
send_line(int fd, json_t *command, struct err *e)
{
	auto_json json_t *held = command;
	auto_free char *text = NULL;
	size_t len;

	text = json_format(held, &len);
	if (fsutil_write_all(fd, text, len, e) == -1)
		return -1;
	return fsutil_write_all(fd, "\n", 1, e);
}

/* Takes one line: 1 when it is the last, whose object is *result. */
static int
take_line(const char *line, size_t len,
    void (*on_line)(const void *arg, const json_t *line), const void *arg,
    json_t **result, struct err *e)
{
	auto_json json_t *body = NULL;
	const char *type, *code = "", *message = "";

	if (json_parse_object(line, len, "winnowd's answer", &body, e) == -1 ||
	    json_get_string(body, "type", JSON_REQUIRED, &type, e) == -1)
		return -1;
	if (strcmp(type, "error") == 0) {
		if (json_get_string(body, "code", JSON_REQUIRED, &code, e) ==
			-1 ||
		    json_get_string(
			body, "message", JSON_REQUIRED, &message, e) == -1)
			return -1;
		return err_set(e, err_code_parse(code), "%s", message);
	}
	if (strcmp(type, "result") == 0) {
		*result = json_incref(body);
		return 1;
	}
	if (on_line != NULL)
		on_line(arg, body);
	return 0;
}

/* Reads a line without its end: 1, or 0 at the end of the connection. */
static int
read_line(FILE *from, char **line, size_t *capacity, size_t *len, struct err *e)
{
	ssize_t n = getline(line, capacity, from);

	if (n == -1 && ferror(from))
		return err_set_errno(e, "cannot read winnowd's answer");
	if (n == -1)
		return 0;
	if ((size_t)n > LINE_MAX_BYTES)
		return err_set(e, ERR_LIMIT, "winnowd's answer is too long");
	*len = (*line)[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n;
	return 1;
}

int
daemon_command(const char *path, json_t *command,
    void (*on_line)(const void *arg, const json_t *line), const void *arg,
    json_t **result, struct err *e)
{
	auto_json json_t *held = json_incref(command);
	auto_free char *line = NULL;
	auto_file FILE *from = NULL;
	auto_fd int fd = -1;
	size_t capacity = 0, len = 0;
	int r;

	json_decref(command);
	if (connect_to(path, &fd, e) == -1 ||
	    send_line(fd, json_incref(held), e) == -1)
		return -1;
	from = fdopen(fd, "r");
	if (from == NULL)
		return err_set_errno(e, "cannot read from %s", path);
	(void)steal_fd(&fd);
	while ((r = read_line(from, &line, &capacity, &len, e)) == 1) {
		r = take_line(line, len, on_line, arg, result, e);
		if (r != 0)
			return r == 1 ? 0 : -1;
	}
	if (r == -1)
		return -1;
	return err_set(
	    e, ERR_SYSTEM, "winnowd ended before the command did: see its log");
}

void
daemon_print(const char *text)
{
	auto_strbuf struct strbuf escaped;

	strbuf_init(&escaped, LINE_MAX_BYTES);
	path_escape(text, &escaped);
	fputs(strbuf_string(&escaped), stdout);
}

json_int_t
daemon_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *
daemon_string(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}
