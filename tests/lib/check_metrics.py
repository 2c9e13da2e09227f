#!/usr/bin/env python3
"""check_metrics.py FILE: whether it is Prometheus' text format 0.0.4, and as
promtool's "check metrics" wants it.  Prints what is wrong; exits 1 then."""
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(
    rf"^({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? "
    r"(-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$")
SUFFIXES = ("_bucket", "_sum", "_count")
faults = []


def family_of(name, types):
    for suffix in SUFFIXES:
        base = name[:-len(suffix)] if name.endswith(suffix) else None
        if base and types.get(base) in ("histogram", "summary"):
            return base
    return name


def check_histogram(name, samples):
    """Buckets rise in bound and count; the last is +Inf and the count."""
    bounds, counts = [], []
    for labels, value in samples.get(name + "_bucket", []):
        bounds.append(float(re.search(r'le="([^"]*)"', labels).group(1)
                            .replace("+Inf", "inf")))
        counts.append(float(value))
    if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != float("inf"):
        faults.append(f"{name}: bounds {bounds}")
    if counts != sorted(counts):
        faults.append(f"{name}: buckets are not cumulative: {counts}")
    total = [float(v) for _, v in samples.get(name + "_count", [])]
    if total != counts[-1:]:
        faults.append(f"{name}: count {total}, last bucket {counts[-1:]}")
    if name + "_sum" not in samples:
        faults.append(f"{name}: no sum")


def main():
    text = open(sys.argv[1], encoding="utf-8", newline="").read()
    types, helps, samples, seen, order = {}, {}, {}, set(), []
    if not text.endswith("\n") or "\r" in text:
        faults.append("lines must end in \\n, the last too")
    for number, line in enumerate(text.split("\n")[:-1], 1):
        meta = re.match(rf"^# (HELP|TYPE) ({NAME}) (.+)$", line)
        sample = SAMPLE.match(line)
        if meta:
            kind, name, value = meta.groups()
            table = helps if kind == "HELP" else types
            if name in table:
                faults.append(f"{number}: a second {kind} of {name}")
            if kind == "TYPE" and value not in ("counter", "gauge", "histogram"):
                faults.append(f"{number}: type {value}")
            table[name] = value
            family = name
        elif sample:
            name, labels, value = sample.groups()
            family = family_of(name, types)
            if family not in types or family not in helps:
                faults.append(f"{number}: {name} without HELP and TYPE")
            if types.get(family) == "counter" and not name.endswith("_total"):
                faults.append(f"{number}: a counter must end in _total")
            if types.get(family) == "gauge" and name.endswith("_total"):
                faults.append(f"{number}: a gauge must not end in _total")
            if types.get(family) != "gauge" and value.startswith("-"):
                faults.append(f"{number}: a negative count")
            if (name, labels) in seen:
                faults.append(f"{number}: {name}{{{labels}}} twice")
            seen.add((name, labels))
            samples.setdefault(name, []).append((labels, value))
        else:
            faults.append(f"{number}: neither comment nor sample: {line}")
            continue
        if not order or order[-1] != family:
            if family in order:
                faults.append(f"{number}: {family} is not in one piece")
            order.append(family)
    for name, kind in types.items():
        if kind == "histogram":
            check_histogram(name, samples)
    if not samples:
        faults.append("no samples at all")
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


main()
