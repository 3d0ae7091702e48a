"""ISUP messages as octets, read and written by the two tables (ITU-T Q.763 §1).

Reading is strict about what cannot be read and lenient about what an older or newer version of the protocol may do:
octets after a message's last part are ignored, optional parameters that the table does not list for a message are kept,
and a message may stop before the pointer to an optional part (in older versions some messages could have none).
"""

from __future__ import annotations

from functools import lru_cache

from gateway.core.clause import Clause
from gateway.core.errors import LocalProtocolError, ParseError
from gateway.ss7.isup.messages import GREATEST_CIC, MESSAGES, Message, MessageFormat, message_name
from gateway.ss7.isup.parameter import Parameter
from gateway.ss7.isup.parameter_codes import ParameterCode, parameter_clause, parameter_name
from gateway.ss7.isup.parameters import parse_parameter

_CIC_OCTETS = 2
_GREATEST_LENGTH = 255


def parse(octets: bytes) -> Message:
    """Read a message from its circuit identification code on, as MTP carries it.

    Raises:
        ParseError: what cannot be read, where, and by which clause.
    """
    if len(octets) <= _CIC_OCTETS:
        raise ParseError(
            f"message: {len(octets)} octets, at least {_CIC_OCTETS + 1} needed", len(octets), Clause("ITU-T Q.763", "1")
        )
    return _parse(bytes(octets), _CIC_OCTETS, int.from_bytes(octets[:_CIC_OCTETS], "little") & GREATEST_CIC)


def serialize(message: Message) -> bytes:
    """The message from its circuit identification code on.

    Raises:
        LocalProtocolError: a mandatory parameter is missing or of the wrong length, or something is too long.
    """
    return message.cic.to_bytes(_CIC_OCTETS, "little") + serialize_body(message)


def parse_body(octets: bytes, cic: int = 0) -> Message:
    """Read an `application/ISUP` body, which starts at the message type (RFC 3204 §3.1).

    Raises:
        ParseError: as `parse`.
    """
    if not octets:
        raise ParseError("application/ISUP body: 0 octets, at least 1 needed", 0, Clause("RFC 3204", "3.1"))
    return _parse(bytes(octets), 0, cic)


def serialize_body(message: Message) -> bytes:
    """The message as an `application/ISUP` body: without its circuit identification code (RFC 3204 §3.1).

    Raises:
        LocalProtocolError: as `serialize`.
    """
    return _body(message.type, message.parameters, message.body)


@lru_cache(maxsize=1024)
def _body(message_type: int, parameters: tuple[Parameter, ...], body: bytes) -> bytes:
    """The message from its type on; but for the numbers in an IAM a call's messages are those of the call before."""
    name, layout = message_name(message_type), MESSAGES.get(message_type)
    if layout is None:
        if parameters:
            raise LocalProtocolError(f"{name}: no format is known that could hold parameters")
        return bytes((message_type,)) + body
    if body:
        raise LocalProtocolError(f"{name}: {len(body)} octets of body beside its parameters")
    return bytes((message_type,)) + _write_parts(name, parameters, layout)


def _parse(octets: bytes, at: int, cic: int) -> Message:
    """Read from the message type, which stands at `at`."""
    message_type = octets[at]
    at += 1
    layout = MESSAGES.get(message_type)
    if layout is None:
        return Message(message_type, cic, body=octets[at:])
    name = message_name(message_type)
    end = len(octets)
    parameters: list[Parameter] = []

    for code, length in layout.fixed:
        if at + length > end:
            raise ParseError(
                f"{name}: {parameter_name(code)} of {length} octets past end {end}", at, parameter_clause(code)
            )
        parameters.append(_parse_at(code, octets[at : at + length], at))
        at += length

    for code in layout.variable:
        if at >= end:
            raise ParseError(f"{name}: no pointer to {parameter_name(code)} before end {end}", at, layout.clause)
        if octets[at] == 0:
            raise ParseError(f"{name}: {parameter_name(code)}: pointer 0, but it is mandatory", at, layout.clause)
        start = at + octets[at]
        if start >= end:
            raise ParseError(f"{name}: {parameter_name(code)}: pointer {octets[at]} past end {end}", at, layout.clause)
        stop = start + 1 + octets[start]
        if stop > end:
            raise ParseError(
                f"{name}: {parameter_name(code)}: length {octets[start]} past end {end}", start, layout.clause
            )
        parameters.append(_parse_at(code, octets[start + 1 : stop], start + 1))
        at += 1

    if layout.optional is not None and at < end and octets[at]:
        start = at + octets[at]
        if start >= end:
            raise ParseError(f"{name}: optional part: pointer {octets[at]} past end {end}", at, layout.clause)
        parameters.extend(_parse_optional(octets, start, name))
    return Message(message_type, cic, tuple(parameters))


