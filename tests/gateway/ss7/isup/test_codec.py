"""Octets and messages."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import LocalProtocolError, ParseError
from gateway.ss7.isup.codec import parse, parse_body, serialize, serialize_body
from gateway.ss7.isup.messages import MESSAGES, Message, MessageType
from gateway.ss7.isup.parameter import BitFields, OctetsParameter
from gateway.ss7.isup.parameters import (
    PARAMETER_TYPES,
    AccessTransport,
    AddressNumber,
    BackwardCallIndicators,
    CalledPartyNumber,
    CallingPartyNumber,
    CallingPartysCategory,
    CauseIndicators,
    CircuitGroupSupervisionMessageType,
    CircuitStateIndicator,
    ContinuityIndicators,
    Event,
    EventInformation,
    FacilityIndicator,
    ForwardCallIndicators,
    GenericNumber,
    HopCounter,
    InformationIndicators,
    InformationRequestIndicators,
    Location,
    NatureOfAddress,
    NatureOfConnectionIndicators,
    OptionalBackwardCallIndicators,
    Parameter,
    ParameterCode,
    RangeAndStatus,
    RedirectionNumber,
    SubsequentNumber,
    SuspendResumeIndicators,
    TransmissionMediumRequirement,
    UnknownParameter,
    UserToUserInformation,
    parse_parameter,
)

SET_UP = (
    NatureOfConnectionIndicators(),
    ForwardCallIndicators(),
    CallingPartysCategory(),
    TransmissionMediumRequirement(),
)

# Whole messages from the CIC on, with spaces where the parts meet.
EXAMPLES: tuple[tuple[str, Message], ...] = (
    (
        "0500 01 00 2000 0a 03 02 00 08 8410339109000003",
        Message.of(MessageType.IAM, 5, *SET_UP, CalledPartyNumber("33199000003")),
    ),
    (
        "0500 01 00 2000 0a 03 02 0a 08 8410339109000003 0a 07 03132121550501 3d 01 13 00",
        Message.of(
            MessageType.IAM,
            5,
            *SET_UP,
            CalledPartyNumber("33199000003"),
            CallingPartyNumber("1212555010", NatureOfAddress.NATIONAL),
            HopCounter(19),
        ),
    ),
    ("0500 02 02 00 04 8021 4305", Message.of(MessageType.SAM, 5, SubsequentNumber("12345"))),
    ("0500 03 0100 00", Message.of(MessageType.INR, 5, InformationRequestIndicators(True))),
    ("0500 04 0100 00", Message.of(MessageType.INF, 5, InformationIndicators(1))),
    ("0500 05 01", Message.of(MessageType.COT, 5, ContinuityIndicators(True))),
    ("0500 06 1204 00", Message.of(MessageType.ACM, 5, BackwardCallIndicators())),
    (
        "0500 06 1204 01 29 01 01 00",
        Message.of(MessageType.ACM, 5, BackwardCallIndicators(), OptionalBackwardCallIndicators(True)),
    ),
    (
        "ff0f 06 1604 01 12 02 8495 f1 03 010203 f1 00 00",
        Message.of(
            MessageType.ACM,
            4095,
            BackwardCallIndicators(called_party_status=1),
            CauseIndicators(21, Location.PUBLIC_NETWORK_SERVING_REMOTE_USER),
            UnknownParameter(0xF1, b"\x01\x02\x03"),
            UnknownParameter(0xF1, b""),
        ),
    ),
    ("0500 07 1204 00", Message.of(MessageType.CON, 5, BackwardCallIndicators())),
    ("0500 08 00", Message.of(MessageType.FOT, 5)),
    ("0500 09 00", Message.of(MessageType.ANM, 5)),
    (
        "0500 09 01 c0 04 05041321 c0 04 06041343 00",
        Message.of(
            MessageType.ANM,
            5,
            GenericNumber("12", 5, screening=3),
            GenericNumber("34", 6, screening=3),
        ),
    ),
    ("0500 0c 02 00 02 8091", Message.of(MessageType.REL, 5, CauseIndicators(17))),
    (
        "0500 0c 02 04 02 8296 0c 04 04102143 00",
        Message.of(
            MessageType.REL,
            5,
            CauseIndicators(22, Location.PUBLIC_NETWORK_SERVING_LOCAL_USER),
            RedirectionNumber("1234"),
        ),
    ),
    ("0500 0d 01 00", Message.of(MessageType.SUS, 5, SuspendResumeIndicators(True))),
    ("0500 0e 01 00", Message.of(MessageType.RES, 5, SuspendResumeIndicators(True))),
    ("0500 10 00", Message.of(MessageType.RLC, 5)),
    ("0500 11", Message.of(MessageType.CCR, 5)),
    ("0500 12", Message.of(MessageType.RSC, 5)),
    ("0500 13", Message.of(MessageType.BLO, 5)),
    ("0500 14", Message.of(MessageType.UBL, 5)),
    ("0500 15", Message.of(MessageType.BLA, 5)),
    ("0500 16", Message.of(MessageType.UBA, 5)),
    ("0500 17 01 01 1e", Message.of(MessageType.GRS, 5, RangeAndStatus(30))),
    (
        "0500 18 00 01 02 0105",
        Message.of(MessageType.CGB, 5, CircuitGroupSupervisionMessageType(), RangeAndStatus(1, b"\x05")),
    ),
    (
        "0500 1a 01 01 02 0103",
        Message.of(MessageType.CGBA, 5, CircuitGroupSupervisionMessageType(1), RangeAndStatus(1, b"\x03")),
    ),
    ("0500 1f 02 00", Message.of(MessageType.FAR, 5, FacilityIndicator())),
    ("0500 21 02 02 00 02 809d", Message.of(MessageType.FRJ, 5, FacilityIndicator(), CauseIndicators(29))),
    ("0500 29 01 02 0100", Message.of(MessageType.GRA, 5, RangeAndStatus(1, b"\x00"))),
    (
        "0500 2b 02 03 01 01 02 0c03",
        Message.of(MessageType.CQR, 5, RangeAndStatus(1), CircuitStateIndicator(b"\x0c\x03")),
    ),
    ("0500 2c 01 00", Message.of(MessageType.CPG, 5, EventInformation(Event.ALERTING))),
    (
        "0500 2c 03 01 03 04 1e028188 00",
        Message.of(MessageType.CPG, 5, EventInformation(3), AccessTransport(bytes.fromhex("1e028188"))),
    ),
    ("0500 2d 02 00 03 046869", Message.of(MessageType.USR, 5, UserToUserInformation(b"\x04hi"))),
    ("0500 2e", Message.of(MessageType.UCIC, 5)),
    ("0500 2f 02 00 04 80e3f100", Message.of(MessageType.CFN, 5, CauseIndicators(99, diagnostics=b"\xf1\x00"))),
    ("0500 33 00", Message.of(MessageType.FAC, 5)),
    ("0500 31 010203", Message(MessageType.CRG, 5, body=b"\x01\x02\x03")),
    ("0500 28 0c0200028091", Message(MessageType.PAM, 5, body=bytes.fromhex("0c0200028091"))),
    ("0500 7f", Message(0x7F, 5)),
    ("0500 7f dead", Message(0x7F, 5, body=b"\xde\xad")),
)


@pytest.mark.clause("ITU-T Q.763", "1")
@pytest.mark.parametrize(("octets", "message"), EXAMPLES, ids=lambda v: v if isinstance(v, str) else v.name)
class TestExamples:
    """Hex, fields, the same hex."""

    def test_hex_becomes_the_message(self, octets: str, message: Message) -> None:
        assert parse(bytes.fromhex(octets)) == message

    def test_the_message_becomes_the_same_hex(self, octets: str, message: Message) -> None:
        assert serialize(message) == bytes.fromhex(octets)

    def test_every_prefix_is_refused_or_lacks_just_the_optional_part(self, octets: str, message: Message) -> None:
        whole = bytes.fromhex(octets)
        layout = MESSAGES.get(message.type)
        may_end_at = None
        if layout is not None and layout.optional is not None and not layout.variable:
            may_end_at = 3 + sum(fixed for _, fixed in layout.fixed)
        for length in range(len(whole)):
            prefix = whole[:length]
            if layout is None and length >= 3:
                assert parse(prefix) == Message(message.type, message.cic, body=prefix[3:])
            elif layout is not None and length == may_end_at:
                assert parse(prefix).parameters == message.parameters[: len(layout.fixed)]
            else:
                with pytest.raises(ParseError):
                    parse(prefix)


@pytest.mark.clause("ITU-T Q.763", "1")
class TestLeniency:
    """What older and newer versions of the protocol may do."""

    def test_a_message_may_stop_before_the_pointer_to_an_optional_part(self) -> None:
        assert parse(bytes.fromhex("0500 10")) == Message.of(MessageType.RLC, 5)
        assert parse(bytes.fromhex("0500 0d 01")) == Message.of(MessageType.SUS, 5, SuspendResumeIndicators(True))

    def test_octets_after_the_last_part_are_ignored(self) -> None:
        assert parse(bytes.fromhex("0500 12 aabb")) == Message.of(MessageType.RSC, 5)
        assert parse(bytes.fromhex("0500 10 01 00 aabb")) == Message.of(MessageType.RLC, 5)

    def test_the_spare_bits_of_the_cic_are_ignored(self) -> None:
        assert parse(bytes.fromhex("05f0 12")).cic == 5

    def test_optional_parameters_may_be_any(self) -> None:
        message = Message.of(MessageType.RLC, 5, CalledPartyNumber("12"), HopCounter(3))
        assert parse(serialize(message)) == message

    def test_gaps_between_the_parts_are_skipped(self) -> None:
        assert parse(bytes.fromhex("0500 0c 04 08 0000 02 8091 0000 27 01 01 00")).describe() == (
            "REL cause 17 user busy, congestion level 1 exceeded"
        )

    def test_the_optional_part_may_be_nothing_but_its_end(self) -> None:
        assert parse(bytes.fromhex("0500 10 01 00")) == Message.of(MessageType.RLC, 5)


@pytest.mark.clause("ITU-T Q.763", "1")
class TestParseErrors:
    """What is wrong, with its numbers, and where."""

    @pytest.mark.parametrize(
        ("octets", "message", "offset"),
        [
            ("", "message: 0 octets, at least 3 needed", 0),
            ("0500", "message: 2 octets, at least 3 needed", 2),
            ("0500 01 00 20", "IAM: Forward call indicators of 2 octets past end 5", 4),
            ("0500 01 00 2000 0a 03", "IAM: no pointer to Called party number before end 8", 8),
            ("0500 0c", "REL: no pointer to Cause indicators before end 3", 3),
            ("0500 0c 00 00", "REL: Cause indicators: pointer 0, but it is mandatory", 3),
            ("0500 0c 09 00 02 8091", "REL: Cause indicators: pointer 9 past end 8", 3),
            ("0500 0c 02 00 03 8091", "REL: Cause indicators: length 3 past end 8", 5),
            ("0500 0c 02 00 01 80", "Cause indicators: 1 octets, at least 2 needed", 6),
            ("0500 06 1204 13 29 01 01 00", "ACM: optional part: pointer 19 past end 10", 5),
            ("0500 06 1204 01 29", "ACM: optional part: Optional backward call indicators without a length", 6),
            (
                "0500 06 1204 01 29 02 01",
                "ACM: optional part: Optional backward call indicators: length 2 past end 9",
                7,
            ),
            ("0500 06 1204 01 29 01 01", "ACM: optional part: no end of optional parameters before end 9", 9),
            ("0500 06 1204 01 f1 03 01", "ACM: optional part: parameter 0xf1: length 3 past end 9", 7),
            ("0500 06 1204 01 29 00 00", "Optional backward call indicators: 0 octets, at least 1 needed", 8),
            ("0500 02 02 00 01 80", "Subsequent number: odd number of address signals in 0 octets", 6),
            ("0500 17 01 00", "Range and status: 0 octets, at least 1 needed", 5),
        ],
    )
    def test_the_error_names_the_place(self, octets: str, message: str, offset: int) -> None:
        with pytest.raises(ParseError) as raised:
            parse(bytes.fromhex(octets))
        assert raised.value.message == message
        assert raised.value.offset == offset
        assert raised.value.clause is not None
        assert raised.value.clause.document == "ITU-T Q.763"


class TestSerializeErrors:
    """What our own side asks for and cannot have."""

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            (Message.of(MessageType.REL, 5), "REL: mandatory Cause indicators is missing"),
            (Message.of(MessageType.ACM, 5), "ACM: mandatory Backward call indicators is missing"),
            (
                Message.of(MessageType.CPG, 5, EventInformation(1, rest=b"x")),
                "CPG: Event information of 2 octets, 1 needed",
            ),
            (Message.of(MessageType.RSC, 5, HopCounter(1)), "RSC: no optional part to hold Hop counter"),
            (
                Message.of(MessageType.RLC, 5, AccessTransport(bytes(256))),
                "RLC: Access transport of 256 octets, 255 at most",
            ),
            (
                Message.of(MessageType.USR, 5, UserToUserInformation(bytes(254)), HopCounter(1)),
                "USR: a pointer of 256, 255 at most",
            ),
            (Message(0x7F, 5, (HopCounter(1),)), "message type 0x7f: no format is known that could hold parameters"),
            (Message(MessageType.RSC, 5, body=b"x"), "RSC: 1 octets of body beside its parameters"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_the_error_names_what_is_wrong(self, message: Message, text: str) -> None:
        with pytest.raises(LocalProtocolError) as raised:
            serialize(message)
        assert str(raised.value) == text

    def test_mandatory_parameters_may_be_given_in_any_order(self) -> None:
        shuffled = Message.of(MessageType.IAM, 5, HopCounter(19), CalledPartyNumber("12"), *reversed(SET_UP))
        assert parse(serialize(shuffled)).parameters == (*SET_UP, CalledPartyNumber("12"), HopCounter(19))

    def test_of_two_with_the_same_code_the_first_is_the_mandatory_one(self) -> None:
        message = Message.of(MessageType.REL, 5, CauseIndicators(16), CauseIndicators(17))
        assert serialize(message).hex() == "05000c02040280901202809100"
        assert parse(serialize(message)) == message


@pytest.mark.clause("RFC 3204", "3.1")
class TestBody:
    """application/ISUP: from the message type on."""

    @pytest.mark.parametrize(("octets", "message"), EXAMPLES, ids=lambda v: v if isinstance(v, str) else v.name)
    def test_a_body_is_the_message_without_its_cic(self, octets: str, message: Message) -> None:
        body = bytes.fromhex(octets)[2:]
        assert serialize_body(message) == body
        assert parse_body(body, message.cic) == message

    def test_a_body_without_octets_is_refused(self) -> None:
        with pytest.raises(ParseError, match="application/ISUP body: 0 octets, at least 1 needed"):
            parse_body(b"")

    def test_offsets_count_from_the_message_type(self) -> None:
        with pytest.raises(ParseError) as raised:
            parse_body(bytes.fromhex("06 1204 13"))
        assert raised.value.message == "ACM: optional part: pointer 19 past end 4"
        assert raised.value.offset == 3


def contents_of(code: int) -> st.SearchStrategy[Parameter]:
    """Any parameter of that code whose contents can be read."""
    known = PARAMETER_TYPES.get(code)
    if known is None:
        return st.binary(max_size=12).map(lambda octets: UnknownParameter(code, octets))
    if known is CauseIndicators:
        return st.builds(
            CauseIndicators, st.integers(0, 127), st.integers(0, 15), st.binary(max_size=6), st.integers(0, 3)
        )
    if known is RangeAndStatus:
        return st.integers(0, 31).flatmap(
            lambda code: (
                st.just(RangeAndStatus(code))
                | st.binary(min_size=4, max_size=5).map(lambda status: RangeAndStatus(code, status))
            )
        )
    if issubclass(known, OctetsParameter):
        return st.binary(max_size=12).map(known.parse)
    if issubclass(known, AddressNumber):
        return st.binary(min_size=known.length_octets + 1, max_size=12).map(known.parse)
    least = known.length_octets if issubclass(known, BitFields) else 1
    return st.binary(min_size=least, max_size=least + 2).map(known.parse)


def fixed_contents(code: int, length: int) -> st.SearchStrategy[Parameter]:
    return st.binary(min_size=length, max_size=length).map(lambda octets: parse_parameter(code, octets))


@st.composite
def messages(draw: st.DrawFn, message_type: MessageType) -> Message:
    layout = MESSAGES[message_type]
    parameters = [draw(fixed_contents(code, length)) for code, length in layout.fixed]
    parameters += [draw(contents_of(code)) for code in layout.variable]
    if layout.optional is not None:
        codes = st.sampled_from(layout.optional) if layout.optional else st.nothing()
        parameters += draw(st.lists((codes | st.integers(1, 255)).flatmap(contents_of), max_size=6))
    return Message.of(message_type, draw(st.integers(0, 0xFFF)), *parameters)


class TestRoundTrip:
    """Any message, to octets and back."""

    @pytest.mark.parametrize("message_type", sorted(MESSAGES), ids=lambda t: MessageType(t).name)
    @settings(max_examples=25, deadline=None)
    @given(data=st.data())
    def test_any_message_survives(self, message_type: int, data: st.DataObject) -> None:
        message = data.draw(messages(MessageType(message_type)))
        octets = serialize(message)
        assert parse(octets) == message
        assert serialize(parse(octets)) == octets
        assert parse_body(serialize_body(message), message.cic) == message
        assert message.describe().startswith(message.name)

    @given(st.integers(0, 255).filter(lambda t: t not in MESSAGES), st.integers(0, 0xFFF), st.binary(max_size=40))
    def test_any_message_without_a_format_survives(self, message_type: int, cic: int, body: bytes) -> None:
        message = Message(message_type, cic, body=body)
        assert parse(serialize(message)) == message

    def test_every_optional_code_survives_in_one_message(self) -> None:
        for code in range(1, 256):
            if code not in PARAMETER_TYPES:
                message = Message.of(MessageType.FAC, 5, UnknownParameter(code, bytes((code,))))
                assert parse(serialize(message)) == message
        assert ParameterCode.END_OF_OPTIONAL_PARAMETERS not in PARAMETER_TYPES


def mutated(octets: bytes, chance: random.Random) -> bytes:
    """One to three octets changed, inserted, removed, or the end cut off."""
    changed = bytearray(octets)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed.insert(at, chance.randrange(256))
            case 1:
                del changed[at : at + chance.randint(1, 3)]
            case 2:
                del changed[at:]
            case 3:
                changed[at : at + 1] = bytes((chance.choice((0, 1, 2, 0x7F, 0x80, 0xFF)),))
            case _:
                changed[at : at + 1] = bytes((chance.randrange(256),))
    return bytes(changed)


class TestMutations:
    """Bad input never surprises."""

    def test_mutated_messages_are_read_or_refused_with_a_parse_error(self) -> None:
        chance = random.Random(763)
        read = refused = 0
        for _ in range(500):
            for octets, _message in EXAMPLES:
                broken = mutated(bytes.fromhex(octets), chance)
                try:
                    message = parse(broken)
                except ParseError as error:
                    refused += 1
                    assert error.offset is not None
                    assert 0 <= error.offset <= len(broken)
                    continue
                read += 1
                assert parse(serialize(message)) == message
        assert read > 1000
        assert refused > 1000

    @given(st.binary(max_size=60))
    def test_random_octets_are_read_or_refused_with_a_parse_error(self, octets: bytes) -> None:
        for read in (parse, parse_body):
            try:
                message = read(octets)
            except ParseError:
                continue
            assert message.describe()
