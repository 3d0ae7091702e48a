"""Every mistake in a configuration file is told with file, line and key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gateway.config.settings import Settings
from gateway.config.toml import ConfigErrors, load_settings, read_settings
from gateway.exchange.behaviours import Play
from tones.wav import write_wav

GOOD = """
[sip]
listen = "127.0.0.1:5070"

[numbers]
country = "fr"

[isup]
circuits = "1-31"
t9 = 0

[exchange.behaviours.42]
title = "a tone, then busy"
steps = [{ send = "ACM", in_band = true }, { play = "sine 440 -10" }, { wait = 2 }, { send = "REL", cause = 17 }]
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        read_settings(text, "lab.toml")
    return [str(error) for error in caught.value.errors]


def test_the_built_in_configuration_has_every_ending_of_the_number_plan() -> None:
    endings = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "20"]
    assert sorted(Settings().exchange.behaviours) == endings


def test_a_recording_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    steps = "steps = [{ send = 'CON' }, { play = ['wav own.wav', 'say hello'] }]"
    (tmp_path / "lab.toml").write_text(f"[exchange.behaviours.42]\n{steps}\n")
    with pytest.raises(
        ConfigErrors, match=r"lab.toml:2: exchange.behaviours.42.steps\[2\]: 'wav own.wav': .*own.wav: No such file"
    ):
        load_settings(tmp_path / "lab.toml")
    write_wav(tmp_path / "own.wav", np.full(8000, 1000, np.int16))
    play = load_settings(tmp_path / "lab.toml").exchange.behaviours["42"].steps[1]
    assert isinstance(play, Play)
    assert play.parts == ("wav own.wav", "say hello")
    assert [part for part, _ in play.own] == ["wav own.wav"]


def test_a_good_file_is_read_and_keeps_the_other_defaults() -> None:
    settings = read_settings(GOOD)
    assert settings.sip.listen == ("127.0.0.1", 5070)
    assert settings.numbers.country == "fr"
    assert settings.isup.circuits == (1, 31)
    assert settings.isup.timers.T9 is None
    assert settings.exchange.behaviours["42"].title == "a tone, then busy"
    assert "00" in settings.exchange.behaviours
    assert settings.media == Settings().media


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[sip]\nlisten = "nonsense"\n',
            'lab.toml:2: sip.listen: \'nonsense\' is no address and port; write "127.0.0.1:5060" or "[::1]:5060"',
        ),
        ("[sip]\n\nlistn = 1\n", "lab.toml:3: sip.listn: there is no such key; did you mean listen?"),
        ("[sipp]\n", "lab.toml:1: sipp: there is no such table; did you mean sip?"),
        ('[numbers]\ncountry = "xx"\n', "lab.toml:2: numbers.country: no tone plan 'xx'; there are: "),
        (
            '[interworking]\nprofile = "best"\n',
            "lab.toml:2: interworking.profile: there is no profile 'best'; there is: rfc3398",
        ),
        ('[media]\nrtp_ports = "9-3"\n', "lab.toml:2: media.rtp_ports: '9-3' is no range; write it \"first-last\""),
        ('[isup]\ncircuits = "0-9"\n', "lab.toml:2: isup.circuits: '0-9': circuits are 1 to 4095"),
        ("[isup]\nt7 = -1\n", "lab.toml:2: isup.t7: 't7' must be >= 0.1: -1"),
        ('[isup]\nown_point_code = "9-1-1"\n', "lab.toml:2: isup.own_point_code: point code '9-1-1': zone 9"),
        (
            '[isup]\nown_point_code = "2-100-2"\n',
            "lab.toml:2: isup.own_point_code: the exchange has the gateway's own point code",
        ),
        (
            "[exchange.behaviours.7]\nsteps = [{ stay = true }]\n",
            "lab.toml:1: exchange.behaviours.7: '7' is not two digits",
        ),
        ("[exchange.behaviours.20]\nsteps = [{ wait = 'x' }]\n", "lab.toml:2: exchange.behaviours.20.steps[1]: "),
        (
            "[exchange.behaviours.20]\nsteps = [{ play = 'tune' }]\n",
            "lab.toml:2: exchange.behaviours.20.steps[1]: 'tune' is no sound",
        ),
        (
            "[exchange.behaviours.20]\nsteps = [{ send = 'IAM' }]\n",
            "lab.toml:2: exchange.behaviours.20.steps[1]: 'message' must be in",
        ),
        (
            "[exchange.behaviours.20]\nsteps = [{ send = 'REL', cause = 200 }]\n",
            "lab.toml:2: exchange.behaviours.20.steps[1]: 'cause' must be <= 127: 200",
        ),
        (
            "[exchange.behaviours.20]\ntitle = 'x'\n",
            "lab.toml:1: exchange.behaviours.20.steps: a list of at least one step",
        ),
        (
            "[handset]\nnumber = '2125550120'\n",
            "lab.toml:2: handset.number: '2125550120' is no international number of 8 to 15 digits",
        ),
        ("a = [\n", "lab.toml:2: not TOML: "),
    ],
)
def test_each_mistake_is_told_with_file_line_and_key(text: str, expected: str) -> None:
    assert mistakes(text)[0].startswith(expected)


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes('[sip]\nlisten = "x"\n[isup]\nt7 = "long"\n[nothing]\n')
    assert [text.split(": ")[0] for text in found] == ["lab.toml:2", "lab.toml:4", "lab.toml:5"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"none\.toml: cannot be read: No such file"):
        load_settings(tmp_path / "none.toml")
