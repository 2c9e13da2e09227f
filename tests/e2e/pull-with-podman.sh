#!/bin/bash
# podman pulls and unpacks the variant: the same comparison.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

need_root
need podman
start_winnowd "oci:$(image_layouts postgres)"
check 'podman pulls the variant' \
    pod pull -q --tls-verify=false "$proxy/postgres:15"
check 'podman pulls the original' \
    pod pull -q --tls-verify=false "$proxy/original/postgres:15"
podman_root "$proxy/original/postgres:15" "$dir/source"
podman_root "$proxy/postgres:15" "$dir/variant"
expect=$tests/e2e/postgres.expect
check 'the variant equals the source restricted' \
    compare_trees "$dir/source" "$dir/variant"
check 'there is no shell' no_shell "$dir/variant"
finish
