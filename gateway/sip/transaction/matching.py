"""Which transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3, §9.2).

The two rules of §17.2.3 become two kinds of key, so that finding a transaction is one look into a dictionary:

    branch begins with z9hG4bK     (branch, sent-by)
    any other branch, or none      (Request-URI, From tag, Call-ID, CSeq number, top Via, To tag): a peer of RFC 2543

Under each key stand the transactions by method, since a CANCEL has the key of what it cancels, and an ACK that of its
INVITE. Text is compared as it was written.
"""

from __future__ import annotations

from gateway.sip.fields.grammar import split_list
from gateway.sip.fields.via import MAGIC_COOKIE, Via
from gateway.sip.message import Request, Response

ServerKey = tuple[str, ...]
"""What server transactions are found by; the method comes on top."""
ClientKey = tuple[str, str]
"""What client transactions are found by (§17.1.3): branch and the method in CSeq."""


def client_key(response: Response) -> ClientKey:
    """Branch and method of a response.

    Raises:
        ParseError: Via or CSeq cannot be read.
    """
    return response.via.branch or "", response.cseq.method


# Deviation: RFC 3261 §7.3.1 makes tokens compare without regard to case. Branches are compared as written: peers make
# them of base64, where case carries a sixth of the randomness, and nobody changes the case of a branch in transit.
def is_rfc3261(via: Via) -> bool:
    """Whether whoever sent the request makes branches that are unique (§17.2.3)."""
    branch = via.branch
    return branch is not None and branch.startswith(MAGIC_COOKIE)


def server_key(request: Request) -> ServerKey:
    """The key of a request other than ACK; taken before `mark_source` changes its Via.

    Raises:
        ParseError: Via cannot be read; or, without the magic cookie, From, To, Call-ID or CSeq cannot be.
    """
    via = request.via
    if is_rfc3261(via):
        return via.branch or "", via.sent_by
    return _rfc2543_key(request, request.to.tag or "")


def ack_keys(request: Request) -> tuple[ServerKey, ...]:
    """The keys under which the INVITE may stand that this ACK acknowledges.

    Of a peer of RFC 2543 there are two: an INVITE that began a dialog had no To tag, a later one had the same.

    Raises:
        ParseError: as `server_key`.
    """
    via = request.via
    if is_rfc3261(via):
        return ((via.branch or "", via.sent_by),)
    tag = request.to.tag or ""
    return (_rfc2543_key(request, ""), _rfc2543_key(request, tag)) if tag else (_rfc2543_key(request, ""),)


def _rfc2543_key(request: Request, to_tag: str) -> ServerKey:
    via = split_list(request.headers.get("Via") or "")[0]
    return request.uri, request.from_.tag or "", request.call_id, str(request.cseq.number), via, to_tag


def acknowledges(request: Request, response: Response | None) -> bool:
    """Whether an ACK of a peer of RFC 2543 is for this response: "the To tag of the ACK matches the To tag of the
    response sent by the server transaction" (§17.2.3).

    Raises:
        ParseError: a To cannot be read.
    """
    return response is not None and request.to.tag == response.to.tag
