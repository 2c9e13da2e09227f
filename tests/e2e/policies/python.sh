# Python: an application with numpy and its libraries runs.
# Sourced by policies-serve.sh.
# shellcheck shell=bash disable=SC2154

try_python()
{
	pulled python 3
	is 'python: numpy works' "$(dock run --rm "${least[@]}" \
	    "$proxy/python:3")" 'solved: 2.0 3.0 fft: 28.0'
}
