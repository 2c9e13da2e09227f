/*
 * script_calls, in three files: the characters of a script, the words that
 * they make, and the names that words may be.
 */
#ifndef WINNOW_SCRIPT_CALLS_PRIVATE_H
#define WINNOW_SCRIPT_CALLS_PRIVATE_H

#include "intern.h"
#include "script_calls.h"
#include "winnow/limits.h"

/* Real scripts nest under ten deep. */
#define SCRIPT_FRAMES_MAX 64
/* Here-documents that begin on one line, and the length of their ends. */
#define SCRIPT_HEREDOCS_MAX 8
#define SCRIPT_HEREDOC_END_MAX 64

/* What the next characters are part of. */
enum script_kind {
	SCRIPT_TOP, /* commands, to the end */
	SCRIPT_LIST, /* commands, to a closing parenthesis */
	SCRIPT_BACKQUOTE, /* commands, to the other one */
	SCRIPT_CASE, /* patterns and commands, to "esac" */
	SCRIPT_TEST, /* words, to "]]" */
	SCRIPT_QUOTE, /* double quotes */
	SCRIPT_BRACE, /* ${...} */
	SCRIPT_PARENS /* what has no commands: arithmetic, arrays, patterns */
};

/* What the next word of a list of commands is. */
enum script_state {
	SCRIPT_COMMAND,
	SCRIPT_ARGUMENT,
	SCRIPT_WRAPPED, /* an option or the command of env, exec and so on */
	SCRIPT_FOR_NAME,
	SCRIPT_FOR_IN,
	SCRIPT_FUNCTION, /* its name */
	SCRIPT_CASE_WORD,
	SCRIPT_CASE_IN,
	SCRIPT_PATTERN
};

/* A word that is being read; its text is script->text. */
struct script_word {
	size_t len;
	bool started;
	bool quoted; /* some of it: no keyword, no assignment */
	bool dynamic; /* the text is not all, or not what it will be */
	bool assignment;
};

/* A command that runs another one, which follows its options. */
struct script_wrapper {
	const char *name;
	const char *with_value; /* letters of options that take the next word */
	unsigned skip; /* words before the command: a user */
	bool builtin; /* finds builtins, too */
};

struct script_frame {
	enum script_kind kind;
	enum script_state state;
	struct script_word outer; /* the word that this is in the middle of */
	bool in_quotes; /* SCRIPT_BRACE: between double quotes */
	bool redirect; /* the next word is a file */
	bool is_find; /* arguments of find: -exec has a command behind it */
	bool conditional; /* the command is behind && or ||, or in a pipe */
	bool ends; /* the command is the script's last one, if it runs */
	/* SCRIPT_WRAPPED */
	const struct script_wrapper *wrapper;
	unsigned skip;
	bool wants_value;
};

struct script_heredoc {
	char end[SCRIPT_HEREDOC_END_MAX];
	size_t len;
	bool tabs; /* are stripped */
};

struct script {
	const char *at, *end;
	struct script_frame frames[SCRIPT_FRAMES_MAX];
	size_t depth; /* of the current frame */
	size_t nesting; /* of if, do and braces */
	struct script_word word;
	char text[LIMIT_SCRIPT_CALL];
	struct script_heredoc heredocs[SCRIPT_HEREDOCS_MAX];
	size_t heredoc_count;
	struct intern calls, functions;
	size_t sure; /* calls before the outermost open frame */
	bool open; /* a quote has no end */
	bool lost; /* this is not the shell language as we know it */
};

static inline struct script_frame *
script_top(struct script *s)
{
	return &s->frames[s->depth];
}

/* Begins and ends what is inside of something. */
void script_push(struct script *s, enum script_kind kind);
void script_pop(struct script *s);

/* script_calls_words.c: the word is complete, if there is one. */
void script_end_word(struct script *s);

/* script_calls_names.c: of words that are no keywords. */
bool script_is_builtin(const char *name, size_t len);
const struct script_wrapper *script_find_wrapper(const char *name, size_t len);
/* True for what may be called: a name or an absolute path. */
bool script_is_call(const char *name, size_t len);

#endif
