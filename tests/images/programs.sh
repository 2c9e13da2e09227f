# make_programs ROOT CC...: programs and libraries that use every rule of a
# loader, the same for glibc and musl.  Each library NAME has a function of its
# name; where one of a name is in several directories, the search order tells.
# shellcheck shell=bash

# lib DIR NAME [FLAG...]: ROOT/DIR/libNAME.so with the soname libNAME.so.
lib()
{
	local dir=$program_root$1 name=$2
	shift 2
	mkdir -p "$dir"
	echo "int $name(void) { return 0; }" |
	    "${program_cc[@]}" -shared -fPIC -x c - -o "$dir/lib$name.so" \
	    -Wl,-soname,"lib$name.so" -Wl,--no-as-needed "$@"
}

# prog PATH [FLAG...]
prog()
{
	local path=$program_root$1
	shift
	mkdir -p "${path%/*}"
	echo "int main(void) { return 0; }" |
	    "${program_cc[@]}" -x c - -o "$path" -Wl,-e,main \
	    -Wl,--no-as-needed -Wl,--allow-shlib-undefined "$@"
}

rpath() { echo "-Wl,--disable-new-dtags,-rpath,$1"; }
runpath() { echo "-Wl,--enable-new-dtags,-rpath,$1"; }
in_dirs() { for dir; do printf -- '-L%s ' "$program_root$dir"; done; }

make_programs()
{
	program_root=$1
	shift
	program_cc=("$@" -nostartfiles -Wl,-z,noseparate-code)
	local origin='$ORIGIN' each

	# One name in many places.
	for each in /usr/lib /opt/conf/lib /opt/app/lib /opt/other /lib/deep; do
		lib "$each" same
	done
	lib /opt/conf/lib configured
	lib /opt/app/lib plain
	lib /opt/app/lib nested $(in_dirs /opt/app/lib) -lplain
	lib /opt/app/lib inherits $(in_dirs /opt/other /opt/app/lib) -lsame
	lib /opt/other only
	lib /opt/other lonely $(in_dirs /opt/other) -lonly
	lib /usr/lib standard
	lib /opt/app/lib/deeper far "$(runpath "$origin/../../other")" \
	    $(in_dirs /opt/other) -lonly
	lib /opt/app/lib loop1
	lib /opt/app/lib loop2 $(in_dirs /opt/app/lib) -lloop1
	lib /opt/app/lib loop1 $(in_dirs /opt/app/lib) -lloop2
	lib /opt/links real -Wl,-soname,libalias.so
	ln -s ../../links/libreal.so "$program_root/opt/app/lib/libalias.so"
	ln -s lib "$program_root/opt/app/lib-link"

	prog /opt/app/bin/standard -lstandard $(in_dirs /usr/lib)
	prog /opt/app/bin/same $(in_dirs /usr/lib) -lsame
	prog /opt/app/bin/configured $(in_dirs /opt/conf/lib) -lconfigured -lsame
	prog /opt/app/bin/rpath "$(rpath "$origin/../lib")" \
	    $(in_dirs /opt/app/lib) -lplain -lsame
	prog /opt/app/bin/runpath "$(runpath "\${ORIGIN}/../lib")" \
	    $(in_dirs /opt/app/lib) -lnested -lsame
	prog /opt/app/bin/rpath-down "$(rpath /opt/app/lib)" \
	    $(in_dirs /opt/app/lib) -lnested -linherits
	prog /opt/app/bin/runpath-not-down "$(runpath /opt/other)" \
	    $(in_dirs /opt/other) -llonely
	prog /opt/app/bin/two-dirs "$(runpath "/none:/opt/other:/opt/app/lib")" \
	    $(in_dirs /opt/other) -lsame -lonly
	prog /opt/app/bin/relative "$(runpath "lib:/opt/other:")" \
	    $(in_dirs /opt/other) -lonly
	prog /opt/app/bin/far "$(runpath "/opt/app/lib/deeper")" \
	    $(in_dirs /opt/app/lib/deeper) -lfar
	prog /opt/app/bin/loop "$(rpath /opt/app/lib)" \
	    $(in_dirs /opt/app/lib) -lloop1
	prog /opt/app/bin/through-link "$(rpath "/opt/app/lib-link")" \
	    $(in_dirs /opt/app/lib) -lplain -lalias
	prog /opt/app/bin/missing "$(runpath /opt/app/lib)" \
	    $(in_dirs /opt/app/lib /opt/other) -lplain -lonly
	prog /opt/app/bin/nodefault -Wl,-z,nodefaultlib $(in_dirs /usr/lib) \
	    -lstandard
	# A name with a slash: a library without a soname, linked by its path.
	echo 'int slash(void) { return 0; }' | "${program_cc[@]}" -shared -fPIC \
	    -x c - -o "$program_root/opt/links/libslash.so"
	(cd "$program_root" && "${program_cc[@]}" -x c - -x none \
	    -o opt/app/bin/slash -Wl,-e,main \
	    -Wl,--no-as-needed opt/links/libslash.so \
	    <<< "int main(void) { return 0; }")
	prog /opt/app/bin/libc-names "$(rpath /opt/app/lib)" -lm -lpthread -ldl
	lib /opt/app/lib token
	prog /opt/app/bin/tokens \
	    "$(runpath '/opt/$LIB:/opt/${PLATFORM}/x:/opt/$UNKNOWN')" \
	    $(in_dirs /opt/app/lib) -ltoken -lc
	ln -s app/bin "$program_root/opt/bin"
}
