/*
 * login: the process that compares a password with its hash, which takes a
 * processor for a tenth of a second and so is nobody else's business.
 *
 * core -> login:	{"type":"login","hash":S} with a file: the password
 * login -> core:	{"good":true|false}
 */

#include <crypt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "authorization.h"
#include "process.h"
#include "winnow/auto.h"
#include "winnow/channel.h"
#include "winnow/json.h"
#include "winnow/log.h"
#include "winnow/sandbox.h"

/* Descriptors: three standard ones, the channel, the password. */
#define LOGIN_FILES 8

/* Compares without saying where the difference is. */
static bool
is_same(const char *a, const char *b)
{
	size_t len = strlen(a), i;
	unsigned char difference = 0;

	if (strlen(b) != len)
		return false;
	for (i = 0; i < len; i++)
		difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return difference == 0;
}

/*
 * True when the hash is that of the password in the file; in constant time
 * for hashes of the same cost.
 */
static bool
is_good(const char *hash, int password_fd)
{
	char password[AUTHORIZATION_PASSWORD_MAX + 1];
	struct crypt_data data;
	const char *got;
	ssize_t n;
	bool good;

	n = pread(password_fd, password, sizeof(password) - 1, 0);
	if (n < 0)
		return false;
	password[n] = '\0';
	memset(&data, 0, sizeof(data));
	got = crypt_rn(password, hash, &data, (int)sizeof(data));
	good = got != NULL && is_same(got, hash);
	explicit_bzero(password, sizeof(password));
	explicit_bzero(&data, sizeof(data));
	return good;
}

/* The process ends, which its login is told. */
static void
on_denied(int system_call)
{
	(void)system_call;
}

/* Gives up all but the channel, passwords and memory. */
static int
give_up(struct err *e)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
	    {RLIMIT_FSIZE, 0},
	    {RLIMIT_NPROC, 0},
	    {RLIMIT_NOFILE, LOGIN_FILES},
	};
	size_t i;

	/* jansson reads its seed from a file. */
	json_object_seed(0);
	close_range(PROCESS_CHANNEL_FD + 1, ~0u, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = {limits[i].value, limits[i].value};

		setrlimit(limits[i].resource, &limit);
	}
	return sandbox_enter(on_denied, e);
}

static int
answer(struct channel_message *m, struct err *e)
{
	auto_fd int password = channel_take_fd(m, 0);
	auto_json json_t *body = NULL;
	const char *hash;

	if (json_get_string(m->body, "hash", JSON_REQUIRED, &hash, e) == -1)
		return -1;
	body = json_pack("{s:b}", "good", is_good(hash, password));
	return channel_send(PROCESS_CHANNEL_FD, body, NULL, 0, e) == 1 ? 0 : -1;
}

int
login_main(void)
{
	struct channel_message m;
	struct err e;
	int status;

	log_init("login", LOG_LEVEL_INFO);
	if (give_up(&e) == -1) {
		log_event(
		    LOG_LEVEL_ERROR, "login.sandbox", "error", e.message, NULL);
		return 1;
	}
	for (;;) {
		status = channel_receive(PROCESS_CHANNEL_FD, &m, &e);
		if (status != 1)
			return status == 0 ? 0 : 1;
		status = answer(&m, &e);
		channel_message_clear(&m);
		if (status == -1)
			return 1;
	}
}
