"""Clauses, decisions and errors as people read them."""

from __future__ import annotations

from gateway.core.clause import Clause, Decision
from gateway.core.errors import ConfigError, GatewayError, LocalProtocolError, ParseError, RemoteProtocolError


def test_a_clause_and_a_decision() -> None:
    assert str(Clause("RFC 3398", "7.2.6")) == "RFC 3398 §7.2.6"
    assert str(Clause("ITU-T Q.850")) == "ITU-T Q.850"
    assert str(Decision("T7 expired", "504, REL 102", Clause("RFC 3398", "7.2.2"))) == (
        "T7 expired: 504, REL 102 [RFC 3398 §7.2.2]"
    )


def test_a_parse_error_says_where_and_by_which_clause() -> None:
    assert str(ParseError("short")) == "short"
    assert str(ParseError("short", 3)) == "short at octet 3"
    assert str(ParseError("short", 0, Clause("RFC 3261", "7"))) == "short at octet 0 [RFC 3261 §7]"


def test_a_config_error_names_file_line_and_key() -> None:
    assert str(ConfigError("is no port", path="lab.toml", line=3, key="sip.listen")) == (
        "lab.toml:3: sip.listen: is no port"
    )
    assert str(ConfigError("is no port", key="sip.listen")) == "sip.listen: is no port"
    assert str(ConfigError("is no port")) == "is no port"


def test_there_is_one_tree() -> None:
    for kind in (ParseError, LocalProtocolError, RemoteProtocolError, ConfigError):
        assert issubclass(kind, GatewayError)
    error = RemoteProtocolError("no number", sip_status=404, cause=1)
    assert (str(error), error.sip_status, error.cause) == ("no number", 404, 1)
