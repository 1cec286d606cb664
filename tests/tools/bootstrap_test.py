"""tools/bootstrap on machines where something is missing: commands of the test's own stand for dpkg, apt and pip."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What bootstrap needs of every machine; all else it finds in the folder of the machine that a test made up.
TOOLS = ("awk", "bash", "cat", "dirname", "env", "grep", "mktemp", "rm", "sha256sum", "tail")

NOBODY = 65534 if os.geteuid() == 0 else None  # anybody but root


class Bootstrap(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.commands, self.checkout = self.folder / "bin", self.folder / "checkout"
        self.commands.mkdir()
        (self.checkout / "tools").mkdir(parents=True)
        for file in ("bootstrap", "requirements.txt"):
            shutil.copy(ROOT / "tools" / file, self.checkout / "tools")
        for tool in TOOLS:
            (self.commands / tool).symlink_to(shutil.which(tool))
        wanted = subprocess.run(["bash", "-c", "source /dev/stdin; echo ${build[*]}"], input=self.arrays(), text=True,
                                capture_output=True, check=True).stdout.split()
        self.assertGreater(len(wanted), 20, "the packages of bootstrap were not found")
        self.installed = wanted
        self.wheels("exit 0")

    def arrays(self):
        """The lines of bootstrap that list packages."""
        text = (ROOT / "tools/bootstrap").read_text()
        return text[text.index("\nbuild=("):text.index("\ntest=(")] + "\n"

    def command(self, name, script):
        path = self.commands / name
        path.write_text(f"#!{shutil.which('bash')}\n{script}\n")
        path.chmod(0o755)

    def wheels(self, script):
        (self.checkout / ".venv/bin").mkdir(parents=True, exist_ok=True)
        pip = self.checkout / ".venv/bin/pip"
        pip.write_text(f"#!{shutil.which('bash')}\n{script}\n")
        pip.chmod(0o755)

    def run_it(self, *words, installed=None, user=None, **environment):
        """Its exit status, standard output and standard error."""
        lines = "\n".join(f"{name} installed" for name in (self.installed if installed is None else installed))
        self.command("dpkg-query", f"cat <<'END'\n{lines}\nEND")
        for path in (self.checkout, self.checkout / ".venv"):
            path.chmod(0o777)
        done = subprocess.run([self.checkout / "tools/bootstrap", *words], text=True, capture_output=True, timeout=60, user=user,
                              env={"PATH": str(self.commands), "TMPDIR": str(self.folder), **environment})
        return done.returncode, done.stdout, done.stderr

    def test_where_all_is_there_it_is_silent_the_second_time(self):
        self.assertEqual(self.run_it()[0], 0)
        self.wheels("echo pip was asked again; exit 1")
        self.assertEqual(self.run_it(), (0, "", ""))

    def test_told_to_install_nothing_it_names_what_is_missing(self):
        self.command("apt-get", "echo apt was asked; exit 1")
        status, out, err = self.run_it(installed=self.installed[1:], STRONGROOM_NO_INSTALL="1")
        self.assertEqual((status, out), (1, ""))
        self.assertEqual(err, f"tools/bootstrap: missing: {self.installed[0]} (not installed: STRONGROOM_NO_INSTALL is set)\n")

    def test_told_to_install_nothing_it_names_the_wheels(self):
        status, _, err = self.run_it(STRONGROOM_NO_INSTALL="1")
        self.assertEqual(status, 1)
        self.assertIn("the wheels of tools/requirements.txt are missing", err)

    def test_without_root_and_sudo_it_says_what_root_should_type(self):
        self.command("apt-get", "echo apt was asked; exit 1")
        status, out, err = self.run_it(installed=self.installed[2:], user=NOBODY)
        self.assertEqual((status, out), (1, ""))
        self.assertIn("no root, no sudo", err)
        self.assertIn(f"  apt-get install -y --no-install-recommends {' '.join(self.installed[:2])}\n", err)

    def test_where_apt_fails_its_words_are_shown(self):
        self.command("apt-get", "echo no route to the archive; exit 100")
        self.command("apt-cache", "echo found")
        self.command("sudo", 'exec "$@"')  # where the test itself is not root
        status, out, err = self.run_it(installed=self.installed[1:])
        self.assertEqual(status, 1)
        self.assertIn(f"installing 1 distribution packages: {self.installed[0]}", out)
        self.assertRegex(err, r"no route to the archive\n.*apt could not install them.*is there a network\?")

    def test_where_pip_fails_the_next_run_tries_again(self):
        self.wheels("echo no route to the index >&2; exit 1")
        status, _, err = self.run_it()
        self.assertEqual(status, 1)
        self.assertRegex(err, r"no route to the index\n.*pip could not install the wheels.*is there a network\?")
        self.wheels("exit 0")
        self.assertEqual(self.run_it()[0], 0)

    def test_an_unknown_group_is_named(self):
        status, _, err = self.run_it("tests")
        self.assertEqual(status, 2)
        self.assertIn('unknown group "tests"', err)
        self.assertIn("usage: tools/bootstrap", err)

    def test_another_distribution_is_named(self):
        done = subprocess.run([self.checkout / "tools/bootstrap"], text=True, capture_output=True, timeout=60,
                              env={"PATH": str(self.commands)})
        self.assertEqual(done.returncode, 1)
        self.assertIn("no dpkg here; Strongroom is built on Debian 12", done.stderr)


if __name__ == "__main__":
    unittest.main()
