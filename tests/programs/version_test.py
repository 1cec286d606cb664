"""The version that git gives: of tags, commits, changes, clones, worktrees and tarballs; and that a build keeps up with it.

usage: version_test.py BUILD
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = SOURCE / "cmake/StrongroomVersion.cmake"
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()


def run(*words, folder=None, **environment):
    keep = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    return subprocess.run([str(w) for w in words], cwd=folder, check=True, capture_output=True, text=True,
                          env=keep | environment).stdout.strip()


def older(one, other):
    """As dpkg and apt compare."""
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other]).returncode == 0


class VersionTest(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name).resolve()
        self.checkout = self.folder / "checkout"
        self.checkout.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words, folder=None, **environment):
        return run("git", "-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false",
                   "-c", "protocol.file.allow=always", *words, folder=folder or self.checkout, **environment)

    def commit(self, minute):
        (self.checkout / "file").write_text(f"{minute}\n")
        self.git("add", "file")
        self.git("commit", "-q", "-m", "a", GIT_COMMITTER_DATE=f"2026-01-31T13:{minute:02}:00+01:00")
        return self.git("rev-parse", "HEAD")[:12]

    def version(self, folder=None, **environment):
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        run(shutil.which("cmake"), "-D", f"FOLDER={folder or self.checkout}", "-D", f"OUT={out}", "-P", SCRIPT, **environment)
        version = (out / "version.txt").read_text().strip()
        self.assertIn(f'return "{version}";', (out / "version.cc").read_text())
        return version

    def test_is_the_time_and_hash_of_a_commit(self):
        self.assertEqual(self.version(), "0.1.0")  # of no commit at all
        digest = self.commit(5)
        self.assertEqual(self.version(), f"0.1.0+20260131120500.g{digest}")
        (self.checkout / "untracked").write_text("")
        self.assertEqual(self.version(), f"0.1.0+20260131120500.g{digest}")
        (self.checkout / "file").write_text("changed")
        self.assertEqual(self.version(), f"0.1.0+20260131120500.g{digest}-dirty")

    def test_is_the_tag_of_a_release(self):
        self.commit(1)
        self.git("tag", "v0.2.0")
        self.assertEqual(self.version(), "0.2.0")
        (self.checkout / "file").write_text("changed")
        self.assertRegex(self.version(), r"^0\.2\.0\+20260131120100\.g[0-9a-f]{12}-dirty$")
        digest = self.commit(2)
        for tag in ("v0.3.0-rc1", "nightly", "v4"):
            self.git("tag", tag)
        self.assertEqual(self.version(), f"0.2.0+20260131120200.g{digest}")

    def test_sorts_in_time(self):
        found = []
        for minute in range(12):
            self.commit(minute)
            found.append(self.version())
            if minute == 5:
                self.git("tag", "v0.2.0")
                found.append(self.version())
        (self.checkout / "file").write_text("changed")
        found.append(self.version())
        for one, other in zip(found, found[1:]):
            self.assertTrue(older(one, other), f"{one} is not older than {other}")

    def test_is_the_same_in_clones_and_worktrees(self):
        self.commit(1)
        self.commit(2)
        version = self.version()
        self.git("clone", "-q", "--depth", "1", f"file://{self.checkout}", self.folder / "shallow")
        self.git("worktree", "add", "-q", "--detach", self.folder / "worktree")
        for name in ("shallow", "worktree"):
            self.assertEqual(self.version(self.folder / name), version, name)

    def test_is_not_that_of_a_checkout_whose_hook_builds(self):
        self.commit(1)
        version = self.version()
        other = self.folder / "other"
        self.git("init", "-q", other, folder=self.folder)
        self.git("commit", "-q", "--allow-empty", "-m", "b", folder=other)
        for told in ({"GIT_DIR": other / ".git"}, {"GIT_DIR": other / ".git", "GIT_WORK_TREE": self.checkout},
                     {"GIT_INDEX_FILE": other / ".git/index"}, {"GIT_OBJECT_DIRECTORY": other / ".git/objects"}):
            with self.subTest(told):
                self.assertEqual(self.version(**{name: str(path) for name, path in told.items()}), version)

    def test_needs_no_git(self):
        self.commit(1)
        tarball = self.checkout / "tarball"  # unpacked in a checkout that is not its own
        tarball.mkdir()
        self.assertEqual(self.version(tarball), "0.1.0")
        outside = self.folder / "outside"
        outside.mkdir()
        self.assertEqual(self.version(outside), "0.1.0")
        self.assertEqual(self.version(PATH=str(outside)), "0.1.0")  # no git on this machine

    def test_a_build_folder_keeps_up_and_compiles_one_file(self):
        (self.checkout / "base").mkdir()
        shutil.copy(SOURCE / "src/base/version.h", self.checkout / "base")
        (self.checkout / "main.cc").write_text(
            '#include <iostream>\n#include "base/version.h"\nint main() { std::cout << strongroom::Version(); }\n')
        (self.checkout / "CMakeLists.txt").write_text(
            f'cmake_minimum_required(VERSION 3.25)\nproject(p LANGUAGES CXX)\ninclude("{SCRIPT}")\n'
            "include_directories(.)\nset(CMAKE_CXX_STANDARD 23)\nstrongroom_version_library(v)\n"
            "add_executable(p main.cc)\ntarget_link_libraries(p v)\n")
        self.git("add", "base", "main.cc", "CMakeLists.txt")
        build = self.folder / "build"

        def built():
            said = run("ninja", "-v", "-C", build)
            return run(build / "p"), said.count(" -c ")

        self.commit(1)
        run("cmake", "-G", "Ninja", "-B", build, "-S", self.checkout, folder=self.folder)
        self.assertEqual(built(), (self.version(), 2))
        self.assertEqual(built(), (self.version(), 0))
        for minute in (2, 3):
            self.commit(minute)
            self.assertEqual(built(), (self.version(), 1))
        self.assertEqual(built(), (self.version(), 0))


class ProgramsTest(unittest.TestCase):
    def test_say_the_version_of_the_build(self):
        version = (BUILD / "version.txt").read_text().strip()
        for name in ("strongroom", "strongroom-agent", "strongroom-coordinator", "strongroom-modelserver",
                     "strongroom-simtee", "strongroom-webhook"):
            self.assertEqual(run(BUILD / "bin" / name, "--version").split()[-1], version, name)


if __name__ == "__main__":
    unittest.main()
