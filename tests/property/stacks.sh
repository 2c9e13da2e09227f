#!/bin/sh
# Random stacks of layers: see run.py, which takes the arguments.
exec python3 "${top_srcdir:-$(dirname "$0")/../..}/tests/property/run.py" \
	--count "${STACKS:-100}" "$@"
