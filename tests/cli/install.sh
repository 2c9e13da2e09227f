#!/bin/sh
# `make install` over an installation that an administrator works with, and
# `make uninstall`: what was edited or removed stays so, the rest follows.
. "$(dirname "$0")/../lib/shell.sh"

need make
tree=$(dirname "$winnow")
conf=$work/root/etc/winnow
shipped=$work/root/usr/share/winnow

# make_for TARGET: in the build directory, as somebody at a shell does.
make_for() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$tree" "$1" \
	    DESTDIR="$work/root" prefix=/usr sysconfdir=/etc >out 2>&1 || {
		cat out
		fail "make $1"
	}
}

# The next version: redis and nginx have changed, and there is one file more.
make_for install
cmp "$conf/winnow.conf" "$top_srcdir/conf/winnow.conf" || fail 'no winnow.conf'
"$winnow" check --sets "$conf/sets.d" "$conf"/policies.d/*.yaml >out 2>&1 || {
	cat out
	fail 'the installed policies are not right'
}
cp -R "$top_srcdir/conf" next
chmod -R u+w next
echo '# newer' >>next/policies.d/redis.yaml
echo '# newer' >>next/policies.d/nginx.yaml
cp next/policies.d/redis.yaml next/policies.d/more.yaml

# The administrator edits one that has changed and one that has not, and
# removes one.
echo 'tag_ttl: 1m' >>"$conf/winnow.conf"
echo '# mine' >>"$conf/policies.d/redis.yaml"
rm "$conf/policies.d/php.yaml"
cp -R "$conf" before
upgrade() {
	next/install next "$shipped" "$conf" winnow.conf policies.d/redis.yaml \
	    policies.d/nginx.yaml policies.d/php.yaml policies.d/more.yaml >out
}
upgrade
expect_text out "$conf/winnow.conf was edited, and stays as it is" \
    "$conf/policies.d/redis.yaml was edited" "(see $shipped/policies.d/redis" \
    "$conf/policies.d/php.yaml was removed, and is not put back"
[ "$(wc -l <out)" = 3 ] || { cat out; fail 'it says more than that'; }
cmp "$conf/winnow.conf" before/winnow.conf || fail 'winnow.conf is lost'
cmp "$conf/policies.d/redis.yaml" before/policies.d/redis.yaml ||
    fail 'an edited policy is lost'
[ ! -e "$conf/policies.d/php.yaml" ] || fail 'a removed policy is back'
cmp "$conf/policies.d/nginx.yaml" next/policies.d/nginx.yaml ||
    fail 'an old policy stays'
cmp "$conf/policies.d/more.yaml" next/policies.d/more.yaml ||
    fail 'a new policy is missing'
cmp "$shipped/policies.d/redis.yaml" next/policies.d/redis.yaml ||
    fail 'what is shipped is not the new one'
mv out first
upgrade
cmp out first || fail 'a second time is not like the first'

# Nothing stays behind but what was edited, and that of no other version.
rm "$conf/policies.d/more.yaml" "$shipped/policies.d/more.yaml"
make_for uninstall
expect_text out "$conf/winnow.conf was edited, and stays"
printf '%s\n' "$conf/policies.d/redis.yaml" "$conf/winnow.conf" >wanted
find "$work/root" ! -type d | sort >left
diff wanted left || fail 'uninstall leaves, or takes, something else'
[ ! -e "$shipped" ] || fail 'an empty directory stays'
rm -r "$work/root"
make_for install
make_for uninstall
[ -z "$(find "$work/root" ! -type d)" ] || fail 'not everything went'
[ ! -e "$conf" ] || fail 'an empty configuration stays'
