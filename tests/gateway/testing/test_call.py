"""Calls of the test telephone, in a network of their own."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.core.errors import LocalProtocolError
from gateway.testing.call import NeverHappenedError
from gateway.testing.sync import SyncPhone
from tones.detect import Kind

US = "+121255501"
RINGS = """
[exchange.behaviours.70]
steps = [{ send = "ACM", called_party = "subscriber free" }, { stay = true }]
"""


class TestMilestones:
    def test_what_has_happened_fires_at_once(self, phone: SyncPhone) -> None:
        call = phone.dial("90017", until="ended")
        pstn = phone.pstn
        assert pstn.call(call.call.when_status, 486) <= pstn.call(call.call.when, "final")
        assert pstn.call(call.call.when_ended) >= 0

    def test_what_can_no_longer_happen_fails_and_says_what_did(self, phone: SyncPhone) -> None:
        call = phone.dial("90017", until="ended")
        with pytest.raises(NeverHappenedError) as raised:
            phone.pstn.call(call.call.when_answered)
        assert str(raised.value) == ("'answered' never came; the call to 90017 ended: 486, cause 17; responses: 486")

    def test_who_waits_when_it_ends_is_told(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        with pytest.raises(NeverHappenedError, match="a 183 response never came"):
            phone.pstn.call(call.call.when_status, 183)

    def test_a_milestone_that_does_not_exist(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        with pytest.raises(ValueError, match="'answerd' is neither a status"):
            phone.pstn.call(call.call.when, "answerd")
        with pytest.raises(ValueError, match="100 is neither"):
            phone.pstn.call(call.call.when, 100)


class TestState:
    @pytest.mark.pstn(toml=RINGS)
    def test_it_is_told_in_words(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "70", until=180)
        assert repr(call) == "<call to +12125550170: ringing (180)>"
        call.hang_up()
        call.wait_for("ended")
        assert call.state == "ended: 487"

    def test_after_the_answer(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "10", until="answered")
        assert call.state == "answered"
        call.hang_up()
        assert call.state == "ended: after the answer"
        call.hang_up()
        call.cancel()

    def test_nobody_there_is_a_failure(self, phone: SyncPhone) -> None:
        call = phone.dial("90017", transport="tcp")
        assert call.status == 486
        phone.phone.gateway = ("127.0.0.1", 1)
        refused = phone.dial("90017", transport="tcp", until="ended")
        assert refused.call.status is None
        assert "refused" in refused.call.failure

    def test_nothing_can_be_said_before_it_is_known_where_to(self, phone: SyncPhone) -> None:
        call = phone.dial("90017")
        with pytest.raises(LocalProtocolError):
            call.speak(np.zeros(160, np.int16))


class TestHeadersOfTheInvite:
    def test_options_make_headers(self, phone: SyncPhone) -> None:
        call = phone.dial(
            "90017", reliable="required", accept_isup=True, headers=(("Privacy", "id"),), caller="+33144000000"
        )
        assert call.status == 486
        invite = call.call.session.request
        assert invite is not None
        assert invite.require == {"100rel"}
        assert invite.accept == ("application/sdp", "application/isup")
        assert invite.headers.get("Privacy") == "id"
        assert invite.from_.uri.user == "+33144000000"
        assert "101" in SessionFormats.of(call.call.offer)

    def test_none_offers_no_100rel_and_no_telephone_event(self, phone: SyncPhone) -> None:
        call = phone.dial("90017", reliable="none", telephone_event=False, codecs=("PCMA",))
        assert call.status == 486
        invite = call.call.session.request
        assert invite is not None
        assert invite.supported == frozenset()
        assert SessionFormats.of(call.call.offer) == ("8",)


class SessionFormats:
    """The formats of the one stream of an offer."""

    @staticmethod
    def of(sdp: bytes) -> tuple[str, ...]:
        from gateway.sdp.model import SessionDescription

        return tuple(SessionDescription.parse(sdp).media[0].formats)


class TestSound:
    def test_what_has_been_heard_stays_after_the_call(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="media")
        assert call.heard("1004 Hz")
        call.hang_up()
        assert phone.let_go() == ""
        assert call.call.heard(plans=())[0].kind is Kind.FREQUENCY

    def test_the_sound_stops_with_the_call(self, phone: SyncPhone) -> None:
        call = phone.dial(US + "11", until="media")
        call.hang_up()
        ended_s = call.wait_for("ended")
        assert not call.heard("hello")
        last_s = call.arrivals[-1].at_s - call.arrivals[0].at_s
        assert last_s <= ended_s + 0.05
