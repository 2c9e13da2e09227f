/* marks: what the bytes of a file say it is, in pieces of any size. */
#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "winnow/auto.h"
#include "winnow/marks.h"

#define PROGRAM_SIZE 8192
/* Where the segments of the program lie. */
#define CODE_AT 4096
#define DATA_AT 5000
#define SEGMENT_LEN 900

#define SHELLS                                                                \
	(MARK_BIT(MARK_BASH) | MARK_BIT(MARK_ASH) | MARK_BIT(MARK_ZSH) |      \
	    MARK_BIT(MARK_MKSH) | MARK_BIT(MARK_PDKSH) |                      \
	    MARK_BIT(MARK_KSH93) | MARK_BIT(MARK_YASH) | MARK_BIT(MARK_CSH) | \
	    MARK_BIT(MARK_FISH) | MARK_BIT(MARK_ELVISH) | MARK_BIT(MARK_RC) | \
	    MARK_BIT(MARK_SASH) | MARK_BIT(MARK_TOYSH) |                      \
	    MARK_BIT(MARK_BUSYBOX) | MARK_BIT(MARK_TOYBOX))

static const struct {
	enum mark mark;
	const char *text;
} samples[] = {
    {MARK_BASH, "GNU bash, version %s (%s)\n"},
    {MARK_ASH, "Illegal number: %s"},
    {MARK_ZSH, "zwc file has wrong version (zsh-%s): %s"},
    {MARK_MKSH, "inaccessible or not found"},
    {MARK_PDKSH, "@(#)PD KSH v5.2.14 99/07/13.2"},
    {MARK_PDKSH, "remove_job: job not found (%s)"},
    {MARK_KSH93, "%s is a shell builtin version of %s"},
    {MARK_YASH, "Yet another shell, version %s\n"},
    {MARK_CSH, "Can't suspend a login shell (yet)"},
    {MARK_FISH, "fish_default_key_bindings"},
    {MARK_ELVISH, "src.elv.sh/pkg/shell.(*Program).Run"},
    {MARK_RC, "rc: cannot shift"},
    {MARK_SASH, "Stand-alone shell (version %s)\n"},
    {MARK_TOYSH, "0^(noediting)(noprofile)(norc)sc:i"},
    {MARK_BUSYBOX, "\tBusyBox is a multi-call binary that combines many"},
    {MARK_TOYBOX, "Toybox %s multicall binary%s\n\n"},
    {MARK_COREUTILS, "  --coreutils-prog=%s"},
    {MARK_UUTILS, " (multi-call binary)\n"},
    {MARK_DPKG, "Debian '%s' package management program version %s.\n"},
    {MARK_APK, "Go and fetch your own coffee."},
    {MARK_PERL, "\nThis is perl 5, version 36, subversion 0 (%-p)"},
    {MARK_PYTHON, "Consider setting $PYTHONHOME to <prefix>"},
    {MARK_LUA, "usage: %s [options] [script [args]]\n"},
    {MARK_LUA, " [options]... [script [args]...].\n"},
    {MARK_PHP, "PHP_INI_SCAN_DIR"},
    {MARK_NODE, "NODE_REPL_HISTORY"},
    {MARK_RUBY, "RUBY_GC_HEAP_GROWTH_FACTOR"},
    {MARK_GDB, "This GDB was configured as \"%s\".\n"},
    {MARK_CURL, "Usage: curl [options...] <url>\n"},
    {MARK_WGET, "Usage: %s [OPTION]... [URL]...\n"},
};

/* A 64-bit program with a code segment, and one of constants when asked. */
static void
make_program(char *out, bool constants)
{
	Elf64_Ehdr header = {.e_ident = ELFMAG,
	    .e_type = ET_DYN,
	    .e_entry = CODE_AT,
	    .e_phoff = sizeof(header),
	    .e_phnum = 2,
	    .e_phentsize = sizeof(Elf64_Phdr)};
	Elf64_Phdr segments[2] = {
	    {.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = CODE_AT,
		.p_filesz = SEGMENT_LEN},
	    {.p_type = constants ? PT_LOAD : PT_NOTE,
		.p_flags = PF_R,
		.p_offset = DATA_AT,
		.p_filesz = SEGMENT_LEN},
	};

	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	memset(out, 'x', PROGRAM_SIZE);
	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), segments, sizeof(segments));
}

