#!/bin/bash
# Every example of winnow(1) works as it stands, but for the registry: the
# image comes from the layout that the tests build.
. "$(dirname "$0")/lib.sh"

need skopeo jq docker
export XDG_CACHE_HOME=$dir/cache
PATH=$(realpath "$top_builddir"):$PATH
source=$(image_layouts postgres)/library/postgres:15
cd "$dir" || bail 'no directory'

# examples: the commands, one a line, continued lines joined.
examples()
{
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/p' "$top_srcdir/man/winnow.1" |
	    sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' |
	    sed -e ':a' -e '/\\e$/N; s/\\e\n *//; ta'
}

examples > commands
check 'there are examples' [ "$(wc -l < commands)" -ge 8 ]
for command in strip plan explain audit diff check; do
	check "one of winnow $command" grep -q "winnow $command" commands
done
while read -r line; do
	run=${line//\/etc\/winnow\//$top_srcdir/conf/}
	run=${run/docker:\/\/docker.io\/library\/postgres:16/oci:$source}
	status=0
	# The exit status of diff is 3: the policies differ.
	[[ $line == "winnow diff"* ]] && status=3
	# A pipe that nothing comes out of is no example.
	[[ $line != *'|'* ]] || run="$run | grep -c /"
	check "$line" bash -c \
	    "set -o pipefail; $run"'; [ $? = '"$status"' ]'
done < commands
finish
