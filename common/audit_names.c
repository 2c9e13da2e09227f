#include "audit_names.h"

#include <string.h>

#include "winnow/audit.h"

/* Each list ends with NULL. */
static const char *const shells[] = {"ash", "bash", "busybox", "csh", "dash",
    "elvish", "es", "fish", "git-shell", "hush", "ksh", "ksh93", "lksh", "mksh",
    "nu", "oksh", "pdksh", "posh", "pwsh", "rbash", "rc", "rksh", "rksh93",
    "rssh", "rzsh", "sash", "sh", "slsh", "static-sh", "tcsh", "toysh", "xonsh",
    "yash", "zsh", NULL};

static const char *const package_managers[] = {"add-apt-repository",
    "alternatives", "apk", "apt", "apt-cache", "apt-cdrom", "apt-config",
    "apt-get", "apt-key", "apt-mark", "aptitude", "bun", "bundle", "bundler",
    "cargo", "chef-client", "composer", "conda", "corepack", "cpan", "cpanm",
    "dnf", "dnf5", "dpkg", "dpkg-deb", "dpkg-divert", "dpkg-preconfigure",
    "dpkg-query", "dpkg-reconfigure", "dpkg-split", "dpkg-statoverride",
    "dpkg-trigger", "easy_install", "emerge", "flatpak", "gem", "guix", "ipkg",
    "luarocks", "mamba", "micromamba", "microdnf", "nix", "nix-env", "npm",
    "npx", "opkg", "pacman", "pear", "pecl", "pip", "pipenv", "pipx", "pkcon",
    "pnpm", "poetry", "rpm", "rpm2cpio", "rpmdb", "rpmkeys", "rpmquery",
    "rustup", "snap", "snapd", "tdnf", "unattended-upgrade",
    "update-alternatives", "urpmi", "uv", "uvx", "xbps-install", "yarn", "yum",
    "zypper", NULL};

static const char *const download_tools[] = {"ab", "aria2c", "axel", "curl",
    "dcp", "dig", "finger", "ftp", "ftpget", "ftpput", "GET", "hping3", "lftp",
    "links", "lwp-download", "lwp-request", "lynx", "mitmproxy", "nc",
    "nc.openbsd", "nc.traditional", "ncat", "netcat", "nmap", "openssl", "rcp",
    "rlogin", "rsh", "rsync", "scp", "sftp", "smbclient", "socat", "socket",
    "ssh", "sshfs", "ssl_client", "tcpdump", "telnet", "tftp", "tshark", "w3m",
    "wget", "wget2", "whois", "zmap", NULL};

static const char *const interpreters[] = {"awk", "bc", "dart", "deno",
    "elixir", "erl", "escript", "expect", "gawk", "gs", "guile", "iex", "irb",
    "java", "jjs", "jrunscript", "jshell", "julia", "lua", "luajit", "mawk",
    "micropython", "mono", "nawk", "node", "nodejs", "octave", "original-awk",
    "perl", "perl6", "php", "php-cgi", "pypy", "python", "qjs", "R", "racket",
    "raku", "rlwrap", "Rscript", "ruby", "sbcl", "tasksh", "tcl", "tclsh",
    "wish", NULL};

static const char *const compilers[] = {"ar", "as", "c++", "c89", "c89-gcc",
    "c99", "c99-gcc", "cc", "cc1", "cc1plus", "clang", "clang++", "cmake",
    "cobc", "collect2", "cpp", "g++", "gas", "gcc", "gcc-ar", "gccgo",
    "gfortran", "ghc", "gmake", "go", "javac", "ld", "ld.bfd", "ld.gold",
    "ld.lld", "lld", "llc", "make", "meson", "nasm", "ninja", "objcopy",
    "patchelf", "rustc", "tcc", "yasm", "zig", NULL};

static const char *const debuggers[] = {"bpftrace", "gcore", "gdb", "gdbserver",
    "lldb", "ltrace", "nm", "objdump", "perf", "readelf", "strace", "valgrind",
    NULL};

static const char *const privilege_tools[] = {"bwrap", "capsh", "chage", "chfn",
    "chpasswd", "chroot", "chsh", "dbus-daemon-launch-helper", "doas", "dzdo",
    "gosu", "gpasswd", "groupadd", "groupmod", "login", "newgidmap", "newgrp",
    "newuidmap", "newusers", "nsenter", "passwd", "pkexec", "runuser",
    "setpriv", "sg", "su", "su-exec", "sudo", "sudoedit", "suexec", "sulogin",
    "unshare", "useradd", "userdel", "usermod", "vipw", NULL};