/* The marks of a file that comes in pieces: the first, then equal ones. */
static uint32_t
read_marks(
    const char *path, const char *data, size_t len, size_t first, size_t piece)
{
	auto_marks struct marks *m = marks_new();
	size_t at, n;

	marks_start(m, path, len);
	for (at = 0; at < len && marks_wants_more(m); at += n) {
		n = at == 0 ? first : piece;
		n = len - at < n ? len - at : n;
		marks_take(m, data + at, n);
	}
	return marks_finish(m);
}

static void
test_every_program(void **state)
{
	static const size_t pieces[] = {1, 7, 39, 40, 63, 500, PROGRAM_SIZE};
	static char file[PROGRAM_SIZE];
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		make_program(file, true);
		memcpy(file + DATA_AT + 40, samples[i].text,
		    strlen(samples[i].text));
		for (j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
			assert_int_equal(read_marks("x", file, sizeof(file),
					     pieces[j], pieces[j]),
			    MARK_BIT(samples[i].mark));
	}
}

/* A marker is found wherever it lies in a piece. */
static void
test_every_place(void **state)
{
	static const size_t pieces[] = {64, 700, PROGRAM_SIZE};
	static char file[PROGRAM_SIZE];
	size_t i, j, at, len;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		len = strlen(samples[i].text);
		for (at = DATA_AT; at + len <= DATA_AT + SEGMENT_LEN; at++) {
			make_program(file, true);
			memcpy(file + at, samples[i].text, len);
			for (j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++)
				assert_int_equal(
				    read_marks("x", file, sizeof(file),
					pieces[j], pieces[j]),
				    MARK_BIT(samples[i].mark));
		}
	}
}

/* Constants that are one marker, the shortest ones among them. */
static void
test_nothing_else(void **state)
{
	static char file[PROGRAM_SIZE];
	Elf64_Phdr constants;
	size_t i, at = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		make_program(file, true);
		memcpy(&constants, file + at, sizeof(constants));
		constants.p_filesz = strlen(samples[i].text);
		memcpy(file + at, &constants, sizeof(constants));
		memcpy(
		    file + DATA_AT, samples[i].text, strlen(samples[i].text));
		assert_int_equal(
		    read_marks("x", file, sizeof(file), PROGRAM_SIZE, 1),
		    MARK_BIT(samples[i].mark));
	}
}

/* A marker is found wherever two pieces meet, and at either end. */
static void
test_split(void **state)
{
	static const char text[] = "GNU bash, version ";
	static const size_t places[] = {
	    DATA_AT, DATA_AT + 100, DATA_AT + SEGMENT_LEN - 18};
	static char file[PROGRAM_SIZE];
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		make_program(file, true);
		memcpy(file + places[i], text, strlen(text));
		for (cut = places[i] - 2; cut < places[i] + 22; cut++)
			assert_int_equal(read_marks("x", file, sizeof(file),
					     cut, PROGRAM_SIZE),
			    MARK_BIT(MARK_BASH));
		for (cut = places[i] - 2; cut < places[i] + 22; cut++)
			assert_int_equal(
			    read_marks("x", file, sizeof(file), cut, 1),
			    MARK_BIT(MARK_BASH));
	}
	/* One byte more than its segment. */
	make_program(file, true);
	memcpy(file + DATA_AT + SEGMENT_LEN - 17, text, strlen(text));
	assert_int_equal(
	    read_marks("x", file, sizeof(file), PROGRAM_SIZE, 1), 0);
}

static void
test_where(void **state)
{
	static const char text[] = "GNU bash, version ";
	static char file[PROGRAM_SIZE];
	Elf64_Ehdr header;

	(void)state;
	make_program(file, true);
	memcpy(file + CODE_AT, text, strlen(text));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
	/* Without constants of their own they are among the code. */
	make_program(file, false);
	memcpy(file + CODE_AT, text, strlen(text));
	assert_int_equal(
	    read_marks("x", file, sizeof(file), 512, 512), MARK_BIT(MARK_BASH));
	/* Headers at the end, or nowhere: everything is searched. */
	memcpy(&header, file, sizeof(header));
	header.e_phoff = UINT64_MAX - 5;
	memcpy(file, &header, sizeof(header));
	assert_int_equal(
	    read_marks("x", file, sizeof(file), 512, 512), MARK_BIT(MARK_BASH));
	/* A library. */
	header.e_entry = 0;
	memcpy(file, &header, sizeof(header));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
	/* A text that has the words is no program. */
	memset(file, ' ', sizeof(file));
	memcpy(file + DATA_AT, text, strlen(text));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
}

