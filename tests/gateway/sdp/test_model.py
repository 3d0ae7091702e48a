"""The values that a session description is made of."""

from __future__ import annotations

import pytest

from gateway.sdp.model import Attribute, Connection, Direction, Rtpmap


class TestDirection:
    @pytest.mark.parametrize(
        ("one", "other", "both"),
        [
            ("sendrecv", "sendonly", "sendonly"),
            ("sendonly", "recvonly", "inactive"),
            ("sendrecv", "sendrecv", "sendrecv"),
            ("recvonly", "inactive", "inactive"),
        ],
    )
    def test_two_directions_allow_what_both_allow(self, one: str, other: str, both: str) -> None:
        assert Direction(one).limited_to(Direction(other)) is Direction(both)
        assert Direction(other).limited_to(Direction(one)) is Direction(both)

    def test_sends_and_receives_make_up_the_direction(self) -> None:
        for direction in Direction:
            assert Direction.of(sends=direction.sends, receives=direction.receives) is direction


class TestConnection:
    def test_the_address_type_follows_from_the_address(self) -> None:
        assert str(Connection.to("2001:db8::1")) == "IN IP6 2001:db8::1"
        assert str(Connection.to("192.0.2.1")) == "IN IP4 192.0.2.1"
        assert str(Connection.to("a.example")) == "IN IP4 a.example"


class TestAttribute:
    def test_a_property_has_no_value_and_an_empty_value_is_one(self) -> None:
        assert Attribute.split("sendrecv") == Attribute("sendrecv", None)
        assert Attribute.split("mid:") == Attribute("mid", "")
        assert Attribute("mid", "").line.value == "mid:"

    def test_an_rtpmap_names_its_channels_only_where_there_are_several(self) -> None:
        assert str(Rtpmap("PCMU", 8000)) == "PCMU/8000"
        assert str(Rtpmap("opus", 48000, 2)) == "opus/48000/2"
