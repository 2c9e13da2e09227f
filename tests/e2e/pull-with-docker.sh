#!/bin/bash
# docker pulls the variant, and what it unpacks equals the original as docker
# unpacks it, restricted to what is kept.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

start_dockerd
start_winnowd "oci:$(image_layouts postgres)"
check 'docker pulls the variant' dock pull -q "$proxy/postgres:15"
check 'docker pulls the original' dock pull -q "$proxy/original/postgres:15"
docker_root "$proxy/original/postgres:15" "$dir/source"
docker_root "$proxy/postgres:15" "$dir/variant"
expect=$tests/e2e/postgres.expect
check 'the variant equals the source restricted' \
    compare_trees "$dir/source" "$dir/variant"
check 'there is no shell' no_shell "$dir/variant"
check 'a second pull' dock pull -q "$proxy/postgres:15"
digest=$(dock image inspect -f '{{index .RepoDigests 0}}' "$proxy/postgres:15")
check 'by digest' dock pull -q "$digest"
finish