static void
test_big_endian_32_bit(void **state)
{
	static char file[PROGRAM_SIZE];
	Elf32_Ehdr header = {.e_ident = ELFMAG,
	    .e_entry = htobe32(CODE_AT),
	    .e_phoff = htobe32(sizeof(header)),
	    .e_phnum = htobe16(1)};
	Elf32_Phdr segment = {.p_type = htobe32(PT_LOAD),
	    .p_flags = htobe32(PF_R),
	    .p_offset = htobe32(DATA_AT),
	    .p_filesz = htobe32(SEGMENT_LEN)};

	(void)state;
	header.e_ident[EI_CLASS] = ELFCLASS32;
	header.e_ident[EI_DATA] = ELFDATA2MSB;
	memset(file, 'x', sizeof(file));
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), &segment, sizeof(segment));
	memcpy(file + CODE_AT, "NODE_REPL_HISTORY", 17);
	memcpy(file + DATA_AT, "PHP_INI_SCAN_DIR", 16);
	assert_int_equal(
	    read_marks("x", file, sizeof(file), 512, 512), MARK_BIT(MARK_PHP));
}

/* The first bytes of a program that UPX 4.2 made of a dash. */
static void
make_packed(char *out)
{
	Elf64_Ehdr header = {.e_ident = ELFMAG,
	    .e_type = ET_DYN,
	    .e_entry = 0x302b0,
	    .e_phoff = sizeof(header),
	    .e_phnum = 3,
	    .e_phentsize = sizeof(Elf64_Phdr)};
	Elf64_Phdr segments[3] = {
	    {.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_filesz = 0x1000,
		.p_memsz = 0x21f70},
	    {.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_filesz = PROGRAM_SIZE,
		.p_vaddr = 0x22000},
	    {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W},
	};

	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	memset(out, 'x', PROGRAM_SIZE);
	memcpy(out, &header, sizeof(header));
	memcpy(out + sizeof(header), segments, sizeof(segments));
	memcpy(out + 236, "UPX!\xf4\x0a\x0e\x16", 8);
}

static void
test_packed(void **state)
{
	static char file[PROGRAM_SIZE];
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	(void)state;
	make_packed(file);
	assert_int_equal(
	    read_marks("x", file, sizeof(file), 63, 63), MARK_BIT(MARK_PACKED));
	/* Without its magic by its shape, unless it has sections. */
	memcpy(file + 236, "XXXX", 4);
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512),
	    MARK_BIT(MARK_PACKED));
	memcpy(&header, file, sizeof(header));
	header.e_shoff = 4096;
	memcpy(file, &header, sizeof(header));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
	/* Nor where it is linked dynamically, or the data lie elsewhere. */
	make_packed(file);
	memcpy(file + 236, "XXXX", 4);
	memcpy(&segment, file + 64, sizeof(segment));
	segment.p_offset = 4096;
	memcpy(file + 64, &segment, sizeof(segment));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
	segment.p_offset = 0;
	memcpy(file + 64, &segment, sizeof(segment));
	segment.p_type = PT_DYNAMIC;
	memcpy(file + 64 + 2 * sizeof(segment), &segment, sizeof(segment));
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
	/* The magic elsewhere: a program that looks for it. */
	make_program(file, true);
	memcpy(file + DATA_AT + 8, "UPX!", 4);
	assert_int_equal(read_marks("x", file, sizeof(file), 512, 512), 0);
}

#define BASE64 "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"

