"""tshark reads the capture of all the calls that SIPp placed: nothing malformed, every field as it was sent."""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from gateway.core.errors import ParseError
from gateway.ss7.isup import codec
from gateway.ss7.isup.call_indicators import (
    BackwardCallIndicators,
    CallingPartysCategory,
    EventInformation,
    ForwardCallIndicators,
    NatureOfConnectionIndicators,
    OptionalBackwardCallIndicators,
    SuspendResumeIndicators,
    TransmissionMediumRequirement,
)
from gateway.ss7.isup.cause import CauseIndicators
from gateway.ss7.isup.messages import Message, MessageType
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.party_numbers import CalledPartyNumber, CallingPartyNumber
from tests.judges.scenario import Scenario
from tests.judges.sipp import Outcome, Plan

if TYPE_CHECKING:
    from tests.judges.conftest import Run

pytestmark = pytest.mark.judge

MTP3_OCTETS: Final = 5
EXPERT_WARNING: Final = "0x600000"
PLANS: Final = [
    Plan("captured-answered", Scenario("sip:+33199000015@{gateway}").invite().progress(183).progress(181)
         .progress(183, sdp=True).answered().pause(1.0).bye(), seconds=5),
    Plan("captured-answered-tcp", Scenario("sip:+33199000008@{gateway}", reliable="required").invite().progress(180)
         .progress(183, sdp=True).answered(sdp=None).pause(1.0).bye(), "tcp", seconds=6),
    Plan("captured-suspended", Scenario("sip:+33199000013@{gateway}").invite().answered().pause(5.0).bye(), seconds=5),
    Plan("captured-refused", Scenario("sip:90021@{gateway}").invite().fails(403, 21)),
]  # fmt: skip


@pytest.mark.parametrize("plan", [pytest.param(each, id=each.name) for each in PLANS])
def test_these_calls_are_in_every_capture(whole_run: Run, plan: Plan) -> None:
    whole_run.outcomes[plan.name].assert_as_planned()


