"""Compares the table of docs/protocols/limits.md with the defaults in src/net and src/coordinator and with the tests that it
names."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
NET = ROOT / "src/net"
COORDINATOR = ROOT / "src/coordinator"
# Beside net::Limits: what a route and a method may set for themselves, and the coordinator's own.
ALSO = {"max_body_bytes": NET / "router.h", "max_message_bytes": NET / "grpc_service.h",
        "quote_burst": COORDINATOR / "core/quote_budget.h", "quotes_per_second": COORDINATOR / "core/quote_budget.h"}
FIELD = re.compile(r"^\s*[\w:]+ (\w+)\s*(?:=\s*|\{)([0-9][^;}]*?)\}?;", re.MULTILINE)
UNITS = {"s": 1000, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "": 1}
TEST = re.compile(r"^TEST(?:_F|_P)?\(\w+, (\w+)\)", re.MULTILINE)


def number(expression):
    """`16 << 20`, `32 * 1024`, `1ULL << 30`, `10'000` as C++ reads them."""
    left, operator, right = re.fullmatch(r"(\d+)(?: (<<|\*) (\d+))?", re.sub(r"'|ULL", "", expression)).groups()
    return int(left) * (1 if operator is None else int(right) if operator == "*" else 2 ** int(right))


def defaults():
    fields = {name: number(value) for name, value in FIELD.findall((NET / "limits.h").read_text())}
    for name, header in ALSO.items():
        fields[name] = dict((n, number(v)) for n, v in FIELD.findall(header.read_text()))[name]
    return fields


def named_tests():
    return {name for folder in (NET, COORDINATOR / "api") for path in folder.glob("*_test.cc")
            for name in TEST.findall(path.read_text())}


def promised(text, count):
    """The first `count` numbers of a row's default: `10 s, then 4 KiB/s in the mean`."""
    for part in text.split(", ")[:count]:
        if part.startswith("none"):
            yield 0
            continue
        match = re.match(r"(?:then )?(\d+)(?: (KiB|MiB|GiB|s)\b)?", part)
        yield int(match[1]) * UNITS[match[2] or ""] if match else None


def violations(table, fields, tests):
    described = set()
    for line in table.splitlines():
        if not line.startswith("|") or line.startswith(("| Limit ", "|---")):
            continue
        limit, default, _, named = (cell.strip() for cell in line.strip("|").split("|"))
        names = [name for name in re.findall(r"`(\w+)`", limit)]
        described.update(names)
        for name, found in zip(names, list(promised(default, len(names))) + [None] * len(names)):
            if name not in fields:
                yield f"{name}: there is no such limit"
            elif found != fields[name]:
                yield f"{name}: the table says \"{default}\", the code {fields[name]}"
        rows_tests = re.findall(r"`(\w+)`", named)
        if not rows_tests:
            yield f"{limit}: the table names no test"
        for test in rows_tests:
            if test not in tests:
                yield f"{limit}: there is no test {test} in src/net or src/coordinator/api"
    for name in sorted(set(fields) - described):
        yield f"{name}: not in the table"


def self_test(table, fields, tests):
    """The test must be able to fail: for another default, a test that is gone and a limit without a row."""
    others = (table.replace("| 4096 |", "| 4097 |"), table.replace("| 10 s |", "| 11 s |", 1),
              table.replace("`RapidReset`", "`Rapid`"), table.replace("| 50, then 10/s", "| 50, then 11/s"),
              table.replace("| `max_target_bytes`", "| `max_target`"))
    return all(other != table and any(violations(other, fields, tests)) for other in others)


def main():
    text = (ROOT / "docs/protocols/limits.md").read_text()
    table = text[text.index("| Limit "):text.index("\n\n", text.index("| Limit "))]
    fields, tests = defaults(), named_tests()
    if len(fields) < 20 or len(tests) < 20:
        print(f"only {len(fields)} limits and {len(tests)} tests were read: the test looked in the wrong place")
        return 1
    if not self_test(table, fields, tests):
        print("the test does not see a wrong table")
        return 1
    found = list(violations(table, fields, tests))
    print("\n".join(found) or f"the table describes all {len(fields)} limits as they are")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
