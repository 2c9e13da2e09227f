# Builds images from steps, each in an overlay mount: sourced by `build`.
# An image's recipe (NAME/recipe) calls image_step and image_meta, at last
# image_finish.
# shellcheck shell=bash disable=SC2154,SC2016,SC2317

# The packages come from the machine's own sources, for this release.
image_suite=bookworm

image_say() { echo "    $*" >&2; }
image_die() { echo "images: ${image_name:+$image_name: }$*" >&2; exit 1; }

# image_sources: the machine's package sources as one-line entries.
image_sources()
{
	local codename
	codename=$(. /etc/os-release; echo "$VERSION_CODENAME")
	apt-get indextargets 'Created-By: Packages' \
	    --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' |
	    sed -n "s/ $codename/ $image_suite/p" | sort -u
}

# image_apt_prepare: a directory that is mounted on /mnt while a step runs:
# apt's settings, so that nothing of this machine stays in a layer.
image_apt_prepare()
{
	image_sources > "$image_work/mnt/sources.list"
	[ -s "$image_work/mnt/sources.list" ] || image_die \
	    "apt knows no Debian packages here: run apt-get update first"
	cat > "$image_work/mnt/apt.conf" <<-EOF
	Dir::Etc::SourceList "/mnt/sources.list";
	Dir::Etc::SourceParts "/mnt/none";
	Dir::Cache::Archives "/mnt/archives";
	APT::Install-Recommends "false";
	APT::Keep-Downloaded-Packages "true";
	EOF
	apt-config dump | grep -Ei \
	    '^Acquire::(https?|Check|Retries|AllowInsecure)[^ ]* "..*";' \
	    >> "$image_work/mnt/apt.conf" || :
	mkdir -p "$image_cache/archives/partial"
}

# image_base_tar: a minimal Debian as a tar, from the cache or mmdebstrap.
image_base_tar()
{
	local tar=$image_cache/base-$image_suite.tar
	if [ ! -s "$tar" ]; then
		image_say "base system by mmdebstrap (half a minute)"
		mmdebstrap --quiet --mode=root --format=tar --variant=minbase \
		    --skip=output/dev --aptopt='Acquire::Languages "none"' \
		    "$image_suite" "$tar.new" - \
		    < "$image_work/mnt/sources.list" >&2 ||
		    image_die "mmdebstrap failed"
		mv "$tar.new" "$tar"
	fi
	echo "$tar"
}

# image_begin NAME WORK: starts an image; its steps run in WORK.
image_begin()
{
	image_name=$1
	image_work=$2
	image_lower=
	image_count=0
	mkdir -p "$image_work/mnt/archives" "$image_work/empty"
}

# image_unmount: leaves no mount behind, whatever happened.
image_unmount()
{
	local point
	for point in mnt/archives mnt dev proc ''; do
		! mountpoint -q "$image_work/root/$point" ||
		    umount -l "$image_work/root/$point"
	done
}

# image_mount UPPER: $root becomes all layers so far with UPPER on top.
image_mount()
{
	root=$image_work/root
	mkdir -p "$root" "$1" "$image_work/scratch.$image_count"
	mount -t overlay overlay "$root" -o \
"lowerdir=${image_lower:-$image_work/empty},upperdir=$1,\
workdir=$image_work/scratch.$image_count,\
index=off,metacopy=off,redirect_dir=off" ||
	    image_die "cannot mount overlayfs: this needs root and a kernel that allows it"
}

# image_in_root COMMAND...: runs a command inside the image.
image_in_root()
{
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    APT_CONFIG=/mnt/apt.conf DEBIAN_FRONTEND=noninteractive \
	    RUNLEVEL=1 LC_ALL=C.UTF-8 chroot "$root" "$@"
}

# image_run FUNCTION: the first command of it that fails is its last, and named.
image_run()
{
	trap 'echo "failed: $BASH_COMMAND" >&2' ERR
	set -eE
	"$1"
}