static const struct {
	enum audit_category category;
	bool versioned; /* NAME12, NAME-12, NAME3.11 mean the same */
	const char *const *names;
} lists[] = {
    {AUDIT_SHELL, false, shells},
    {AUDIT_PACKAGE_MANAGER, true, package_managers},
    {AUDIT_DOWNLOAD, false, download_tools},
    {AUDIT_INTERPRETER, true, interpreters},
    {AUDIT_COMPILER, true, compilers},
    {AUDIT_DEBUGGER, true, debuggers},
    {AUDIT_PRIVILEGE, false, privilege_tools},
};

static const char *const multicalls[] = {
    "busybox", "coreutils", "sbase-box", "toybox", "ubase-box", NULL};

/* Enough of the common ones to know a directory of links by. */
static const char *const applets[] = {"[", "[[", "ash", "awk", "base64",
    "basename", "bunzip2", "bzcat", "cal", "cat", "chgrp", "chmod", "chown",
    "chroot", "cksum", "clear", "cmp", "comm", "cp", "cpio", "cut", "date",
    "dc", "dd", "df", "diff", "dirname", "dmesg", "du", "echo", "ed", "egrep",
    "env", "expand", "expr", "factor", "false", "fgrep", "find", "fold", "free",
    "fuser", "getopt", "grep", "groups", "gunzip", "gzip", "halt", "head",
    "hexdump", "hostid", "hostname", "id", "ifconfig", "init", "install", "ip",
    "kill", "killall", "less", "ln", "logger", "logname", "ls", "lsof",
    "md5sum", "mkdir", "mkfifo", "mknod", "mktemp", "more", "mount", "mv", "nc",
    "netstat", "nice", "nl", "nohup", "nproc", "nslookup", "od", "paste",
    "patch", "pgrep", "pidof", "ping", "pkill", "printenv", "printf", "ps",
    "pwd", "readlink", "realpath", "reboot", "renice", "reset", "rev", "rm",
    "rmdir", "route", "sed", "seq", "sh", "sha1sum", "sha256sum", "sha512sum",
    "shred", "shuf", "sleep", "sort", "split", "stat", "strings", "stty", "su",
    "sum", "sync", "tac", "tail", "tar", "tee", "telnet", "test", "tftp",
    "time", "timeout", "top", "touch", "tr", "traceroute", "true", "truncate",
    "tty", "umount", "uname", "uniq", "unlink", "unxz", "unzip", "uptime",
    "usleep", "uudecode", "uuencode", "vi", "watch", "wc", "wget", "which",
    "who", "whoami", "xargs", "xxd", "yes", "zcat", NULL};

static bool
is_in_list(const char *const *names, const char *name, size_t len)
{
	for (; *names != NULL; names++)
		if (strncmp(*names, name, len) == 0 && (*names)[len] == '\0')
			return true;
	return false;
}

static int
find_category(const char *name, size_t len, bool versioned_only)
{
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if ((lists[i].versioned || !versioned_only) &&
		    is_in_list(lists[i].names, name, len))
			return (int)lists[i].category;
	return -1;
}

/* The length without a version: "3.11", "-12". */
static size_t
strip_version(const char *name, size_t len)
{
	size_t n = len;

	while (n > 0 && strchr("0123456789.", name[n - 1]) != NULL)
		n--;
	if (n > 0 && n < len && name[n - 1] == '-')
		n--;
	return n;
}

/* Where the name starts behind a target triplet ("x86_64-linux-gnu-"). */
static size_t
skip_triplet(const char *name, size_t len)
{
	static const char *const systems[] = {
	    "-linux-gnu-", "-linux-musl-", "-linux-gnueabihf-"};
	size_t i;

	for (i = 0; i < sizeof(systems) / sizeof(systems[0]); i++) {
		const char *at =
		    memmem(name, len, systems[i], strlen(systems[i]));

		if (at != NULL)
			return (size_t)(at - name) + strlen(systems[i]);
	}
	return 0;
}

int
audit_name_category(const char *name, size_t len)
{
	size_t skip = skip_triplet(name, len), stripped;
	int category;

	name += skip;
	len -= skip;
	category = find_category(name, len, false);
	stripped = strip_version(name, len);
	if (category == -1 && stripped >= 2 && stripped < len)
		category = find_category(name, stripped, true);
	return category;
}

bool
audit_name_is_multicall(const char *name, size_t len)
{
	return is_in_list(multicalls, name, len);
}

bool
audit_name_is_applet(const char *name, size_t len)
{
	return is_in_list(applets, name, len);
}
