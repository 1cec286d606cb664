"""Compares every #include in src/ with tools/layers.toml."""
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
# Tests and fuzzers may use the rooms that make evidence and data for them; the arrows are about what is shipped.
TEST_FILE = re.compile(r"(_(test|fuzz|bench|testing)\.(cc|h)|(^|/)test(ing|_)[^/]*(/.*)?\.(cc|h))$")

TEST_PROGRAMS = {"net/net_echo_server.cc"}  # what foreign clients are tried against


def is_for_tests(path):
    return path in TEST_PROGRAMS or TEST_FILE.search(path) is not None


def room_of(path, rooms):
    """The longest declared room that holds `path` (relative to src), or None."""
    parts = path.parts[:-1]
    for n in range(len(parts), 0, -1):
        name = "/".join(parts[:n])
        if name in rooms:
            return name
    return None


def violations(root, table):
    rooms, always = table["rooms"], table["any"]
    seen = 0
    for path in sorted((root / "src").rglob("*")):
        if path.suffix not in (".cc", ".h"):
            continue
        relative = path.relative_to(root / "src")
        if relative.parts[0] == "testing":
            continue
        room = room_of(relative, rooms)
        if room is None and is_for_tests(str(relative)):
            continue  # tests and benches of several rooms lie above them
        if room is None:
            yield f"{relative}: its room is not in tools/layers.toml"
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            seen += 1
            quote, target = match.groups()
            where = f"{relative}:{number}"
            if quote == "<":
                if (root / "src" / target).is_file():
                    yield f"{where}: <{target}> is ours, wanted quotation marks"
                for door, keepers in table["doors"].items():
                    inside = any(room == k or room.startswith(k + "/") for k in keepers)
                    if target.startswith(door) and not inside and not is_for_tests(str(relative)):
                        yield f"{where}: <{target}> belongs behind {' and '.join(keepers)}"
                continue
            if is_for_tests(str(relative)):
                continue
            if is_for_tests(target):
                yield f"{where}: \"{target}\" is for tests, and this is shipped"
            if target.endswith(".pb.h"):
                other = "proto"
            else:
                other = room_of(pathlib.PurePath(target), rooms)
            if other is None:
                yield f"{where}: \"{target}\" is in no room"
            elif other != room and other != "base" and other not in always + rooms[room]:
                yield f"{where}: {room} may not include {other} (\"{target}\")"
            elif room == "base" and other != "base":
                yield f"{where}: base includes nothing but itself"
    if seen < 50:
        yield f"only {seen} includes were read: the test looked in the wrong place"


def self_test(table):
    """The test must be able to fail: a forbidden arrow in a made-up tree is found."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src/attest").mkdir(parents=True)
        rows = [('"net/server.h"', "may not include net"), ("<boost/asio.hpp>", "belongs behind"),
                ('"attest/testing/quotes.h"', "is for tests"), ('"crypto/test_keys.h"', "is for tests"),
                ('"attest/testing.h"', "is for tests"), ('"testing/process.h"', "is in no room"),
                ("<crypto/hash.h>", "wanted quotation marks"), ("<net/server.h>", "wanted quotation marks"),
                ("<testing/process.h>", "wanted quotation marks")]
        allowed = ['"attest/quote.h"', '"crypto/hash.h"', '"base/bytes.h"', "<vector>", "<sys/stat.h>", "<net/if.h>"]
        for header in ("crypto/hash.h", "net/server.h", "testing/process.h"):
            (root / "src" / header).parent.mkdir(exist_ok=True)
            (root / "src" / header).touch()
        (root / "src/attest/bad.cc").write_text("".join(f"#include {include}\n" for include, _ in rows))
        (root / "src/attest/good.cc").write_text("".join(f"#include {include}\n" for include in allowed))
        (root / "src/attest/bad_test.cc").write_text('#include "attest/testing/quotes.h"\n#include <crypto/hash.h>\n')
        found = list(violations(root, table))
        missed = [row for row in rows if not any(f.startswith("attest/bad.cc:") and row[0].strip('"<>') in f and row[1] in f
                                                 for f in found)]
        return not missed and any("bad_test.cc:2" in f for f in found) and not any(
            "good.cc" in f or "bad_test.cc:1:" in f for f in found)


def main():
    table = tomllib.loads((ROOT / "tools/layers.toml").read_text())
    if not self_test(table):
        print("the layering test does not see a forbidden include")
        return 1
    found = list(violations(ROOT, table))
    print("\n".join(found) or "every include follows tools/layers.toml")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
