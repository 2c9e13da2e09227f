# scratch_make TEMPLATE: makes a directory and prints it.  Layers are mounted
# there, which no overlay allows within an overlay: where that is the root, as
# in a container, the directory is in memory.
scratch_make()
{
	local made
	made=$(mktemp -d "$1") || return
	if [ "$(stat -f -c %T "$made")" = overlayfs ] && [ "$(id -u)" = 0 ]; then
		mount -t tmpfs -o mode=700,size=80% winnow-scratch "$made"
	fi
	echo "$made"
}

# scratch_remove DIR: nothing else is mounted in it any more.
scratch_remove()
{
	! mountpoint -q "$1" || umount -l "$1"
	rm -rf --one-file-system "$1"
}
