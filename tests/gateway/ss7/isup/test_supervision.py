"""Parameters of circuits and circuit groups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup.supervision import (
    CircuitGroupSupervisionMessageType,
    CircuitStateIndicator,
    ContinuityIndicators,
    RangeAndStatus,
    SupervisionType,
)


@pytest.mark.clause("ITU-T Q.763", "3.43")
class TestRangeAndStatus:
    """How many circuits, and which of them are meant."""

    @pytest.mark.parametrize(
        ("octets", "range_code", "marked"),
        [("1e", 30, []), ("0101", 1, [5]), ("098502", 9, [5, 7, 12, 14]), ("0801ff", 8, [5, 13])],
    )
    def test_hex_becomes_fields_and_the_same_hex(self, octets: str, range_code: int, marked: list[int]) -> None:
        parameter = RangeAndStatus.parse(bytes.fromhex(octets))
        assert parameter.range == range_code
        assert parameter.circuits(5) == list(range(5, 6 + range_code))
        assert parameter.marked(5) == marked
        assert parameter.serialize().hex() == octets

    @given(st.integers(0, 4095), st.sets(st.integers(0, 255), min_size=1))
    def test_the_circuits_that_go_in_come_out(self, first: int, offsets: set[int]) -> None:
        cics = sorted(first + offset for offset in offsets)
        parameter = RangeAndStatus.parse(RangeAndStatus.of(first, cics).serialize())
        assert parameter.marked(first) == cics
        assert len(parameter.circuits(first)) == parameter.range + 1

    @given(st.binary(max_size=40))
    def test_whatever_can_be_read_is_written_back(self, octets: bytes) -> None:
        try:
            parameter = RangeAndStatus.parse(octets)
        except ParseError:
            return
        assert parameter.serialize() == octets

    @pytest.mark.parametrize(
        ("octets", "message"),
        [
            ("", "Range and status: 0 octets, at least 1 needed"),
            ("1effffff", "Range and status: status of 3 octets for range 30, 4 needed"),
            ("08ff", "Range and status: status of 1 octets for range 8, 2 needed"),
        ],
    )
    def test_what_cannot_be_read_is_said_with_its_numbers(self, octets: str, message: str) -> None:
        with pytest.raises(ParseError) as raised:
            RangeAndStatus.parse(bytes.fromhex(octets))
        assert raised.value.message == message

    @pytest.mark.parametrize("cics", [(), (4,), (5, 261)])
    def test_circuits_that_do_not_fit_are_refused(self, cics: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="0 to 255, at least one"):
            RangeAndStatus.of(5, cics)

    def test_values_out_of_range_are_refused(self) -> None:
        with pytest.raises(ValueError, match="range 256, 0 to 255"):
            RangeAndStatus(256)
        with pytest.raises(ValueError, match="status of 1 octets for range 8, 2 needed"):
            RangeAndStatus(8, b"\0")

    def test_it_speaks_of_itself(self) -> None:
        assert RangeAndStatus(30).brief() == "31 circuits"
        assert RangeAndStatus(0).fields() == [("range", "0")]
        parameter = RangeAndStatus.of(1, (1, 3))
        assert parameter.brief() == "3 circuits, 2 marked"
        assert parameter.fields() == [("range", "2"), ("status", "05"), ("marked", "+0 +2")]
        assert RangeAndStatus(0, b"\0").fields()[2] == ("marked", "none")


class TestTheOthers:
    """Continuity, supervision type, circuit states."""

    def test_continuity(self) -> None:
        assert ContinuityIndicators.parse(b"\x01") == ContinuityIndicators(True)
        assert ContinuityIndicators(True).brief() == "continuity check successful"
        assert ContinuityIndicators().brief() == "continuity check failed"

    def test_supervision_type(self) -> None:
        parameter = CircuitGroupSupervisionMessageType.parse(b"\x01")
        assert parameter.type is SupervisionType.HARDWARE_FAILURE_ORIENTED
        assert parameter.brief() == "hardware failure oriented"
        assert parameter.serialize() == b"\x01"

    def test_circuit_states(self) -> None:
        assert CircuitStateIndicator.parse(b"\x0c\x03").serialize() == b"\x0c\x03"
        with pytest.raises(ParseError, match="Circuit state indicator: 0 octets, at least 1 needed"):
            CircuitStateIndicator.parse(b"")
