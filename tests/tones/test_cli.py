"""`python -m tones`."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tones.announcement import announcement
from tones.cli import main
from tones.detect import Kind, listen
from tones.plan import load_plan, parse_plan
from tones.wav import read_wav, write_wav

Answer = tuple[int, str]


@pytest.fixture
def run() -> Callable[..., Answer]:
    def command(*arguments: object) -> Answer:
        out = io.StringIO()
        code = main([str(argument) for argument in arguments], out)
        return code, out.getvalue()

    return command


def test_the_module_calls_it() -> None:
    done = subprocess.run([sys.executable, "-m", "tones", "show", "fr"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("France (fr)")


class TestList:
    def test_has_every_plan(self, run: Callable[..., Answer]) -> None:
        code, text = run("list")
        assert code == 0
        assert len(text.splitlines()) == 180
        assert "fr     France                                        fr  +33\n" in text
        assert "+1204, +1226, +1236, +1249 and " in text


class TestShow:
    def test_tells_tones_sources_and_reasons(self, run: Callable[..., Answer]) -> None:
        _, text = run("show", "fr")
        assert text.startswith("France (fr)\n  country codes: +33\n  language: fr\n  levels: ")
        assert "congestion: 440/250/250   -10 dBm0   [asterisk, dahdi, yate]\n    why: " in text
        assert "    opal: 440/500/500\n" in text

    def test_tells_notes_and_what_was_left_out(self, run: Callable[..., Answer]) -> None:
        assert 'note: freeswitch lists Korea as "ko"' in run("show", "kr")[1]
        assert "left out: pay of spandsp, !12000/150/150: " in run("show", "cf")[1]
        assert "language: th (announcements in en)" in run("show", "th")[1]
        assert "a variant of us" in run("show", "us-old")[1]

    def test_an_unknown_plan_is_told_which_there_are(
        self, run: Callable[..., Answer], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("show", "zz")[0] == 1
        assert "python -m tones: no tone plan 'zz'; there are: ac, ae" in capsys.readouterr().err


class TestRender:
    @pytest.mark.parametrize("law", [(), ("--law", "a"), ("--law", "u")])
    def test_writes_what_identify_names(self, run: Callable[..., Answer], tmp_path: Path, law: tuple[str, ...]) -> None:
        path = tmp_path / "busy.wav"
        code, text = run("render", "fr", "busy", path, "--seconds", 10, *law)
        assert (code, text) == (0, f"{path}: busy of France: 440/500/500, -10 dBm0\n")
        assert read_wav(path).size == 80_000
        code, text = run("identify", path)
        assert code == 0
        assert text.split(maxsplit=5)[:5] == ["0.00", "-", "10.00", "s", "busy"]
        assert "440 Hz" in text

    def test_says_where_a_tone_is_from_another_plan(self, run: Callable[..., Answer], tmp_path: Path) -> None:
        _, text = run("render", "rs", "busy", tmp_path / "x.wav")
        assert text.endswith(
            "busy of Generic plan of ITU-T E.180: 425/500/500, -10 dBm0 (there is no busy in the plan that was asked)\n"
        )

    @pytest.mark.parametrize("seconds", ["0", "-1", "1e9", "x"])
    def test_times_are_checked(self, run: Callable[..., Answer], seconds: str) -> None:
        with pytest.raises(SystemExit):
            run("render", "fr", "busy", "x.wav", "--seconds", seconds)


class TestIdentify:
    def test_names_busy_or_congestion(self, run: Callable[..., Answer], tmp_path: Path) -> None:
        run("render", "jp", "busy", tmp_path / "x.wav")
        assert "busy or congestion" in run("identify", "--country", "jp", tmp_path / "x.wav")[1]

    def test_draws_what_it_has_named(
        self, run: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn: list[tuple[object, ...]] = []
        monkeypatch.setattr("tones.cli.draw", lambda pcm, *rest: drawn.append((pcm.size, *rest)))
        run("render", "jp", "busy", tmp_path / "x.wav")
        assert run("identify", "--country", "jp", tmp_path / "x.wav", "--plot", "x.png")[0] == 0
        ((size, path, title, heard),) = drawn
        assert (size, path, title) == (80_000, "x.png", "x.wav")
        assert isinstance(heard, list)
        assert [each.countries for each in heard] == [("jp",)]

    def test_a_recording_that_is_too_long_to_draw_is_named_nevertheless(
        self, run: Callable[..., Answer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_wav(tmp_path / "x.wav", np.zeros(8000 * 121, np.int16))
        code, text = run("identify", tmp_path / "x.wav", "--plot", "x.png")
        assert (code, text.split()[4]) == (1, "silence")
        assert "121 s long; at most 120 s are taken here" in capsys.readouterr().err

    def test_recordings_in_a_language(self, run: Callable[..., Answer], tmp_path: Path) -> None:
        write_wav(tmp_path / "x.wav", announcement("hello", "de"))
        assert "recording hello" in run("identify", "--language", "de", tmp_path / "x.wav")[1]

    def test_several_files_are_told_apart(self, run: Callable[..., Answer], tmp_path: Path) -> None:
        for name in "ab":
            write_wav(tmp_path / f"{name}.wav", np.zeros(8000, np.int16))
        lines = run("identify", tmp_path / "a.wav", tmp_path / "b.wav")[1].splitlines()
        assert [line.endswith(":") for line in lines] == [True, False, True, False]
        assert lines[1].split()[4] == "silence"

    def test_a_broken_file_is_told(
        self, run: Callable[..., Answer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "x.wav").write_bytes(b"nonsense")
        assert run("identify", tmp_path / "x.wav")[0] == 1
        assert "not a WAV file" in capsys.readouterr().err
        assert run("identify", tmp_path / "missing.wav")[0] == 1
        assert "No such file" in capsys.readouterr().err


class TestExportAndImport:
    @pytest.mark.parametrize("form", ["indications.conf", "tonescript", "toml"])
    def test_what_is_exported_is_imported(self, run: Callable[..., Answer], tmp_path: Path, form: str) -> None:
        exported = run("export", "fr", "--format", form)[1]
        (tmp_path / "x").write_text(exported, encoding="utf-8")
        imported = parse_plan(run("import", tmp_path / "x")[1])
        for name in ("ringback", "busy", "congestion", "dial"):
            assert imported.tones[name].segments == load_plan("fr").tones[name].segments

    def test_the_whole_world_is_exported(self, run: Callable[..., Answer], tmp_path: Path) -> None:
        (tmp_path / "all.conf").write_text(run("export")[1], encoding="utf-8")
        code, text = run("import", tmp_path / "all.conf", "-o", tmp_path / "plans")
        assert code == 0
        assert len(text.splitlines()) == len(list((tmp_path / "plans").iterdir())) == 180

    def test_a_mistake_names_the_line(
        self, run: Callable[..., Answer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "x.conf").write_text("[fr]\nbusy = nonsense\n")
        assert run("import", tmp_path / "x.conf")[0] == 1
        assert "x.conf:2: busy: element 1, 'nonsense'" in capsys.readouterr().err


class TestExtras:
    """What is not installed is said, with how to get it."""

    def test_playing_without_pyaudio(
        self, run: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setitem(sys.modules, "pyaudio", None)
        assert run("play", "us", "busy")[0] == 1
        assert "playing needs PyAudio: pip install" in capsys.readouterr().err

    def test_drawing_without_matplotlib(
        self,
        run: Callable[..., Answer],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        tmp_path: Path,
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        assert run("plot", "jp", "ringback", "-o", tmp_path / "x.png")[0] == 1
        assert "pictures need matplotlib: pip install matplotlib" in capsys.readouterr().err


def test_a_short_rendering_is_heard(tmp_path: Path, run: Callable[..., Answer]) -> None:
    run("render", "us", "ringback", tmp_path / "x.wav", "--seconds", 3)
    (heard,) = listen(read_wav(tmp_path / "x.wav"))
    assert (heard.kind, heard.name) == (Kind.TONE, "ringback")
