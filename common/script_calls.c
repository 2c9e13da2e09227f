/*
 * Reads a script character by character, with a stack of what is open.  What
 * is not the shell language ends the reading, and what was found since the
 * outermost thing was opened that never closed does not count: a quote that was
 * taken wrongly turns texts into commands.
 */
#include "script_calls_private.h"

#include <ctype.h>
#include <string.h>

void
script_push(struct script *s, enum script_kind kind)
{
	struct script_frame *top = script_top(s);

	if (s->depth + 1 == SCRIPT_FRAMES_MAX) {
		s->lost = true;
		return;
	}
	if (s->depth == 0)
		s->sure = s->calls.count;
	/* Double quotes and the like are parts of a word. */
	if (kind == SCRIPT_LIST || kind == SCRIPT_BACKQUOTE ||
	    kind == SCRIPT_CASE || kind == SCRIPT_TEST) {
		top->outer = s->word;
		s->word = (struct script_word){.len = 0};
	}
	s->frames[++s->depth] = (struct script_frame){.kind = kind};
}

void
script_pop(struct script *s)
{
	enum script_kind kind = script_top(s)->kind;

	s->depth--;
	if (kind != SCRIPT_QUOTE && kind != SCRIPT_BRACE &&
	    kind != SCRIPT_PARENS) {
		s->word = script_top(s)->outer;
		s->word.len = 0;
	}
}

static char
next_char(const struct script *s, size_t ahead)
{
	return ahead < (size_t)(s->end - s->at) ? s->at[ahead] : '\0';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* True for words: the characters that end one are operators there. */
static bool
has_words(enum script_kind kind)
{
	return kind <= SCRIPT_TEST;
}

/* NAME, NAME+ or NAME[...]: what may stand before the = of an assignment. */
static bool
is_assignable(const struct script *s)
{
	size_t i, len = s->word.len;

	if (len == 0 || isdigit((unsigned char)s->text[0]))
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s->text[i]) && s->text[i] != '_')
			break;
	return i == len || (i == len - 1 && s->text[i] == '+') ||
	    (i > 0 && s->text[i] == '[' && s->text[len - 1] == ']');
}

static void
add_char(struct script *s, char c)
{
	struct script_word *w = &s->word;

	if (c == '=' && !w->quoted && !w->dynamic && !w->assignment)
		w->assignment = is_assignable(s);
	w->started = true;
	if (w->len < sizeof(s->text))
		s->text[w->len++] = c;
	else
		w->dynamic = true;
}

/* Behind the next `c`. */
static void
skip_past(struct script *s, char c)
{
	const char *found = memchr(s->at, c, (size_t)(s->end - s->at));

	s->open = found == NULL;
	s->at = found == NULL ? s->end : found + 1;
}

static void
take_single_quotes(struct script *s)
{
	const char *start = ++s->at;

	s->word.quoted = s->word.started = true;
	skip_past(s, '\'');
	while (start + 1 < s->at)
		add_char(s, *start++);
}

/* $'...', in which a backslash hides a quote. */
static void
take_escapes(struct script *s)
{
	for (s->at += 2; s->at < s->end && *s->at != '\''; s->at++)
		s->at += *s->at == '\\' && s->at + 1 < s->end;
	s->open = s->at == s->end;
	s->at += s->at < s->end;
}

static void
take_backslash(struct script *s)
{
	char c = next_char(s, 1);

	s->at += s->end - s->at > 1 ? 2 : 1;
	if (c == '\n')
		return;
	s->word.quoted = true;
	add_char(s, c);
}

static bool
is_in_quotes(struct script *s)
{
	const struct script_frame *top = script_top(s);

	return top->kind == SCRIPT_QUOTE || top->in_quotes;
}

static void
take_dollar(struct script *s)
{
	char c = next_char(s, 1);
	bool in_quotes = is_in_quotes(s);

	s->word.started = s->word.dynamic = true;
	if (c == '(' && next_char(s, 2) == '(') {
		s->at += 3;
		script_push(s, SCRIPT_PARENS);
		script_push(s, SCRIPT_PARENS);
	} else if (c == '(') {
		s->at += 2;
		script_push(s, SCRIPT_LIST);
	} else if (c == '{') {
		s->at += 2;
		script_push(s, SCRIPT_BRACE);
		script_top(s)->in_quotes = in_quotes;
	} else if (c == '\'' && !in_quotes) {
		take_escapes(s);
	} else if (c != '\0' && strchr("#$?!*@-", c) != NULL) {
		s->at += 2;
	} else {
		s->at++;
	}
}

static void
take_backquote(struct script *s)
{
	s->at++;
	if (script_top(s)->kind == SCRIPT_BACKQUOTE) {
		script_end_word(s);
		script_pop(s);
		return;
	}
	s->word.started = s->word.dynamic = true;
	script_push(s, SCRIPT_BACKQUOTE);
}

