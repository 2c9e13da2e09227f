#include "progress.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "winnow/clock.h"
#include "winnow/num.h"

/* Ten times a second: smooth, and no work. */
#define DRAW_INTERVAL_MS 100
/* Work that is over sooner shows nothing: a flash tells nobody anything. */
#define DRAW_AFTER_MS 300
#define BAR_MAX 40
/* What of the line is not the bar. */
#define TEXT_WIDTH 48

struct progress {
	const char *what;
	uint64_t total;
	int width; /* of the bar; asked once: not all may ask the terminal */
	_Atomic uint64_t done;
	_Atomic uint64_t next_draw; /* in ms; only one who moves it draws */
	_Atomic bool drawn;
};

/* How wide the bar may be in this terminal. */
static int
bar_width(void)
{
	struct winsize size;

	/* Some terminals do not know their width. */
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == -1 || size.ws_col == 0 ||
	    size.ws_col >= TEXT_WIDTH + BAR_MAX)
		return BAR_MAX;
	return size.ws_col > TEXT_WIDTH ? size.ws_col - TEXT_WIDTH : 0;
}

struct progress *
progress_new(const char *what, uint64_t total)
{
	struct progress *p;
	const char *term = getenv("TERM");

	if (!isatty(STDERR_FILENO) ||
	    (term != NULL && strcmp(term, "dumb") == 0))
		return NULL;
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	p->what = what;
	p->total = total;
	p->width = bar_width();
	p->next_draw = clock_now_ms() + DRAW_AFTER_MS;
	return p;
}

static void
draw(struct progress *p)
{
	static const char full[] = "########################################";
	static const char rest[] = "                                        ";
	uint64_t done = p->done < p->total ? p->done : p->total;
	double part = p->total > 0 ? (double)done / (double)p->total : 1;
	int width = p->width, filled = (int)(part * width);
	char a[32], b[32], line[256];
	int len;

	len = snprintf(line, sizeof(line),
	    "\r%s [%.*s%.*s] %3d %%  %s of %s\033[K", p->what, filled, full,
	    width - filled, rest, (int)(part * 100), num_format_size(done, a),
	    num_format_size(p->total, b));
	p->drawn = true;
	/* In one call, so that two who draw do not mix. */
	if (write(STDERR_FILENO, line, (size_t)len) == -1)
		return;
}

void
progress_add(void *arg, uint64_t bytes)
{
	struct progress *p = arg;
	uint64_t now = clock_now_ms(), due;

	if (p == NULL)
		return;
	p->done += bytes;
	due = p->next_draw;
	if (now >= due &&
	    atomic_compare_exchange_strong(
		&p->next_draw, &due, now + DRAW_INTERVAL_MS))
		draw(p);
}

void
progress_free(struct progress *p)
{
	static const char clear[] = "\r\033[K";

	if (p == NULL)
		return;
	if (p->drawn && write(STDERR_FILENO, clear, sizeof(clear) - 1) == -1)
		p->drawn = false;
	munmap(p, sizeof(*p));
}
