/*
 * script: what the first line of a script makes the kernel run (execve(2)).
 * `line` is what follows "#!", as a layer entry holds it.
 */
#ifndef WINNOW_SCRIPT_H
#define WINNOW_SCRIPT_H

/*
 * The program that runs the script: the interpreter, or what env(1) would
 * start.  The caller frees; NULL when the line is empty.
 */
char *script_program(const char *line);

/* The path of env(1) when that starts the interpreter; or NULL. */
char *script_env(const char *line);

#endif