# image_step CREATED_BY FUNCTION: one layer: what FUNCTION changes below
# $root (image_in_root runs commands there).
image_step()
{
	local upper=$image_work/upper.$image_count status
	image_say "layer $((image_count + 1)): $1"
	image_mount "$upper"
	if [ -x "$root/usr/bin/apt-get" ]; then
		mount --bind "$image_work/mnt" "$root/mnt"
		mount --bind "$image_cache/archives" "$root/mnt/archives"
		mount --bind /dev "$root/dev"
		mount -t proc proc "$root/proc"
	fi
	# Below `||` or `if` bash ignores what fails inside a function.
	set +e
	(image_run "$2") > "$image_work/log" 2>&1
	status=$?
	set -e
	if [ "$status" != 0 ]; then
		cat "$image_work/log" >&2
		image_die "the step '$1' ($2) failed"
	fi
	image_unmount
	python3 "$image_dir/oci_image.py" layer "$image_work" "$1" "$upper" ||
	    image_die "no layer of the step '$1'"
	image_lower=$upper${image_lower:+:$image_lower}
	image_count=$((image_count + 1))
}

# image_step_base CREATED_BY: the first layer, a minimal Debian.
image_step_base()
{
	image_base_file=$(image_base_tar)
	image_unpack_base()
	{
		tar -C "$root" -xpf "$image_base_file" --numeric-owner \
		    --xattrs --xattrs-include='*'
		install -d "$root/dev" "$root/proc" "$root/sys"
	}
	image_step "$1" image_unpack_base
}

# image_install PACKAGE...: with what they need, inside the image.
image_install() { image_in_root apt-get install -y -q "$@"; }

# image_step_apt: package lists, which stay in this layer; a later one,
# image_step_cleanup, removes them.
image_apt_update() { image_in_root apt-get update -q; }
image_step_apt() { image_step 'RUN apt-get update' image_apt_update; }
image_remove_lists()
{
	rm -rf "$root/var/lib/apt/lists"
	install -d "$root/var/lib/apt/lists"
	find "$root/var/log" -type f -delete
}
image_step_cleanup()
{
	image_step 'RUN rm -rf /var/lib/apt/lists/*' image_remove_lists
}

# image_add_user NAME ID [USERADD-OPTION...]: a system user and its group.
image_add_user()
{
	image_in_root groupadd --system --gid "$2" "$1"
	image_in_root useradd --system --gid "$1" --uid "$2" \
	    --no-create-home --shell /usr/sbin/nologin "${@:3}" "$1"
}

# image_forget_packages NAME...: their files stay, as if they were compiled.
image_forget_packages()
{
	local package
	for package; do
		rm -f "$root/var/lib/dpkg/info/$package".*
		image_in_root dpkg --purge --force-depends "$package"
	done
}

# image_step_foreign ARCHITECTURE PACKAGE...: packages for another machine,
# unpacked and not configured.
image_step_foreign()
{
	local packages=$2 architecture=$1
	shift 2
	packages+=$(printf ',%s' "$@")
	image_foreign()
	{
		mmdebstrap --quiet --mode=root --format=tar --variant=extract \
		    --skip=output/dev --architectures="$architecture" \
		    --aptopt='Acquire::Languages "none"' \
		    --include="$packages" "$image_suite" - - \
		    < "$image_work/mnt/sources.list" |
		    tar -C "$root" -xp --numeric-owner
	}
	echo "$architecture" > "$image_work/architecture"
	image_step "ADD rootfs.tar /" image_foreign
}

# image_meta CREATED_BY: an instruction that changes the config only.
image_meta()
{
	python3 "$image_dir/oci_image.py" empty "$image_work" "$1"
}

# image_finish LAYOUT TAG: writes the layout; the config is read from stdin.
image_finish()
{
	cat > "$image_work/config.json"
	python3 "$image_dir/oci_image.py" finish "$image_work" \
	    "$image_work/config.json" "$1" "$2"
}