static void
test_keys(void **state)
{
	static const struct {
		const char *path, *text;
		bool is_key;
	} files[] = {
	    {"a", "-----BEGIN PRIVATE KEY-----\n" BASE64 "\n", true},
	    {"a", "-----BEGIN RSA PRIVATE KEY-----\r\n" BASE64 "\r\n", true},
	    {"a", "-----BEGIN OPENSSH PRIVATE KEY-----\n" BASE64 "\n", true},
	    {"a",
		"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
		"DEK-Info: AES-128-CBC,00\n\n" BASE64 "\n",
		true},
	    {"a", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" BASE64 "\n",
		true},
	    {"a", "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\n", true},
	    {"a",
		"-----BEGIN CERTIFICATE-----\n" BASE64
		"\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE "
		"KEY-----\n" BASE64 "\n",
		true},
	    {"a",
		"Bag Attributes\n    friendlyName: x\n-----BEGIN ENCRYPTED "
		"PRIVATE KEY-----\n" BASE64 "\n",
		true},
	    {"tls.key", "# comment\n-----BEGIN PRIVATE KEY-----\n" BASE64 "\n",
		true},
	    {"a", "-----BEGIN CERTIFICATE-----\n" BASE64 "\n", false},
	    {"a", "-----BEGIN PUBLIC KEY-----\n" BASE64 "\n", false},
	    {"a.pem", "The line -----BEGIN PRIVATE KEY----- starts\n" BASE64,
		false},
	    {"a", "-----BEGIN PRIVATE KEY-----\" in line:\n" BASE64, false},
	    {"a", "-----BEGIN PRIVATE KEY-----\n...\n", false},
	    {"a", "-----BEGIN PRIVATE KEY-----\n", false},
	    {"a", "-----BEGIN PRIVATE KEY-----", false},
	    {"a.key", "PRIVATE KEY", false},
	};
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		for (piece = 1; piece < 300; piece += 13)
			assert_int_equal(
			    read_marks(files[i].path, files[i].text,
				strlen(files[i].text), piece, piece),
			    files[i].is_key ? MARK_BIT(MARK_PRIVATE_KEY) : 0);
}

static void
test_holes(void **state)
{
	auto_marks struct marks *m = marks_new();
	static char file[PROGRAM_SIZE];

	(void)state;
	make_program(file, true);
	memcpy(file + DATA_AT + 100, "GNU bash, version ", 18);
	marks_start(m, "x", PROGRAM_SIZE);
	marks_take(m, file, 4096);
	marks_take(m, NULL, DATA_AT - 4096);
	marks_take(m, file + DATA_AT, PROGRAM_SIZE - DATA_AT);
	assert_int_equal(marks_finish(m), MARK_BIT(MARK_BASH));
	/* In its head, behind the program headers. */
	marks_start(m, "x", PROGRAM_SIZE);
	marks_take(m, file, 1024);
	marks_take(m, NULL, 512);
	marks_take(m, file + 1536, PROGRAM_SIZE - 1536);
	assert_int_equal(marks_finish(m), MARK_BIT(MARK_BASH));
	marks_start(m, "x", UINT64_C(1) << 40);
	marks_take(m, NULL, UINT64_C(1) << 40);
	assert_int_equal(marks_finish(m), 0);
}

/* Names of this machine's programs that are shells or hold one. */
static bool
is_shell_name(const char *path)
{
	static const char *const names[] = {"bash", "dash", "busybox", "toybox",
	    "zsh", "mksh", "lksh", "ksh93", "sh", "tcsh", "fish", "sash"};
	const char *base = strrchr(path, '/') + 1;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(base, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static unsigned host_files, host_shells;

static int
check_host_file(
    const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	auto_fd int fd = -1;
	uint32_t found;
	char *data;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	data = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return 0;
	found = read_marks(path, data, (size_t)st->st_size, 65536, 65536);
	munmap(data, (size_t)st->st_size);
	host_files++;
	if ((found & MARK_BIT(MARK_PACKED)) != 0)
		fail_msg("%s is taken for packed", path);
	if ((found & SHELLS) == 0)
		return 0;
	host_shells++;
	if (!is_shell_name(path))
		fail_msg("%s is no shell: marks %#x", path, found);
	return 0;
}

/* Nothing of this machine is taken for a shell that is none. */
static void
test_host(void **state)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin",
	    "/usr/share/doc", "/usr/share/bash-completion"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		nftw(dirs[i], check_host_file, 16, FTW_PHYS);
	print_message("%u files, %u shells\n", host_files, host_shells);
	assert_true(host_shells >= 2); /* bash and dash */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_program),
	    cmocka_unit_test(test_every_place),
	    cmocka_unit_test(test_nothing_else),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_where),
	    cmocka_unit_test(test_big_endian_32_bit),
	    cmocka_unit_test(test_packed),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_holes),
	    cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
