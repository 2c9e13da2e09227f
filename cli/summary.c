#include "summary.h"

#include <inttypes.h>
#include <stdio.h>

#include "winnow/audit.h"
#include "winnow/num.h"

static uint64_t
get_number(const json_t *report, const char *object, const char *key)
{
	return (uint64_t)json_integer_value(
	    json_object_get(json_object_get(report, object), key));
}

static void
print_sizes(const char *what, uint64_t before, uint64_t after)
{
	char a[32], b[32];

	printf("  %-18s %12s %12s\n", what, num_format_size(before, a),
	    num_format_size(after, b));
}

static void
print_counts(const char *what, uint64_t before, uint64_t after)
{
	printf("  %-18s %12" PRIu64 " %12" PRIu64 "\n", what, before, after);
}

/* One line for each category of findings that the source has. */
static void
print_findings(const json_t *audit)
{
	const json_t *findings = json_object_get(audit, "findings"), *f;
	int category;
	size_t i;

	for (category = 0; category < AUDIT_CATEGORIES; category++) {
		const char *name =
		    audit_category_name((enum audit_category)category);
		uint64_t after = 0, removed;

		json_array_foreach(findings, i, f) if (
		    audit_category_parse(json_string_value(
			json_object_get(f, "category"))) == category) after++;
		removed = (uint64_t)json_integer_value(json_object_get(
		    json_object_get(json_object_get(audit, "removed"), name),
		    "count"));
		if (after + removed > 0)
			print_counts(name, after + removed, after);
	}
}

static void
print_report(const json_t *report)
{
	const json_t *packages = json_object_get(report, "packages");
	const json_t *audit = json_object_get(report, "audit"), *warning;
	uint64_t kept = get_number(report, "kept", "files");
	uint64_t bytes = get_number(report, "kept", "bytes");
	size_t i,
	    packages_kept = json_array_size(json_object_get(packages, "kept"));

	printf("%-20s %12s %12s\n",
	    json_string_value(
		json_object_get(json_object_get(report, "source"), "platform")),
	    "before", "after");
	print_sizes("compressed", get_number(report, "sizes", "bytes_before"),
	    get_number(report, "sizes", "bytes_after"));
	print_sizes(
	    "unpacked", bytes + get_number(report, "removed", "bytes"), bytes);
	print_counts("layers", get_number(report, "sizes", "layers_before"),
	    get_number(report, "sizes", "layers_after"));
	print_counts(
	    "files", kept + get_number(report, "removed", "files"), kept);
	print_counts("packages",
	    packages_kept +
		json_array_size(json_object_get(packages, "removed")),
	    packages_kept);
	print_findings(audit);
	printf("  distroless: %s\n",
	    json_string_value(json_object_get(audit, "verdict")));
	json_array_foreach(json_object_get(report, "hints"), i, warning)
	    printf("  hint: %s\n",
		json_string_value(json_object_get(warning, "text")));
	json_array_foreach(json_object_get(report, "warnings"), i, warning)
	    printf("  warning: %s\n", json_string_value(warning));
}

void
summary_print(const json_t *reports)
{
	const json_t *report;
	size_t i;

	json_array_foreach(reports, i, report) print_report(report);
}
