# Sourced first by tests whose clients read /etc: runs the test in namespaces
# of its own, with loopback alone, every port free, and its own copy of what
# is below /etc that names hosts and trusts certificates.
# shellcheck shell=bash
if [ -z "${WINNOW_ISOLATED:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP needs root'; exit 77; }
	WINNOW_ISOLATED=1 exec unshare --mount --net -- bash "$0" "$@"
fi
# An address that docker does not take for its own machine's, which it would
# not verify.
here=10.99.0.1
ip link set lo up && ip address add "$here/32" dev lo || { echo 'Bail out! no loopback'; exit 1; }
mount --make-rprivate /
for etc in docker containers; do
	mkdir -p "/etc/$etc"
	mount -t tmpfs tmpfs "/etc/$etc"
done
# podman and skopeo refuse to run without a policy.
echo '{"default": [{"type": "insecureAcceptAnything"}]}' > /etc/containers/policy.json
hosts=$(mktemp)
printf '127.0.0.1 localhost\n%s proxy.local\n' "$here" > "$hosts"
mount --bind "$hosts" /etc/hosts
rm "$hosts"
