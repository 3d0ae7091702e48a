"""Service information octet and routing label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.mtp3 import Mtp3Message, NetworkIndicator, RoutingLabel, ServiceIndicator


@pytest.mark.clause("ITU-T Q.704", "2.2")
class TestRoutingLabel:
    """Destination, origin and link selection in four octets."""

    def test_octets_are_least_significant_first(self) -> None:
        assert RoutingLabel(4899, 1234, 5).serialize().hex() == "23933451"
        assert RoutingLabel(0x3FFF, 0, 0).serialize().hex() == "ff3f0000"
        assert RoutingLabel(0, 0x3FFF, 0).serialize().hex() == "00c0ff0f"
        assert RoutingLabel(0, 0, 15).serialize().hex() == "000000f0"

    @given(st.binary(min_size=4, max_size=4))
    def test_any_four_octets_survive(self, octets: bytes) -> None:
        assert RoutingLabel.parse(octets).serialize() == octets

    def test_the_answer_goes_back_on_the_same_link(self) -> None:
        assert RoutingLabel(1, 2, 3).reversed() == RoutingLabel(2, 1, 3)

    @pytest.mark.parametrize("arguments", [(-1, 0, 0), (0x4000, 0, 0), (0, 0x4000, 0), (0, 0, 16)])
    def test_values_out_of_range_are_refused(self, arguments: tuple[int, int, int]) -> None:
        with pytest.raises(ValueError, match=r": 0 to (16383|15)"):
            RoutingLabel(*arguments)


@pytest.mark.clause("ITU-T Q.704", "14.2")
class TestMtp3Message:
    """What MTP-TRANSFER carries."""

    def test_hex_becomes_fields_and_the_same_hex(self) -> None:
        octets = bytes.fromhex("85 23933451 0500 10 00")
        message = Mtp3Message.parse(octets)
        assert message == Mtp3Message(
            ServiceIndicator.ISUP, NetworkIndicator.NATIONAL, 0, RoutingLabel(4899, 1234, 5), bytes.fromhex("05001000")
        )
        assert message.serialize() == octets

    @given(st.binary(min_size=5, max_size=272))
    def test_any_octets_survive(self, octets: bytes) -> None:
        assert Mtp3Message.parse(octets).serialize() == octets

    @pytest.mark.parametrize("length", range(5))
    def test_every_prefix_without_a_whole_label_is_refused(self, length: int) -> None:
        with pytest.raises(ParseError, match=f"MTP3 message: {length} octets, 5 needed"):
            Mtp3Message.parse(bytes.fromhex("8523933451")[:length])

    def test_a_short_label_is_refused(self) -> None:
        with pytest.raises(ParseError, match="routing label: 3 octets, 4 needed"):
            RoutingLabel.parse(b"abc")

    @pytest.mark.parametrize("arguments", [(16, 0, 0), (0, 4, 0), (0, 0, 4)])
    def test_values_out_of_range_are_refused(self, arguments: tuple[int, int, int]) -> None:
        with pytest.raises(ValueError, match=r": 0 to (15|3)"):
            Mtp3Message(*arguments, RoutingLabel(0, 0), b"")
