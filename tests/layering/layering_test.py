"""Compares every #include of src/ and programs/ with tools/layers.toml, and looks for calls that throw where errors are
values."""
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


def includes(path):
    """(line number, opening quote, target) of each #include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, *match.groups()


def program_violations(root, table):
    """What programs include: their own files, base, and the rooms that [programs] gives them; behind doors, nothing."""
    rooms, always = table["rooms"], table["any"]
    folders = sorted(path for path in (root / "programs").iterdir() if path.is_dir())
    if {folder.name for folder in folders} != set(table["programs"]):
        yield f"programs {[folder.name for folder in folders]}, in tools/layers.toml {sorted(table['programs'])}"
    for folder in folders:
        allowed = ["base", *always, *table["programs"].get(folder.name, [])]
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(root / "programs")
            if path.suffix not in (".cc", ".h") or is_for_tests(str(relative)):
                continue
            for number, quote, target in includes(path):
                where = f"programs/{relative}:{number}"
                if quote == "<":
                    if any(target.startswith(door) for door in table["doors"]):
                        yield f"{where}: <{target}> belongs behind its door, in src/"
                elif is_for_tests(target):
                    yield f"{where}: \"{target}\" is for tests, and this is shipped"
                elif not (path.parent / target).is_file():
                    other = "proto" if target.endswith(".pb.h") else room_of(pathlib.PurePath(target), rooms)
                    if other not in allowed:
                        yield f"{where}: {folder.name} may not include {other} (\"{target}\")"


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
        for number, quote, target in includes(path):
            seen += 1
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


# std::filesystem comes in pairs: with a std::error_code at the end, and throwing. A failed throw ends the program.
FILESYSTEM = r"(?:std::filesystem|fs)::"
THROWING = re.compile(
    FILESYSTEM + r"(?:(?:recursive_)?directory_iterator(?:\s+\w+)?|absolute|(?:weakly_)?canonical|copy\w*|create_\w+|"
    r"current_path|equivalent|exists|file_size|hard_link_count|is_\w+|last_write_time|permissions|proximate|read_symlink|"
    r"relative|remove(?:_all)?|rename|resize_file|space|(?:symlink_)?status|temp_directory_path)\s*([({])|"
    r"\.(?:is_(?:block_file|character_file|directory|empty|fifo|other|regular_file|socket|symlink)|symlink_status)(\()")
OVER_ITERATOR = re.compile(r"\bfor\s*\([^;()]*[^:;()]:\s*" + FILESYSTEM + r"(?:recursive_)?directory_iterator\b")
ERROR_CODE = re.compile(r"\bstd::error_code&?\s+(\w+)")


def last_argument(text, at):
    """The last of the arguments that the bracket at `at` opens."""
    depth, start = 0, at + 1
    for i in range(at, len(text)):
        if text[i] in "([{":
            depth += 1
        elif text[i] in ")]}":
            depth -= 1
            if depth == 0:
                return text[start:i].strip()
        elif text[i] == "," and depth == 1:
            start = i + 1
    return ""


def throwing_calls(root):
    """Calls of std::filesystem in shipped code that throw; the pure ones on paths cannot fail."""
    seen = 0
    for path in sorted([*root.glob("src/**/*"), *root.glob("programs/**/*")]):
        relative = path.relative_to(root)
        if path.suffix not in (".cc", ".h") or is_for_tests("/".join(relative.parts[1:])):
            continue
        text = re.sub(r"//[^\n]*", "", path.read_text())
        codes = set(ERROR_CODE.findall(text))
        for match in OVER_ITERATOR.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{relative}:{line}: a range-for over a folder throws, wanted ListFolder of base/files.h, or increment(error)"
        for match in THROWING.finditer(text):
            seen += 1
            bracket = match.start(1) if match.group(1) else match.start(2)
            last = last_argument(text, bracket)
            if last in codes or (last == "" and "iterator" in match.group()):
                continue  # an iterator of nothing is the end of all
            line = text.count("\n", 0, match.start()) + 1
            call = match.group().rstrip("({ ")
            yield f"{relative}:{line}: {call} throws, wanted a std::error_code as its last argument, or base/files.h"
    if seen < 10:
        yield f"only {seen} calls of std::filesystem were read: the test looked in the wrong place"


def throwing_self_test():
    """The made-up calls that throw are found, and no others."""
    import tempfile
    good = ["std::error_code error;", "fs::is_directory(Path(a, b), error);", "std::filesystem::exists(\n  path,\n  error);",
            "for (fs::directory_iterator at(folder, error), end; at != end; at.increment(error)) {}",
            "at->is_directory(error);", "fs::directory_iterator();", "// fs::exists(path)", "fs::path(text).filename();",
            "for (const fs::path& place : places) {}", "std::rename(a, b);", "report.status();", "fs::remove_all(path, error);"]
    bad = ["fs::is_directory(path)", "std::filesystem::exists(folder /\n  name(a, error))", "fs::absolute(path).string()",
           "fs::read_symlink(path)", "fs::directory_iterator at(path)", "fs::directory_iterator{path}", "at->path().is_directory()",
           "entry.is_directory()", "for (const fs::directory_entry& e : fs::directory_iterator(path, error)) {}",
           "for (const auto& e :\n std::filesystem::recursive_directory_iterator(path, error)) {}", "fs::remove_all(path)",
           "fs::create_directories(path.parent_path())", "fs::temp_directory_path()", "fs::exists(path, errors)"]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src/attest").mkdir(parents=True)
        (root / "programs").mkdir()
        (root / "src/attest/good.cc").write_text("\n".join(good * 5))
        (root / "src/attest/good_test.cc").write_text(";\n".join(bad))
        if found := list(throwing_calls(root)):
            print("\n".join(found))
            return False
        for row in bad:
            (root / "programs/bad.cc").write_text("std::error_code error;\n" + row)
            if [f for f in throwing_calls(root) if not f.startswith("programs/bad.cc:2:")] or not list(throwing_calls(root)):
                print(f"not found: {row}")
                return False
    return True


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
            "good.cc" in f or "bad_test.cc:1:" in f for f in found) and programs_self_test(root, table)


def programs_self_test(root, table):
    """The same for programs: the simulator in the coordinator, and a program that the table lacks."""
    for name in (*table["programs"], "strongroom-new"):
        (root / "programs" / name).mkdir(parents=True)
    (root / "programs/strongroom-coordinator/options.h").touch()
    (root / "programs/strongroom-coordinator/main.cc").write_text(
        '#include "sim/world.h"\n#include "simtee/commands.h"\n#include "testing/process.h"\n#include <openssl/evp.h>\n'
        '#include "options.h"\n#include "base/bytes.h"\n#include "coordinator/api/front_ends.h"\n#include <vector>\n')
    (root / "programs/strongroom-coordinator/main_test.cc").write_text('#include "sim/world.h"\n')
    found = list(program_violations(root, table))
    return len(found) == 5 and "strongroom-new" in found[0] and all(
        f"coordinator/main.cc:{number}:" in text for number, text in enumerate(found[1:], 1))


def main():
    table = tomllib.loads((ROOT / "tools/layers.toml").read_text())
    if not self_test(table):
        print("the layering test does not see a forbidden include")
        return 1
    if not throwing_self_test():
        print("the layering test does not tell calls that throw from others")
        return 1
    found = [*violations(ROOT, table), *program_violations(ROOT, table), *throwing_calls(ROOT)]
    print("\n".join(found) or "every include follows tools/layers.toml, and no call of std::filesystem throws")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