static void
take_double_quote(struct script *s)
{
	s->at++;
	s->word.quoted = s->word.started = true;
	if (script_top(s)->kind == SCRIPT_QUOTE)
		script_pop(s);
	else
		script_push(s, SCRIPT_QUOTE);
}

/* Takes what quotes or expands; false for any other character. */
static bool
take_special(struct script *s)
{
	switch (*s->at) {
	case '\\':
		take_backslash(s);
		return true;
	case '$':
		take_dollar(s);
		return true;
	case '`':
		take_backquote(s);
		return true;
	case '"':
		take_double_quote(s);
		return true;
	case '\'':
		if (is_in_quotes(s))
			return false;
		take_single_quotes(s);
		return true;
	default:
		return false;
	}
}

/* The rest of the line; the newline stays. */
static void
skip_line(struct script *s)
{
	const char *found = memchr(s->at, '\n', (size_t)(s->end - s->at));

	s->at = found == NULL ? s->end : found;
}

/* ${...} and parentheses without commands. */
static void
take_nested(struct script *s)
{
	bool is_brace = script_top(s)->kind == SCRIPT_BRACE;
	char c = *s->at;

	if (is_brace ? c == '}' : c == ')') {
		s->at++;
		script_pop(s);
	} else if (!is_brace && c == '(') {
		s->at++;
		script_push(s, SCRIPT_PARENS);
	} else if (!is_brace && c == '#' && strchr(" \t\n", s->at[-1])) {
		skip_line(s);
	} else {
		s->at++;
	}
}

/* True when the line is the here-document's last. */
static bool
is_heredoc_end(const struct script_heredoc *h, const char *line, size_t len)
{
	while (h->tabs && len > 0 && *line == '\t') {
		line++;
		len--;
	}
	return len == h->len && memcmp(line, h->end, len) == 0;
}

/* Passes over the here-documents, which begin here. */
static void
skip_heredocs(struct script *s)
{
	size_t i;
	bool found;

	for (i = 0; i < s->heredoc_count; i++)
		for (found = false; !found && s->at < s->end;) {
			const char *line = s->at;

			skip_line(s);
			found = is_heredoc_end(
			    &s->heredocs[i], line, (size_t)(s->at - line));
			s->at += s->at < s->end;
		}
	s->heredoc_count = 0;
}

/* The word that ends a here-document; the operator is passed. */
static void
take_heredoc(struct script *s)
{
	struct script_heredoc *h;

	if (s->heredoc_count == SCRIPT_HEREDOCS_MAX) {
		s->lost = true;
		return;
	}
	h = &s->heredocs[s->heredoc_count++];
	h->len = 0;
	h->tabs = next_char(s, 0) == '-';
	s->at += h->tabs;
	while (s->at < s->end && is_blank(*s->at))
		s->at++;
	for (; s->at < s->end && strchr(" \t\r\n;&|()<>", *s->at) == NULL;
	     s->at++) {
		if (strchr("'\"\\", *s->at) != NULL)
			continue;
		if (h->len == sizeof(h->end)) {
			s->lost = true;
			return;
		}
		h->end[h->len++] = *s->at;
	}
}

static bool
is_number(const struct script *s)
{
	size_t i;

	for (i = 0; i < s->word.len; i++)
		if (!isdigit((unsigned char)s->text[i]))
			return false;
	return !s->word.quoted && !s->word.dynamic;
}

/* < or >, with what goes with it. */
static void
take_redirection(struct script *s)
{
	bool is_input = *s->at == '<';

	if (next_char(s, 1) == '(') {
		script_end_word(s);
		s->at += 2;
		s->word.started = s->word.dynamic = true;
		script_push(s, SCRIPT_LIST);
		return;
	}
	/* A number directly before it is that of an open file. */
	if (is_number(s))
		s->word = (struct script_word){.len = 0};
	script_end_word(s);
	s->at++;
	if (is_input && next_char(s, 0) == '<' && next_char(s, 1) != '<') {
		s->at++;
		take_heredoc(s);
		return;
	}
	while (s->at < s->end && strchr("<>&|", *s->at) != NULL)
		s->at++;
	script_top(s)->redirect = true;
}

/* The end of a command, at the operator. */
static void
end_command(struct script *s)
{
	struct script_frame *top = script_top(s);
	char c = *s->at++, next = next_char(s, 0);
	bool ends_case = c == ';' && (next == ';' || next == '&');
	bool ends = top->ends && s->depth == 0 && s->nesting == 0 &&
	    !top->conditional && (c == ';' || c == '\n');

	if (c != '\n')
		while (s->at < s->end && strchr(";&|", *s->at) != NULL)
			s->at++;
	/* A newline may be behind an operator, too. */
	if (c != '\n' || top->state != SCRIPT_COMMAND)
		top->conditional = c == '|' || (c == '&' && next == '&');
	top->is_find = top->redirect = top->ends = false;
	if (ends)
		s->at = s->end;
	if (ends_case && top->kind == SCRIPT_CASE)
		top->state = SCRIPT_PATTERN;
	else if (top->state <= SCRIPT_FOR_IN)
		top->state = SCRIPT_COMMAND;
}