class Reading:
    """What tshark says of one capture."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self, *arguments: str) -> list[str]:
        checks = [f"{protocol}.check_checksum:TRUE" for protocol in ("ip", "udp", "tcp")]
        options = [option for check in checks for option in ("-o", check)]
        command = ["tshark", "-n", "-r", str(self.path), *options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def fields(self, condition: str, *names: str) -> list[dict[str, str]]:
        wanted = [option for name in names for option in ("-e", name)]
        lines = self.lines("-Y", condition, "-T", "fields", "-E", "separator=\t", "-E", "aggregator=|", *wanted)
        return [dict(zip(names, line.split("\t"), strict=True)) for line in lines]

    def octets(self) -> dict[int, bytes]:
        """Every packet by its number, read without our own code (pcapng: Enhanced Packet Blocks)."""
        found: dict[int, bytes] = {}
        for kind, block in _blocks(self.path.read_bytes()):
            if kind == 6:
                length = int.from_bytes(block[12:16], "little")
                found[len(found) + 1] = block[20 : 20 + length]
        return found


def _blocks(octets: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(octets):
        kind, length = (int.from_bytes(octets[at + skip : at + skip + 4], "little") for skip in (0, 4))
        yield kind, octets[at + 8 : at + length - 4]
        at += length


@pytest.fixture(scope="module")
def reading(whole_run: Run, tshark: str) -> Reading:
    return Reading(whole_run.service.capture)


def _hosts(run: Run, *names: str) -> set[str]:
    return {run.outcomes[name].host for name in names if name in run.outcomes}


def test_nothing_is_malformed_but_what_a_caller_sent_so(whole_run: Run, reading: Reading) -> None:
    bad = f"_ws.malformed || _ws.expert.severity >= {EXPERT_WARNING} || tcp.analysis.flags"
    found = reading.fields(bad, "frame.number", "ip.src", "_ws.col.Info", "_ws.expert.message")
    on_purpose = _hosts(whole_run, "nonsense-offer")
    assert [each for each in found if each["ip.src"] not in on_purpose] == []


def test_every_checksum_is_good(reading: Reading) -> None:
    names = ("ip.checksum.status", "udp.checksum.status", "tcp.checksum.status")
    counts = {name: Counter(each[name] for each in reading.fields("ip", name)) for name in names}
    for name, count in counts.items():
        assert count["1"] > 0, f"{name}: {count}"
        assert not {"0", "2"} & set(count), f"{name}: {count}"


# --- ISUP -------------------------------------------------------------------------------------------------------------


def _of(parameter: type[Parameter], attribute: str) -> Callable[[Message], object]:
    def value(message: Message) -> object:
        found = message.get(parameter)
        return None if found is None else getattr(found, attribute)

    return value


AS_SENT: Final[dict[str, Callable[[Message], object]]] = {
    "isup.message_type": lambda message: message.type,
    "isup.cic": lambda message: message.cic,
    "isup.called": _of(CalledPartyNumber, "digits"),
    "isup.called_party_nature_of_address_indicator": _of(CalledPartyNumber, "nature_of_address"),
    "isup.inn_indicator": _of(CalledPartyNumber, "internal_number_not_allowed"),
    "isup.calling": _of(CallingPartyNumber, "digits"),
    "isup.calling_party_nature_of_address_indicator": _of(CallingPartyNumber, "nature_of_address"),
    "isup.screening_indicator": _of(CallingPartyNumber, "screening"),
    "isup.address_presentation_restricted_indicator": _of(CallingPartyNumber, "presentation"),
    "isup.ni_indicator": _of(CallingPartyNumber, "incomplete"),
    "isup.satellite_indicator": _of(NatureOfConnectionIndicators, "satellite"),
    "isup.continuity_check_indicator": _of(NatureOfConnectionIndicators, "continuity_check"),
    "isup.echo_control_device_indicator": _of(NatureOfConnectionIndicators, "outgoing_echo_control"),
    "isup.forw_call_natnl_inatnl_call_indicator": _of(ForwardCallIndicators, "international_call"),
    "isup.forw_call_end_to_end_method_indicator": _of(ForwardCallIndicators, "end_to_end_method"),
    "isup.forw_call_interworking_indicator": _of(ForwardCallIndicators, "interworking_encountered"),
    "isup.forw_call_isdn_user_part_indicator": _of(ForwardCallIndicators, "isup_all_the_way"),
    "isup.forw_call_preferences_indicator": _of(ForwardCallIndicators, "isup_preference"),
    "isup.forw_call_isdn_access_indicator": _of(ForwardCallIndicators, "isdn_access"),
    "isup.calling_partys_category": _of(CallingPartysCategory, "category"),
    "isup.transmission_medium_requirement": _of(TransmissionMediumRequirement, "medium"),
    "isup.charge_indicator": _of(BackwardCallIndicators, "charge"),
    "isup.called_partys_status_indicator": _of(BackwardCallIndicators, "called_party_status"),
    "isup.called_partys_category_indicator": _of(BackwardCallIndicators, "called_party_category"),
    "isup.backw_call_interworking_indicator": _of(BackwardCallIndicators, "interworking_encountered"),
    "isup.backw_call_isdn_user_part_indicator": _of(BackwardCallIndicators, "isup_all_the_way"),
    "isup.backw_call_isdn_access_indicator": _of(BackwardCallIndicators, "isdn_access"),
    "isup.inband_information_ind": _of(OptionalBackwardCallIndicators, "in_band_information"),
    "isup.call_diversion_may_occur_ind": _of(OptionalBackwardCallIndicators, "call_diversion_may_occur"),
    "isup.cause_indicator": _of(CauseIndicators, "value"),
    "q931.cause_location": _of(CauseIndicators, "location"),
    "isup.event_ind": _of(EventInformation, "event"),
    "isup.suspend_resume_indicator": _of(SuspendResumeIndicators, "network_initiated"),
}
"""Each field that tshark names, and where our own reading of the same octets has it."""

UNNAMED: Final = (
    "isup.message_type.unknown || isup.not_dissected_yet || isup.opt_par_length_err || isup.too_many_digits"
)


def _text(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else str(int(value))  # type: ignore[call-overload]


def _shown(name: str, text: str) -> str:
    if name in ("isup.called", "isup.calling"):
        return text
    first = text.split("|")[0]
    if first in ("True", "False"):
        return str(int(first == "True"))
    return str(int(first, 0)) if first else ""


def test_every_isup_message_is_named_and_every_field_is_as_sent(whole_run: Run, reading: Reading) -> None:
    octets = reading.octets()
    found = reading.fields("mtp3 && isup", "frame.number", "_ws.col.Info", *AS_SENT)
    assert len(found) >= 5 * sum(outcome.ear.receiver is not None for outcome in whole_run.outcomes.values())
    assert reading.lines("-Y", UNNAMED) == []
    for each in found:
        message = codec.parse(octets[int(each["frame.number"])][MTP3_OCTETS:])
        assert codec.serialize(message) == octets[int(each["frame.number"])][MTP3_OCTETS:]
        assert each["_ws.col.Info"].startswith(f"{message.name} "), each["_ws.col.Info"]
        ours = {name: _text(value(message)) for name, value in AS_SENT.items()}
        theirs = {name: _shown(name, each[name]) for name in AS_SENT}
        assert theirs == ours, f"packet {each['frame.number']}"


def test_every_circuit_is_given_back(reading: Reading) -> None:
    octets = reading.octets()
    circuits: dict[int, list[str]] = defaultdict(list)
    for each in reading.fields("mtp3 && isup", "frame.number"):
        message = codec.parse(octets[int(each["frame.number"])][MTP3_OCTETS:])
        circuits[message.cic].append(message.name)
    # A call on a circuit: nothing but REL and RLC may come at its end, and no CPG before an ACM.
    call = re.compile(r"IAM( ACM( CPG)*( ANM)?| CON)?( SUS| RES)*( REL RLC| REL REL( RLC)+)")
    for cic, messages in circuits.items():
        rest = call.sub("", " ".join(messages)).strip()
        assert not rest, f"CIC {cic}: {' '.join(messages)}"


def test_a_suspended_call_has_its_messages(reading: Reading) -> None:
    types = Counter(each["isup.message_type"] for each in reading.fields("isup", "isup.message_type"))
    names = {MessageType(int(kind, 0)).name for kind in types}
    assert {"IAM", "ACM", "CPG", "ANM", "CON", "REL", "RLC", "SUS", "RES"} <= names


# --- SIP and RTP ------------------------------------------------------------------------------------------------------


def _quiet_udp_or_tcp(outcome: Outcome) -> bool:
    return outcome.plan.weather is None and "-lost" not in outcome.plan.options


def test_sipp_got_what_the_capture_has(whole_run: Run, reading: Reading) -> None:
    captured: dict[str, list[str]] = defaultdict(list)
    names = ("ip.dst", "sip.Status-Line", "sip.Request-Line")
    service = whole_run.service.host
    for each in reading.fields(f"sip && ip.src == {service}", *names):
        lines = each["sip.Status-Line"] or each["sip.Request-Line"]
        captured[each["ip.dst"]] += [line.strip().removesuffix("\\r\\n") for line in lines.split("|") if line]
    compared = 0
    for outcome in whole_run.outcomes.values():
        if not _quiet_udp_or_tcp(outcome):
            continue
        parts = re.split(r"^-{20,}.*$", outcome.messages, flags=re.MULTILINE)
        received = [part.strip().splitlines() for part in parts if " message received " in part]
        starts = [next(line for line in part[1:] if line.strip()) for part in received]
        got = captured[outcome.host]
        assert Counter(starts) <= Counter(got), f"{outcome.plan.name}: SIPp got {starts}, the capture has {got}"
        assert len(got) - len(starts) <= 2, f"{outcome.plan.name}: SIPp got {starts}, the capture has {got}"
        compared += len(starts)
    assert compared > 10


def test_every_status_line_is_whole(reading: Reading) -> None:
    lines = reading.fields("sip.Status-Line", "sip.Status-Line", "sip.Status-Code")
    for each in lines:
        for line, code in zip(each["sip.Status-Line"].split("|"), each["sip.Status-Code"].split("|"), strict=True):
            assert re.fullmatch(rf"SIP/2\.0 {code} \S.*", line.strip()), line
    assert lines


def test_the_rtp_streams_are_those_that_were_heard(whole_run: Run, reading: Reading) -> None:
    streams: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)
    for line in reading.lines("-q", "-z", "rtp,streams"):
        words = line.split()
        if len(words) > 10 and words[2] == whole_run.service.host:
            # Behind the SSRC stand the names of the payloads, one or several.
            packets, lost, *_ = (int(word) for word in words[7:] if word.isdigit())
            streams[words[4], int(words[5])].append((packets, lost))
    heard = [outcome for outcome in whole_run.outcomes.values() if outcome.ear.receiver is not None]
    assert heard
    for outcome in heard:
        receiver = outcome.ear.receiver
        assert receiver is not None
        found = streams.get((outcome.host, outcome.ear.port), [])
        assert len(found) == 1, f"{outcome.plan.name}: {found}"
        packets, lost = found[0]
        assert lost == 0, f"{outcome.plan.name}: {lost} lost"
        # What is sent in the very moment of hanging up may meet a closed port.
        assert 0 <= packets - receiver.statistics.received <= 10, f"{outcome.plan.name}: {packets} captured"
    silent = {outcome.host for outcome in whole_run.outcomes.values() if outcome.ear.receiver is None}
    assert not silent & {host for host, _ in streams}


def test_an_octet_wrong_would_be_found(reading: Reading) -> None:
    number, octets = next((number, octets) for number, octets in reading.octets().items() if octets[:1] == b"\x85")
    with pytest.raises(ParseError):
        codec.parse(octets[MTP3_OCTETS : MTP3_OCTETS + 8])
    assert number > 0
