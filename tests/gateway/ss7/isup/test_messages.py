"""The message as a value."""

from __future__ import annotations

import pytest

from gateway.ss7.isup.messages import Message, MessageType, fields
from gateway.ss7.isup.parameters import (
    BackwardCallIndicators,
    CalledPartyNumber,
    CalledPartyStatus,
    CauseIndicators,
    EventInformation,
    GenericNumber,
    OptionalBackwardCallIndicators,
    RedirectionNumber,
    SuspendResumeIndicators,
    UnknownParameter,
)


class TestMessage:
    """Finding parameters."""

    def test_a_parameter_is_found_by_its_class(self) -> None:
        message = Message.of(MessageType.REL, 5, CauseIndicators(17), RedirectionNumber("12"))
        assert message.get(CauseIndicators) == CauseIndicators(17)
        assert message[RedirectionNumber].digits == "12"

    def test_a_class_does_not_find_those_derived_from_it(self) -> None:
        message = Message.of(MessageType.REL, 5, RedirectionNumber("12"))
        assert message.get(CalledPartyNumber) is None

    def test_a_missing_parameter_is_none_or_a_key_error(self) -> None:
        message = Message.of(MessageType.REL, 5)
        assert message.get(CauseIndicators) is None
        with pytest.raises(KeyError, match="REL without CauseIndicators"):
            message[CauseIndicators]

    def test_all_parameters_of_a_class_keep_their_order(self) -> None:
        numbers = [GenericNumber("1"), GenericNumber("2")]
        message = Message.of(MessageType.ANM, 5, numbers[0], UnknownParameter(0xF1, b""), numbers[1])
        assert message.all(GenericNumber) == numbers
        assert message.get(GenericNumber) == numbers[0]
        assert message.all(UnknownParameter) == [UnknownParameter(0xF1, b"")]

    def test_a_type_without_a_name_stays_a_number(self) -> None:
        assert Message(0x7F, 5).type == 0x7F
        assert Message(0x7F, 5).name == "message type 0x7f"
        assert Message(1, 5).type is MessageType.IAM

    def test_values_out_of_range_are_refused(self) -> None:
        with pytest.raises(ValueError, match="CIC 4096: 0 to 4095"):
            Message(1, 4096)
        with pytest.raises(ValueError, match="message type 256: 0 to 255"):
            Message(256, 1)


class TestWords:
    """One line for a ladder, every field for a table."""

    @pytest.mark.parametrize(
        ("message", "line"),
        [
            (
                Message.of(
                    MessageType.ACM,
                    5,
                    BackwardCallIndicators(),
                    OptionalBackwardCallIndicators(in_band_information=True),
                ),
                "ACM called party status: no indication, in-band",
            ),
            (
                Message.of(
                    MessageType.ACM, 5, BackwardCallIndicators(called_party_status=CalledPartyStatus.SUBSCRIBER_FREE)
                ),
                "ACM called party status: subscriber free",
            ),
            (Message.of(MessageType.REL, 5, CauseIndicators(17)), "REL cause 17 user busy"),
            (Message.of(MessageType.CPG, 5, EventInformation(1)), "CPG event 1 alerting"),
            (Message.of(MessageType.SUS, 5, SuspendResumeIndicators(True)), "SUS network initiated"),
            (Message.of(MessageType.RLC, 5), "RLC"),
            (Message(0x7F, 5, body=b"x"), "message type 0x7f"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_message_describes_itself_in_one_line(self, message: Message, line: str) -> None:
        assert message.describe() == line

    def test_fields_are_named_by_parameter(self) -> None:
        assert fields(Message.of(MessageType.REL, 5, CauseIndicators(17), UnknownParameter(0xF1, b"\x01"))) == [
            ("Message type", "REL (12)"),
            ("CIC", "5"),
            ("Cause indicators: value", "17 User busy"),
            ("Cause indicators: location", "user"),
            ("Cause indicators: coding standard", "itu t"),
            ("parameter 0xf1: octets", "01"),
        ]
        assert fields(Message(0x31, 5, body=b"\xab"))[2:] == [("Body", "ab")]
