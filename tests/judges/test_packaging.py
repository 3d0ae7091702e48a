"""Installed, plainly or editably, it is whole: every file of the packages is there and twistd finds the plugin."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from attrs import frozen

pytestmark = pytest.mark.judge

TREE: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("gateway", "tones", "twisted")
FILES: Final = ("pyproject.toml", "setup.cfg", "README.md", "LICENSE", "CHANGELOG.md")
LEFT_BEHIND: Final = ("__pycache__", "*.pyc", "dropin.cache")
WITHIN_S: Final = 300

LOOK_AROUND: Final = """
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
import gateway, tones
from gateway.config.settings import Settings
from gateway.exchange.behaviours import built_in_treatments
from gateway.interworking.causes import load_profile
from tones.announcement import available_announcements
from tones.plan import load_plan
print(gateway.__file__)
print(tones.__file__)
print(sorted(each.tapname for each in getPlugins(IServiceMaker) if each.tapname.startswith("pstn")))
print(load_plan("fr").find("busy").tone.name, load_profile("rfc3398").status(17, 0), Settings().numbers.country)
print(bool(built_in_treatments()), "hello" in available_announcements())
"""


@frozen
class Environment:
    """A virtual environment with what the gateway depends on, but without the gateway until it is installed.

    Args:
        folder: where it is.
        source: a copy of the tree.
    """

    folder: Path
    source: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def run(self, *arguments: str) -> str:
        """Run its interpreter in a folder where there is nothing; what it prints is returned."""
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, f"{arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, *what: str) -> None:
        """`pip install`, with the setuptools that there is, where there is one that can."""
        builds_here = find_spec("setuptools") is not None and find_spec("wheel") is not None
        command = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--ignore-installed"]
        command += ["--no-build-isolation"] if builds_here else []
        done = subprocess.run([*command, *what], capture_output=True, text=True, timeout=WITHIN_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    """One of its own for each test."""
    source = tmp_path / "source"
    for package in PACKAGES:
        shutil.copytree(TREE / package, source / package, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    for file in FILES:
        shutil.copy(TREE / file, source / file)
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=WITHIN_S)
    environment = Environment(folder, source)
    # A path in a .pth file brings what is there, but no .pth file of its own: so not the tree that runs this test.
    (environment.packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    yield environment
    shutil.rmtree(tmp_path)


def files_of(folder: Path) -> set[str]:
    """The files of the packages in a folder, but for what Python leaves there."""
    return {
        str(each.relative_to(folder))
        for package in PACKAGES
        for each in (folder / package).rglob("*")
        if each.is_file() and each.suffix != ".pyc" and each.name != "dropin.cache"
    }


def look_around(environment: Environment, home: Path) -> None:
    """Import it, read its data, ask for the plugin."""
    gateway, tones, plugins, *data = environment.run("-c", LOOK_AROUND).splitlines()
    assert Path(gateway) == home / "gateway" / "__init__.py"
    assert Path(tones) == home / "tones" / "__init__.py"
    assert plugins == "['pstn-gateway']"
    assert data == ["busy 486 us", "True True"]
    assert "pstn-gateway" in environment.run("-m", "twisted", "--help")
    settings = environment.folder / "lab.toml"
    settings.write_text('[numbers]\ncountry = "jp"\n')
    assert environment.run("-m", "gateway", "check-config", str(settings)).endswith(": nothing wrong\n")


def test_an_installation_is_whole(environment: Environment) -> None:
    environment.install(str(environment.source))
    assert files_of(environment.packages) == files_of(environment.source)
    kinds = {Path(each).suffix for each in files_of(environment.packages)}
    assert {".toml", ".wav", ".c", ".typed"} <= kinds
    shutil.rmtree(environment.source)
    look_around(environment, environment.packages)


def test_an_editable_installation_finds_the_plugin(environment: Environment) -> None:
    environment.install("--editable", str(environment.source))
    assert not (environment.packages / "gateway").exists()
    look_around(environment, environment.source)
