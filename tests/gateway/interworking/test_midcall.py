"""Who gets ISUP in INFO (RFC 3398 §9.1)."""

from __future__ import annotations

import pytest

from gateway.interworking.midcall import takes_isup
from gateway.sip.headers import Headers
from gateway.sip.message import Request

IAM = b"\x01\x00\x20\x01\x0a\x00\x02\x07\x05\x83\x90\x21\x21\x0f\x00"
MIXED = (
    b"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n"
    b"--b\r\nContent-Type: application/%s;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\n"
    b"\x01\x00\r\n--b--\r\n"
)


def invite(body: bytes = b"", **headers: str) -> Request:
    """As much of one as is looked at."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method="INVITE", uri="sip:1@h", headers=Headers(fields), body=body)


@pytest.mark.clause("RFC 3398", "9.1")
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (invite(), False),
        (invite(Accept="application/sdp"), False),
        (invite(Accept="application/sdp, application/ISUP"), True),
        (invite(Accept="application/isup;version=itu-t92+"), True),
        (invite(Accept="*/*"), False),
        (invite(IAM, Content_Type="application/ISUP;version=itu-t92+;base=itu-t92+"), True),
        (invite(b"v=0\r\n", Content_Type="application/sdp"), False),
        (invite(MIXED % b"ISUP", Content_Type="multipart/mixed;boundary=b"), True),
        (invite(MIXED % b"QSIG", Content_Type="multipart/mixed;boundary=b"), False),
        (invite(b"x", Content_Type="multipart/mixed"), False),
        (invite(b"x", Content_Type="????"), False),
        (invite(b"x"), False),
    ],
)
def test_only_those_who_have_used_it_or_ask_for_it(request_: Request, expected: bool) -> None:
    assert takes_isup(request_) is expected
