#include <string.h>

#include "script_calls_private.h"

/* True for a word of this text that no quotes or expansions are in. */
static bool
is_plain(const struct script *s, const struct script_word *w, const char *text)
{
	return !w->quoted && !w->dynamic && w->len == strlen(text) &&
	    memcmp(s->text, text, w->len) == 0;
}

static bool
is_one_of(const struct script *s, const struct script_word *w,
    const char *const *texts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (is_plain(s, w, texts[i]))
			return true;
	return false;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Passes over the parentheses of "name ()". */
static bool
skip_parens(struct script *s)
{
	const char *at = s->at;

	while (at < s->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == s->end || *at++ != '(')
		return false;
	while (at < s->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == s->end || *at != ')')
		return false;
	s->at = at + 1;
	return true;
}

static void
define_function(struct script *s, const struct script_word *w)
{
	if (!w->dynamic)
		intern_add(&s->functions, s->text, w->len);
	script_top(s)->state = SCRIPT_COMMAND;
}

/* The command at s->text, and what its arguments are. */
static void
call(struct script *s, const struct script_word *w, bool finds_builtins)
{
	struct script_frame *top = script_top(s);
	size_t from = w->len;

	if (!(finds_builtins && script_is_builtin(s->text, w->len)) &&
	    script_is_call(s->text, w->len))
		intern_add(&s->calls, s->text, w->len);
	while (from > 0 && s->text[from - 1] != '/')
		from--;
	top->is_find = top->is_find ||
	    (w->len - from == 4 && memcmp(s->text + from, "find", 4) == 0);
	top->wrapper = script_find_wrapper(s->text + from, w->len - from);
	top->state = top->wrapper == NULL ? SCRIPT_ARGUMENT : SCRIPT_WRAPPED;
	top->skip = top->wrapper == NULL ? 0 : top->wrapper->skip;
	top->wants_value = false;
}

static void
begin_case(struct script *s)
{
	script_top(s)->state = SCRIPT_ARGUMENT;
	script_push(s, SCRIPT_CASE);
	script_top(s)->state = SCRIPT_CASE_WORD;
}

/* True when the word was a keyword around commands. */
static bool
take_block_keyword(struct script *s, const struct script_word *w)
{
	static const char *const opening[] = {"if", "do", "{"};
	static const char *const middle[] = {
	    "then", "elif", "else", "while", "until", "!", "time", "coproc"};
	static const char *const closing[] = {"fi", "done", "}"};

	if (is_one_of(s, w, opening, COUNT(opening))) {
		s->nesting++;
		return true;
	}
	if (is_one_of(s, w, middle, COUNT(middle)))
		return true;
	if (!is_one_of(s, w, closing, COUNT(closing)))
		return false;
	s->nesting -= s->nesting > 0;
	script_top(s)->state = SCRIPT_ARGUMENT;
	return true;
}

/* True when the word was a keyword. */
static bool
take_keyword(struct script *s, const struct script_word *w)
{
	struct script_frame *top = script_top(s);

	if (w->quoted || w->dynamic)
		return false;
	if (take_block_keyword(s, w))
		return true;
	if (is_plain(s, w, "esac") && top->kind == SCRIPT_CASE)
		script_pop(s);
	else if (is_plain(s, w, "case"))
		begin_case(s);
	else if (is_plain(s, w, "for") || is_plain(s, w, "select"))
		top->state = SCRIPT_FOR_NAME;
	else if (is_plain(s, w, "function"))
		top->state = SCRIPT_FUNCTION;
	else if (is_plain(s, w, "[[")) {
		top->state = SCRIPT_ARGUMENT;
		script_push(s, SCRIPT_TEST);
	} else
		return false;
	return true;
}

static void
take_command(struct script *s, const struct script_word *w)
{
	if (w->assignment || take_keyword(s, w))
		return;
	if (w->dynamic)
		script_top(s)->state = SCRIPT_ARGUMENT;
	else if (skip_parens(s))
		define_function(s, w);
	else {
		call(s, w, true);
		script_top(s)->ends = is_plain(s, w, "exit");
	}
}

/* An option of a wrapper: `command -v` runs nothing. */
static void
take_option(struct script *s, const struct script_word *w)
{
	struct script_frame *top = script_top(s);

	if (top->wrapper->builtin &&
	    (memchr(s->text, 'v', w->len) != NULL ||
		memchr(s->text, 'V', w->len) != NULL))
		top->state = SCRIPT_ARGUMENT;
	top->wants_value =
	    w->len == 2 && strchr(top->wrapper->with_value, s->text[1]) != NULL;
}

/* A word behind a wrapper. */
static void
take_wrapped(struct script *s, const struct script_word *w)
{
	struct script_frame *top = script_top(s);

	if (top->wants_value)
		top->wants_value = false;
	else if (!w->dynamic && w->len > 0 && s->text[0] == '-')
		take_option(s, w);
	else if (w->assignment)
		return;
	else if (top->skip > 0)
		top->skip--;
	else {
		top->ends =
		    top->ends || strcmp(top->wrapper->name, "exec") == 0;
		if (w->dynamic)
			top->state = SCRIPT_ARGUMENT;
		else
			call(s, w, top->wrapper->builtin);
	}
}

/* An argument; find has commands among them. */
static void
take_argument(struct script *s, const struct script_word *w)
{
	static const struct script_wrapper exec = {"-exec", "", 0, false};
	struct script_frame *top = script_top(s);

	if (!top->is_find ||
	    !(is_plain(s, w, "-exec") || is_plain(s, w, "-execdir")))
		return;
	top->wrapper = &exec;
	top->skip = 0;
	top->wants_value = false;
	top->state = SCRIPT_WRAPPED;
}

static void
take_for_in(struct script *s, const struct script_word *w)
{
	script_top(s)->state =
	    is_plain(s, w, "do") ? SCRIPT_COMMAND : SCRIPT_ARGUMENT;
}

static void
take_word(struct script *s, const struct script_word *w)
{
	struct script_frame *top = script_top(s);

	switch (top->state) {
	case SCRIPT_COMMAND:
		take_command(s, w);
		break;
	case SCRIPT_ARGUMENT:
		take_argument(s, w);
		break;
	case SCRIPT_WRAPPED:
		take_wrapped(s, w);
		break;
	case SCRIPT_FOR_NAME:
		top->state = SCRIPT_FOR_IN;
		break;
	case SCRIPT_FOR_IN:
		take_for_in(s, w);
		break;
	case SCRIPT_FUNCTION:
		skip_parens(s);
		define_function(s, w);
		break;
	case SCRIPT_CASE_WORD:
		top->state = SCRIPT_CASE_IN;
		break;
	case SCRIPT_CASE_IN:
		top->state = SCRIPT_PATTERN;
		break;
	case SCRIPT_PATTERN:
		if (is_plain(s, w, "esac"))
			script_pop(s);
		break;
	}
}

void
script_end_word(struct script *s)
{
	struct script_frame *top = script_top(s);
	struct script_word w = s->word;

	s->word = (struct script_word){.len = 0};
	if (!w.started)
		return;
	if (top->kind == SCRIPT_TEST) {
		if (is_plain(s, &w, "]]"))
			script_pop(s);
	} else if (top->redirect)
		top->redirect = false;
	else
		take_word(s, &w);
}