def _parse_optional(octets: bytes, at: int, name: str) -> list[Parameter]:
    end = len(octets)
    clause = parameter_clause(ParameterCode.END_OF_OPTIONAL_PARAMETERS)
    parameters: list[Parameter] = []
    while at < end:
        code = octets[at]
        if code == ParameterCode.END_OF_OPTIONAL_PARAMETERS:
            return parameters
        if at + 1 >= end:
            raise ParseError(f"{name}: optional part: {parameter_name(code)} without a length", at, clause)
        stop = at + 2 + octets[at + 1]
        if stop > end:
            raise ParseError(
                f"{name}: optional part: {parameter_name(code)}: length {octets[at + 1]} past end {end}", at + 1, clause
            )
        parameters.append(_parse_at(code, octets[at + 2 : stop], at + 2))
        at = stop
    raise ParseError(f"{name}: optional part: no end of optional parameters before end {end}", end, clause)


def _parse_at(code: int, octets: bytes, offset: int) -> Parameter:
    try:
        return parse_parameter(code, octets)
    except ParseError as error:
        raise ParseError(error.message, offset, error.clause) from None


def _write_parts(name: str, parameters: tuple[Parameter, ...], layout: MessageFormat) -> bytes:
    optional = list(parameters)
    fixed = b""
    for code, length in layout.fixed:
        contents = _take(name, optional, code)
        if len(contents) != length:
            raise LocalProtocolError(f"{name}: {parameter_name(code)} of {len(contents)} octets, {length} needed")
        fixed += contents

    pointers = len(layout.variable) + (layout.optional is not None)
    pointer_octets = b""
    variable = b""
    for position, code in enumerate(layout.variable):
        pointer_octets += _pointer(name, pointers - position + len(variable))
        contents = _take(name, optional, code)
        variable += bytes((len(contents),)) + contents

    if layout.optional is None:
        if optional:
            raise LocalProtocolError(f"{name}: no optional part to hold {optional[0].name}")
        return fixed + pointer_octets + variable
    if not optional:
        return fixed + pointer_octets + b"\0" + variable
    part = b"".join(
        bytes((parameter.code, len(contents))) + contents
        for parameter in optional
        for contents in (_contents(name, parameter),)
    )
    return fixed + pointer_octets + _pointer(name, 1 + len(variable)) + variable + part + b"\0"


def _take(name: str, parameters: list[Parameter], code: ParameterCode) -> bytes:
    """The contents of the first parameter with this code, which is taken away."""
    for position, parameter in enumerate(parameters):
        if parameter.code == code:
            del parameters[position]
            return _contents(name, parameter)
    raise LocalProtocolError(f"{name}: mandatory {parameter_name(code)} is missing")


def _contents(name: str, parameter: Parameter) -> bytes:
    contents = _written(parameter)
    if len(contents) > _GREATEST_LENGTH:
        raise LocalProtocolError(f"{name}: {parameter.name} of {len(contents)} octets, {_GREATEST_LENGTH} at most")
    return contents


@lru_cache(maxsize=4096)
def _written(parameter: Parameter) -> bytes:
    """Parameters are values, and most of those of a call are those of the call before: their octets are kept."""
    return parameter.serialize()


def _pointer(name: str, distance: int) -> bytes:
    if distance > _GREATEST_LENGTH:
        raise LocalProtocolError(f"{name}: a pointer of {distance}, {_GREATEST_LENGTH} at most")
    return bytes((distance,))
