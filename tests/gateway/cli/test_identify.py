"""`python -m gateway identify`."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.cli import main
from tests.gateway.trace.captures import classic, udp
from tests.gateway.trace.test_hearing import call

Said = tuple[int, str, str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def command(*arguments: object) -> Said:
        status = main(["identify", *map(str, arguments)])
        return status, *capsys.readouterr()

    return command


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "x.pcap"
    path.write_bytes(classic(call()))
    return path


class TestReport:
    def test_says_who_hears_what(self, run: Callable[..., Said], capture: Path) -> None:
        status, out, err = run(capture)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == ("call 1: 100 to +33199000003: what the caller hears, 192.0.2.9:20000 to 192.0.2.1:40000")
        assert lines[1] == (
            "  SSRC 0x1234abcd, PCMA, 200 packets, 0 lost, 0 duplicates, jitter 0.0 ms, 3.98 s from 0.100 s"
        )
        words = " ".join(lines[3].split())
        assert words.startswith("0.10 s 4.00 s busy")
        assert "440 Hz fr, " in words
        assert " -10.0 " in words

    def test_faults_are_beside_the_sound(self, run: Callable[..., Said], tmp_path: Path) -> None:
        packets = call()
        del packets[12]
        (tmp_path / "x.pcap").write_bytes(classic(packets))
        out = run(tmp_path / "x.pcap", "--country", "fr")[1]
        assert "1 lost (0.5 %)" in out
        assert "1 dropout" in out

    def test_without_signalling_it_says_so(self, run: Callable[..., Said], tmp_path: Path) -> None:
        (tmp_path / "x.pcap").write_bytes(classic(call()[2:]))
        out = run(tmp_path / "x.pcap", "--country", "fr")[1]
        assert out.startswith("192.0.2.9:20000 to 192.0.2.1:40000, found without signalling")

    def test_what_was_captured_in_part_is_said(self, run: Callable[..., Said], tmp_path: Path) -> None:
        (tmp_path / "x.pcap").write_bytes(classic(call()[2:], snap=60))
        status, out, _ = run(tmp_path / "x.pcap")
        assert status == 0
        assert "200 packets were captured in part only: silence here" in out

    def test_what_is_passed_over_is_said(self, run: Callable[..., Said], tmp_path: Path) -> None:
        fragment = udp(bytes(20))
        fragment = fragment[:6] + b"\x20\0" + fragment[8:]
        (tmp_path / "x.pcap").write_bytes(classic([*call(), (1_700_000_009, fragment)]))
        assert run(tmp_path / "x.pcap", "--country", "fr")[1].splitlines()[-1] == "Passed over: 1 IP fragments"

    def test_compressed(self, run: Callable[..., Said], tmp_path: Path) -> None:
        (tmp_path / "x.pcap.gz").write_bytes(gzip.compress(classic(call())))
        assert "busy" in run(tmp_path / "x.pcap.gz", "--country", "fr")[1]


def test_json_has_everything(run: Callable[..., Said], capture: Path) -> None:
    status, out, _ = run(capture, "--json", "--country", "fr")
    assert status == 0
    told = json.loads(out)
    assert told["calls"] == [{"number": 1, "call_id": "a@b", "caller": "100", "called": "+33199000003"}]
    (stream,) = told["streams"]
    assert (stream["call"], stream["found_by"], stream["codecs"]) == (1, "sdp", ["PCMA"])
    assert (stream["packets"], stream["lost"], stream["duplicates"], stream["ssrc"]) == (200, 0, 0, 0x1234ABCD)
    (sound,) = stream["sounds"]
    assert (sound["name"], sound["source"], sound["countries"], sound["at_s"]) == ("busy", "audio", ["fr"], 0.101)


class TestWhatGoesWrong:
    def test_a_file_that_is_cut_short_is_heard_as_far_as_it_goes(self, run: Callable[..., Said], capture: Path) -> None:
        octets = capture.read_bytes()
        capture.write_bytes(octets[:-50])
        status, out, err = run(capture, "--country", "fr")
        assert status == 1
        assert "busy" in out
        assert err == (
            f"identify: {capture}: cut short: a packet of 200 octets needs 200 more octets, 150 are left at octet"
            f" {len(octets) - 216}; what is before it was listened to\n"
        )

    @pytest.mark.parametrize(
        ("octets", "complaint"),
        [
            (b"RIFF....WAVE", "not a capture: it begins with 52 49 46 46; pcapng and pcap are read at octet 0"),
            (b"", "a file of 0 octets is no capture at octet 0"),
            (classic([]), "no RTP in 0 packets"),
            (classic([(0, b"\0" * 60)], 105), "no RTP in 1 packets; 1 of a link type that is not read"),
            (b"\x1f\x8b" + bytes(20), "broken gzip file"),
            (gzip.compress(classic(call()))[:300], "broken gzip file"),
        ],
    )
    def test_it_is_said(self, run: Callable[..., Said], tmp_path: Path, octets: bytes, complaint: str) -> None:
        path = tmp_path / "x.pcap"
        path.write_bytes(octets)
        status, out, err = run(path)
        assert (status, out) == (1, "")
        assert err.startswith(f"identify: {path}: ")
        assert complaint in err

    def test_no_such_file_call_or_plan(self, run: Callable[..., Said], capture: Path, tmp_path: Path) -> None:
        assert run(tmp_path / "none")[2] == f"identify: {tmp_path / 'none'}: No such file or directory\n"
        assert run(tmp_path)[2] == f"identify: {tmp_path}: Is a directory\n"
        assert run(capture, "--call", 2)[2] == f"identify: {capture}: there is no call 2: the capture has 1\n"
        assert "no tone plan 'zz'" in run(capture, "--country", "zz")[2]

    def test_a_call_without_sound(self, run: Callable[..., Said], tmp_path: Path) -> None:
        (tmp_path / "x.pcap").write_bytes(classic(call()[:2]))
        assert run(tmp_path / "x.pcap", "--call", 1)[0] == 1
