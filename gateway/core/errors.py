"""The one tree of errors.

    GatewayError
    +-- ParseError            octets or text that cannot be read: where, and by which clause
    +-- LocalProtocolError    we asked a machine for what its state does not allow: our own fault
    +-- RemoteProtocolError   the peer broke a rule: carries the answer to give
    +-- ConfigError           a mistake in a configuration file: path, line and key

Messages carry the numbers ("optional part: pointer 19 past end 14"). A peer's mistake never becomes a traceback.
"""

from __future__ import annotations

from gateway.core.clause import Clause


class GatewayError(Exception):
    """The root of every error that this project raises on purpose."""


class ParseError(GatewayError):
    """Octets or text that cannot be read.

    Args:
        message: what is wrong, with its numbers.
        offset: how many octets (or characters) from the start, where it is known.
        clause: the rule that was broken, where there is one to cite.
    """

    def __init__(self, message: str, offset: int | None = None, clause: Clause | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.clause = clause

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at octet {self.offset}"
        why = "" if self.clause is None else f" [{self.clause}]"
        return f"{self.message}{where}{why}"


class LocalProtocolError(GatewayError):
    """An input that the machine's present state does not allow, given by our own side."""


class RemoteProtocolError(GatewayError):
    """The peer broke a rule.

    Args:
        message: what it did.
        sip_status: the status code to answer with, where the peer speaks SIP.
        cause: the ITU-T Q.850 cause value to release with, where the peer speaks ISUP.
    """

    def __init__(self, message: str, *, sip_status: int | None = None, cause: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.sip_status = sip_status
        self.cause = cause


class ConfigError(GatewayError):
    """A mistake in a configuration file.

    Args:
        message: what is wrong and what would be right.
        path: the file.
        line: the line, counted from 1, where it is known.
        key: the dotted key, "sip.port".
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None, key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line
        self.key = key

    def __str__(self) -> str:
        where = ":".join(part for part in (self.path, "" if self.line is None else str(self.line)) if part)
        return ": ".join(part for part in (where, self.key, self.message) if part)
