"""All typed parameters, found by code."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import ParseError
from gateway.ss7.isup import parameters
from gateway.ss7.isup.parameters import (
    PARAMETER_TYPES,
    PARAMETERS,
    CauseIndicators,
    HopCounter,
    ParameterCode,
    TypedParameter,
    UnknownParameter,
    parse_parameter,
)


def test_every_typed_class_is_found_by_its_code() -> None:
    classes = [
        found
        for name in parameters.__all__
        if isinstance(found := getattr(parameters, name), type)
        and issubclass(found, TypedParameter)
        and isinstance(getattr(found, "code", None), ParameterCode)
    ]
    assert {found.code: found for found in classes} == PARAMETER_TYPES
    assert len(classes) == len(PARAMETER_TYPES)


def test_every_typed_class_has_a_row_in_the_table() -> None:
    assert set(PARAMETER_TYPES) <= set(PARAMETERS)


def test_a_class_s_first_line_names_its_clause() -> None:
    for code, found in PARAMETER_TYPES.items():
        assert f"(ITU-T Q.763 §{PARAMETERS[code].section}" in (found.__doc__ or "").splitlines()[0], found


def test_known_and_unknown_codes() -> None:
    assert parse_parameter(0x3D, b"\x05") == HopCounter(5)
    assert parse_parameter(0x12, b"\x80\x91") == CauseIndicators(17)
    assert parse_parameter(0x4B, b"\x01") == UnknownParameter(0x4B, b"\x01")
    assert parse_parameter(0xF1, b"") == UnknownParameter(0xF1, b"")


@given(st.sampled_from(sorted(PARAMETER_TYPES)), st.binary(max_size=40))
def test_whatever_can_be_read_is_written_back_and_speaks(code: int, octets: bytes) -> None:
    try:
        parameter = parse_parameter(code, octets)
    except ParseError as error:
        assert error.message.startswith(PARAMETERS[code].name)
        assert error.clause == PARAMETERS[code].clause
        return
    assert parameter.serialize() == octets
    assert parameter.code == code
    assert isinstance(parameter.brief(), str)
    assert all(label and isinstance(value, str) for label, value in parameter.fields())


@pytest.mark.parametrize("code", sorted(PARAMETER_TYPES))
def test_no_octets_are_read_or_refused_in_words(code: int) -> None:
    try:
        assert parse_parameter(code, b"").serialize() == b""
    except ParseError as error:
        assert "0 octets" in error.message
