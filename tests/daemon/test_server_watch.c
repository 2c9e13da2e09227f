/*
 * server_watch: only who has left counts as gone, whatever epoll still says
 * of descriptors that had the same number.
 */
#include "server_fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server_watch.h"

struct scene {
	struct event_base *base;
	int one[2], two[2]; /* a connection: the server's end, the client's */
	int own; /* the first watch's descriptor */
	struct server_watch *first, *second;
	bool left; /* who `second` watches */
};

static int
next_number(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);

	close(fd);
	return fd;
}

static void
open_scene(struct scene *s, void (*gone)(void *arg))
{
	/* As the server's. */
	struct event_config *config = event_config_new();

	*s = (struct scene){.left = false};
	event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	s->base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(s->base);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s->one), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s->two), 0);
	s->own = next_number();
	s->first = server_watch_new(s->base, s->one[0], gone, s);
	event_base_loop(s->base, EVLOOP_NONBLOCK);
}

/* Goes on until the first watch's descriptor is closed. */
static void
forget_first(struct scene *s)
{
	while (fcntl(s->own, F_GETFD) != -1)
		event_base_loop(s->base, EVLOOP_ONCE);
}

static void
on_second_left(void *arg)
{
	struct scene *s = arg;

	s->left = true;
}

static void
free_first(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = arg;

	(void)fd;
	(void)what;
	server_watch_free(s->first);
}

/*
 * The client stays when its request is answered, and leaves while another
 * waits, whose watch has the number that its had.
 */
static void
test_number_is_used_again(void **state)
{
	struct scene s;

	(void)state;
	open_scene(&s, on_second_left);
	event_base_once(
	    s.base, -1, EV_TIMEOUT, free_first, &s, &(struct timeval){0});
	forget_first(&s);
	assert_int_equal(next_number(), s.own);
	s.second = server_watch_new(s.base, s.two[0], on_second_left, &s);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	close(s.one[1]);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_false(s.left);
	close(s.two[1]);
	event_base_loop(s.base, EVLOOP_NONBLOCK);
	assert_true(s.left);
	server_watch_free(s.second);
	event_base_free(s.base);
	close(s.one[0]);
	close(s.two[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_number_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
