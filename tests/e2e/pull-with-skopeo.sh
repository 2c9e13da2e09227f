#!/bin/bash
# skopeo copies the variant, umoci unpacks it: the same comparison.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

need_root
need skopeo umoci
start_winnowd "oci:$(image_layouts postgres)"
check 'skopeo copies the variant' \
    skopeo_root "$proxy/postgres:15" "$dir/variant"
check 'skopeo copies the original' \
    skopeo_root "$proxy/original/postgres:15" "$dir/source"
expect=$tests/e2e/postgres.expect
check 'the variant equals the source restricted' \
    compare_trees "$dir/source" "$dir/variant"
check 'there is no shell' no_shell "$dir/variant"
has 'skopeo inspect reads the config' \
    "$(skopeo inspect --tls-verify=false --config "docker://$proxy/postgres:15")" \
    '"Entrypoint"'
finish
