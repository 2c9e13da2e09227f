#!/bin/bash
# containerd asks winnow for docker.io's images (?ns=docker.io), and only
# winnow: when it is down the pull fails instead of going elsewhere.
. "$(dirname "$0")/lib.sh"
. "$tests/e2e/clients.sh"

start_containerd
start_winnowd "oci:$(image_layouts postgres)"
hosts_toml
image=docker.io/library/postgres:15
check 'ctr pulls docker.io through winnow' \
    c8d images pull --hosts-dir "$dir/certs.d" "$image"
check 'ctr pulls the original' \
    c8d images pull --plain-http "$proxy/original/postgres:15"
c8d_root "$proxy/original/postgres:15" "$dir/source"
c8d_root "$image" "$dir/variant"
expect=$tests/e2e/postgres.expect
check 'the variant equals the source restricted' \
    compare_trees "$dir/source" "$dir/variant"
check 'there is no shell' no_shell "$dir/variant"
stop winnowd
check 'without winnow the pull fails' fails \
    c8d images pull --hosts-dir "$dir/certs.d" docker.io/library/postgres:16
finish
