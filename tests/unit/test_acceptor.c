/* acceptor: pauses while there are no descriptors, and goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../daemon/acceptor.h"

/* Of the loop, while nothing can be accepted. */
#define TURNS 20

static unsigned warnings, accepted;

static void
on_libevent_log(int severity, const char *text)
{
	(void)severity;
	(void)text;
	warnings++;
}

static void
on_accepted(void *arg, int fd)
{
	event_base_loopbreak(arg);
	close(fd);
	accepted++;
}

/* A listening socket, and a client that has connected to it. */
static void
make_sockets(int *listening, int *client)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	*client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*listening, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(*listening, 5), 0);
	assert_int_equal(
	    getsockname(*listening, (struct sockaddr *)&address, &len), 0);
	assert_int_equal(connect(*client, (struct sockaddr *)&address, len), 0);
}

static void
test_no_descriptors(void **state)
{
	struct event_base *base = event_base_new();
	struct rlimit limit, none;
	struct acceptor *a;
	int listening, client, i;

	(void)state;
	event_set_log_callback(on_libevent_log);
	make_sockets(&listening, &client);
	a = acceptor_new(base, listening, on_accepted, base);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3; /* what is open stays so */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (i = 0; i < TURNS; i++)
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(warnings, 0);
	assert_int_equal(accepted, 0);
	event_base_dispatch(base);
	assert_int_equal(accepted, 1);
	acceptor_free(a);
	close(client);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_no_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
