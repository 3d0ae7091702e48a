"""SIPp scenarios, written step by step: what the caller sends, and what it insists on getting.

    call = Scenario("sip:+33199000003@{gateway}", reliable="supported")
    call.invite().progress(183, sdp=True).fails(486, cause=17)
    Path("busy.xml").write_text(call.xml("busy"))

SIPp fails the call, and ends with exit status 1, when a message is missing, unexpected, or not as a check wants it.
`{gateway}` stands for the gateway's host and port; the callers' RTP port is SIPp's keyword `[rtp]`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Self
from xml.sax.saxutils import quoteattr

Reliable = Literal["none", "supported", "required"]

CALLER: Final = "+12125550199"
OFFER: Final = """v=0
o=judge 53655765 2353687637 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [rtp] RTP/AVP {payloads} 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
"""
PCMU_FIRST: Final = OFFER.format(payloads="0 8")
PCMA_FIRST: Final = OFFER.format(payloads="8 0")
NOTHING_USABLE: Final = OFFER.replace("{payloads} 101", "18").split("a=rtpmap")[0] + "a=rtpmap:18 G729/8000\n"
FROM_ITS_SDP: Final = "m=audio [1-9][0-9]* RTP/AVP"


class Scenario:
    """One call.

    Args:
        uri: what is dialled.
        reliable: what the INVITE says of 100rel; where it says anything, each 18x must be reliable and is PRACKed.
        offer: the session description of the INVITE; "" for none.
        headers: further ones of the INVITE.
        lossy: provisional responses that are not repeated may be missing.
    """

    def __init__(
        self,
        uri: str,
        *,
        reliable: Reliable = "none",
        offer: str = PCMU_FIRST,
        headers: Sequence[str] = (),
        lossy: bool = False,
    ) -> None:
        self.uri = uri.replace("{gateway}", "[remote_ip]:[remote_port]")
        self.reliable = reliable
        self.offer = offer
        self.headers = list(headers)
        self.lossy = lossy
        if reliable != "none":
            self.headers.append({"supported": "Supported: 100rel", "required": "Require: 100rel"}[reliable])
        self._steps: list[str] = []
        self._variables: set[str] = set()
        self._cseq = 1
        self._answered_in_prack = bool(offer)

    # ---- what is sent

    def invite(self, *, trying: bool = False) -> Self:
        """INVITE, and 100 if it comes; with `trying` it must."""
        contact = "Contact: <sip:judge@[local_ip]:[local_port];transport=[transport]>"
        self._request("INVITE", [contact, *self.headers], self.offer, branch="invite", retransmits=True)
        self._receive(100, optional=not trying)
        return self

    def cancel(self, reason: str = "") -> Self:
        """CANCEL the INVITE and get 200 for it."""
        headers = [f"Reason: {reason}"] if reason else []
        self._request("CANCEL", headers, cseq=1, branch="invite", to_tag=False, retransmits=True)
        self._receive(200, of="CANCEL", optional=self.lossy)
        return self

    def cancels_nothing(self) -> Self:
        """CANCEL of an INVITE that was never sent; 481."""
        self._request("CANCEL", [], cseq=1, branch="never", to_tag=False, retransmits=True)
        self._receive(481, of="CANCEL")
        return self

    def pause(self, seconds: float) -> Self:
        """Nothing is sent, and nothing may come, for so long."""
        self._steps.append(f'<pause milliseconds="{round(seconds * 1000)}"/>')
        return self

    def ack(self, sdp: str = "") -> Self:
        """ACK to a 2xx."""
        self._request("ACK", [], sdp, cseq=1, branch="ack", uri="[next_url]")
        return self

    def bye(self, status: int = 200) -> Self:
        """BYE and its answer."""
        self._in_dialog("BYE")
        self._receive(status, of="BYE")
        return self

    def info(self, content_type: str, body: str, status: int = 200) -> Self:
        """INFO and its answer."""
        self._in_dialog("INFO", [f"Content-Type: {content_type}"], body)
        self._receive(status, of="INFO")
        return self

    def digit(self, digit: str, milliseconds: int = 200) -> Self:
        """A digit in INFO."""
        return self.info("application/dtmf-relay", f"Signal={digit}\nDuration={milliseconds}\n")

    # ---- what has to come

    def progress(self, status: int, *, sdp: bool = False, acknowledge: bool = True) -> Self:
        """An 18x, with a session description or without; PRACKed where 100rel is in use."""
        found = f'<ereg regexp="{FROM_ITS_SDP}" search_in="body" {self._checked("sdp", sdp)}/>'
        if self.reliable == "none":
            self._receive(status, found, optional=self.lossy)
            return self
        number = self._variable("rseq")
        found += self._matches("Require", "100rel")
        found += f'<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="{number}"/>'
        self._receive(status, found)
        if not acknowledge:
            return self
        body = "" if self._answered_in_prack or not sdp else PCMU_FIRST
        self._answered_in_prack = self._answered_in_prack or sdp
        self._in_dialog("PRACK", [f"RAck: [${number}] 1 INVITE"], body)
        self._receive(200, of="PRACK")
        return self

    def answered(self, *, sdp: bool | None = True, acknowledge: bool = True) -> Self:
        """200 for the INVITE, and ACK; `sdp` None: either way."""
        found = "" if sdp is None else f'<ereg regexp="{FROM_ITS_SDP}" search_in="body" {self._checked("sdp", sdp)}/>'
        self._receive(200, found, of="INVITE")
        return self.ack("" if self._answered_in_prack else PCMU_FIRST) if acknowledge else self

    def repeated_200(self) -> Self:
        """From here on the 200 may come again, as it does until the ACK; SIPp itself expects that only of UDP."""
        self._steps.append('<recv response="200" optional="global"/>')
        return self

    def fails(self, status: int, cause: int | None = None, **headers: str) -> Self:
        """A final response of 300 or more, with its Q.850 cause, and ACK."""
        found = "" if cause is None else self._matches("Reason", f"Q\\.850 *; *cause={cause}([^0-9]|$)")
        found += "".join(self._matches(name.replace("_", "-"), expression) for name, expression in headers.items())
        self._receive(status, found, of="INVITE")
        self._request("ACK", [], cseq=1, branch="invite")
        self._steps.append('<timewait milliseconds="700"/>')
        return self

    def released(self, cause: int) -> Self:
        """BYE from the gateway with this Q.850 cause; answered 200."""
        found = self._matches("Reason", f"Q\\.850 *; *cause={cause}([^0-9]|$)")
        return self.receives("BYE", found)

    def receives_isup(self, status: int = 200) -> Self:
        """INFO from the gateway with an ISUP body; answered with this status."""
        return self.receives("INFO", self._matches("Content-Type", "application/ISUP"), status)

    def receives(self, method: str, actions: str = "", status: int = 200) -> Self:
        """A request from the gateway, answered."""
        self._steps.append(f'<recv request="{method}"><action>{actions}</action></recv>')
        phrase = {200: "OK", 415: "Unsupported Media Type"}[status]
        copied = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\n"
        self._steps.append(f"<send><![CDATA[\nSIP/2.0 {status} {phrase}\n{copied}Content-Length: 0\n\n]]></send>")
        return self

    # ---- the file

    def xml(self, name: str) -> str:
        """The scenario as SIPp reads it."""
        used = ",".join(sorted(self._variables))
        reference = f'<Reference variables="{used}"/>' if used else ""
        head = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name={quoteattr(name)}>'
        return "\n".join([head, *self._steps, reference, "</scenario>\n"])

    # ---- within

    def _in_dialog(self, method: str, headers: Sequence[str] = (), body: str = "") -> None:
        self._cseq += 1
        branch = f"{method.lower()}{self._cseq}"
        self._request(method, headers, body, self._cseq, branch, uri="[next_url]", retransmits=True)

    def _request(
        self,
        method: str,
        headers: Sequence[str],
        body: str = "",
        cseq: int = 1,
        branch: str = "",
        *,
        uri: str = "",
        to_tag: bool = True,
        retransmits: bool = False,
    ) -> None:
        tag = "[peer_tag_param]" if to_tag and method != "INVITE" else ""
        lines = [
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=z9hG4bK-[pid]-[call_number]-{branch}",
            "Max-Forwards: 70",
            f"From: <sip:{CALLER}@[local_ip]:[local_port]>;tag=[pid]judge[call_number]",
            f"To: <{self.uri}>{tag}",
            "Call-ID: [call_id]",
            f"CSeq: {cseq} {method}",
            *headers,
        ]
        if body and not any(line.startswith("Content-Type") for line in headers):
            lines.append("Content-Type: application/sdp")
        lines += ["Content-Length: [len]", "", body]
        attribute = ' retrans="500"' if retransmits else ""
        self._steps.append(f"<send{attribute}><![CDATA[\n" + "\n".join(lines) + "\n]]></send>")

    def _receive(self, status: int, actions: str = "", *, of: str = "", optional: bool = False) -> None:
        if of:
            actions = self._matches("CSeq", of) + actions
        wanted = ' optional="true"' if optional else ""
        routes = ' rrs="true"' if 100 < status < 300 and of in ("", "INVITE") else ""
        self._steps.append(f'<recv response="{status}"{wanted}{routes}><action>{actions}</action></recv>')

    def _matches(self, header: str, expression: str) -> str:
        pattern = quoteattr(expression)
        return f'<ereg regexp={pattern} search_in="hdr" header="{header}:" {self._checked("header", True)}/>'

    def _checked(self, name: str, present: bool) -> str:
        which = "check_it" if present else "check_it_inverse"
        return f'{which}="true" assign_to="{self._variable(name)}"'

    def _variable(self, name: str) -> str:
        self._variables.add(name)
        return name