static void
take_opening(struct script *s)
{
	struct script_frame *top = script_top(s);
	bool is_command = top->state == SCRIPT_COMMAND;

	/* The name of a function, unless it is an array. */
	if (s->word.started && is_command && !s->word.assignment) {
		script_end_word(s);
		return;
	}
	s->at++;
	if (top->state == SCRIPT_PATTERN && !s->word.started)
		return;
	if (s->word.started || !is_command) {
		script_push(s, SCRIPT_PARENS);
		return;
	}
	top->state = SCRIPT_ARGUMENT;
	script_push(s, next_char(s, 0) == '(' ? SCRIPT_PARENS : SCRIPT_LIST);
}

static void
take_closing(struct script *s)
{
	struct script_frame *top = script_top(s);

	s->at++;
	if (top->kind == SCRIPT_CASE && top->state == SCRIPT_PATTERN)
		top->state = SCRIPT_COMMAND;
	else if (top->kind == SCRIPT_LIST)
		script_pop(s);
	else
		s->lost = true;
}

static void
take_operator(struct script *s)
{
	char c = *s->at;

	if (c == '(') {
		take_opening(s);
		return;
	}
	if (c == '<' || c == '>' || (c == '&' && next_char(s, 1) == '>')) {
		s->at += c == '&';
		take_redirection(s);
		return;
	}
	script_end_word(s);
	/* That may have been the "esac" of a case. */
	if (c == ')')
		take_closing(s);
	else
		end_command(s);
}

/* The next character of a list of commands, or of a test. */
static void
take_word_char(struct script *s)
{
	char c = *s->at;

	if (is_blank(c)) {
		script_end_word(s);
		s->at++;
	} else if (c == '#' && !s->word.started) {
		skip_line(s);
	} else if (strchr("\n;&|()<>", c) == NULL) {
		add_char(s, c);
		s->at++;
	} else if (script_top(s)->kind == SCRIPT_TEST) {
		script_end_word(s);
		s->at += script_top(s)->kind == SCRIPT_TEST;
	} else {
		take_operator(s);
		if (c == '\n' && s->heredoc_count > 0)
			skip_heredocs(s);
	}
}

static void
read_all(struct script *s)
{
	while (s->at < s->end && !s->lost) {
		enum script_kind kind = script_top(s)->kind;

		if (take_special(s))
			continue;
		if (has_words(kind)) {
			take_word_char(s);
		} else if (kind == SCRIPT_QUOTE) {
			add_char(s, *s->at);
			s->at++;
		} else {
			take_nested(s);
		}
	}
}

/* Appends what counts, the first `count` calls but for functions. */
static void
list_calls(const struct script *s, size_t count, struct strbuf *out)
{
	size_t i, start = out->len;

	for (i = 0; i < count; i++) {
		const char *name = intern_string(&s->calls, (uint32_t)i);
		size_t len = strlen(name), blank = out->len > start;

		if (intern_has(&s->functions, name, len))
			continue;
		if (out->len - start + blank + len > LIMIT_SCRIPT_CALLS)
			break;
		if (blank == 1)
			strbuf_add_char(out, ' ');
		strbuf_add(out, name, len);
	}
}

void
script_calls_read(const char *text, size_t len, struct strbuf *out)
{
	struct script s = {.at = text};
	bool is_whole = len < LIMIT_SCRIPT_SIZE;
	size_t count;

	/* Some scripts carry an archive behind their text. */
	len = strnlen(text, is_whole ? len : LIMIT_SCRIPT_SIZE);
	s.end = text + len;
	read_all(&s);
	if (is_whole && has_words(script_top(&s)->kind))
		script_end_word(&s);
	count = s.calls.count;
	if (s.lost || (is_whole && (s.open || s.depth > 0)))
		count = s.depth > 0 ? s.sure : 0;
	list_calls(&s, count, out);
	intern_clear(&s.calls);
	intern_clear(&s.functions);
}

bool
script_calls_are_valid(const char *calls)
{
	const char *name = calls;
	size_t len;

	if (*calls == '\0' || strlen(calls) > LIMIT_SCRIPT_CALLS)
		return false;
	for (;; name += len + 1) {
		len = strcspn(name, " ");
		if (!script_is_call(name, len))
			return false;
		if (name[len] == '\0')
			return true;
	}
}
