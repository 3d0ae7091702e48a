"""What an ISUP parameter is, and how indicator bits are declared and read (ITU-T Q.763 §1 and §3).

Q.763 letters the bits of a parameter from A, the least significant of the first octet, on through P, the most
significant of the second. The declarations here use the same letters, so that a class reads like its clause:

    class EventInformation(Indicators):
        event: Event | int = bits("GFEDCBA", Event)
        presentation_restricted: bool = bits("H", bool)

Bits without a name (spare, reserved) are kept in `spare_bits`, octets beyond the known ones in `rest`; so what a newer
or national peer puts there survives. A code point that an enumeration does not have stays a plain `int`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar, Self

import attrs
from attrs import field, frozen

from gateway.core.errors import ParseError
from gateway.ss7.isup.parameter_codes import parameter_clause, parameter_name

_BITS = "bits"


class Parameter:
    """The root of all parameters: `attrs.frozen` values with a `code` and a `serialize`."""

    __slots__ = ()

    code: int

    def serialize(self) -> bytes:
        """The parameter's contents: no name, no length indicator."""
        raise NotImplementedError

    def fields(self) -> list[tuple[str, str]]:
        """Label and value of every field, in words."""
        return [("octets", self.serialize().hex())]

    def brief(self) -> str:
        """A few words for one line of a ladder; "" where there is nothing to say."""
        return ""

    @property
    def name(self) -> str:
        """The name as ITU-T Q.763 prints it."""
        return parameter_name(self.code)


class TypedParameter(Parameter):
    """A parameter whose class knows its layout."""

    __slots__ = ()

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the contents of one parameter.

        Raises:
            ParseError: they do not hold what the clause asks for.
        """
        raise NotImplementedError

    @classmethod
    def too_short(cls, octets: bytes, least_octets: int) -> ParseError:
        """The error for contents shorter than the clause draws them."""
        return cls.malformed(f"{len(octets)} octets, at least {least_octets} needed")

    @classmethod
    def malformed(cls, what: str) -> ParseError:
        """An error that names the parameter and its clause."""
        return ParseError(f"{parameter_name(cls.code)}: {what}", clause=parameter_clause(cls.code))


@frozen
class UnknownParameter(Parameter):
    """A parameter whose layout is not known here: its octets survive as they came."""

    code: int = field()
    octets: bytes

    @code.validator
    def _check_code(self, attribute: object, value: int) -> None:
        if not 1 <= value <= 255:
            raise ValueError(f"parameter code {value}: 1 to 255")

    def serialize(self) -> bytes:
        """The octets as they came."""
        return self.octets


@frozen
class OctetsParameter(TypedParameter):
    """A parameter whose contents belong to another specification and are carried as octets."""

    octets: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Any octets will do."""
        return cls(bytes(octets))

    def serialize(self) -> bytes:
        """The octets."""
        return self.octets


@frozen
class _Bits:
    low: int
    width: int
    of: type[int]


def bits(letters: str, of: type[int] = int, default: int = 0) -> Any:
    """Declare a field of an `Indicators` class.

    Args:
        letters: the bits as the specification letters them, most significant first: "BA", "GFEDCBA", "K".
        of: `int`, `bool` or an `IntEnum`; values that the enumeration lacks stay `int`.
        default: the value of a parameter made without this field.
    """
    positions = [ord(letter) - ord("A") for letter in letters]
    if positions != list(range(positions[0], positions[-1] - 1, -1)):
        raise ValueError(f"bits {letters!r} are not adjacent, most significant first")
    return field(default=as_known(of, default), metadata={_BITS: _Bits(positions[-1], len(positions), of)})


def as_known(of: type[int], value: int) -> int:
    """`value` as a member of `of`, or as it is where `of` has no such member."""
    if issubclass(of, IntEnum):
        return of(value) if value in of._value2member_map_ else int(value)
    return of(value)


@frozen
class _Layout:
    """The bit fields of a class: name, lowest bit, largest value, type (and its members by code); and the rest."""

    parts: tuple[tuple[str, int, int, type[int], dict[int, int] | None], ...]
    spare_mask: int


_layouts: dict[object, _Layout] = {}


def _layout(cls: type[BitFields]) -> _Layout:
    found = _layouts.get(cls)
    if found is None:
        named: list[tuple[str, _Bits]] = [(a.name, a.metadata[_BITS]) for a in attrs.fields(cls) if _BITS in a.metadata]
        mask = sum(((1 << part.width) - 1) << part.low for _, part in named)
        found = _layouts[cls] = _Layout(
            tuple(
                (
                    name,
                    part.low,
                    (1 << part.width) - 1,
                    part.of,
                    dict(part.of._value2member_map_) if issubclass(part.of, IntEnum) else None,
                )
                for name, part in named
            ),
            ((1 << 8 * cls.length_octets) - 1) & ~mask & ~cls.derived_bits,
        )
    return found


@frozen
class BitFields(TypedParameter):
    """A parameter that starts with octets cut into bit fields, declared with `bits`.

    Subclasses set `length_octets`, how many octets are so cut, and `derived_bits`, a mask of the bits that follow from
    the rest of the parameter and so are no fields.

    Args:
        spare_bits: the bits no field names, in their places (first octet least significant).
    """

    length_octets: ClassVar[int] = 1
    derived_bits: ClassVar[int] = 0

    spare_bits: int = field(default=0, kw_only=True)

    def __attrs_post_init__(self) -> None:
        layout = _layout(type(self))
        for name, _, largest, of, members in layout.parts:
            value = getattr(self, name)
            if not 0 <= value <= largest:
                raise ValueError(f"{self.name}: {name} {value}, 0 to {largest}")
            if type(value) is not of:
                known = of(value) if members is None else members.get(value, int(value))
                if known is not value:
                    object.__setattr__(self, name, known)
        if self.spare_bits & ~layout.spare_mask:
            raise ValueError(f"{self.name}: spare bits {self.spare_bits:#x} touch named ones")

    @classmethod
    def spare_mask(cls) -> int:
        """The bits of the first `length_octets` that are neither a field nor derived."""
        return _layout(cls).spare_mask

    @classmethod
    def read_bits(cls, octets: bytes) -> dict[str, Any]:
        """The fields, and `spare_bits`, as arguments for the class.

        Raises:
            ParseError: fewer than `length_octets`.
        """
        if len(octets) < cls.length_octets:
            raise cls.too_short(octets, cls.length_octets)
        word = int.from_bytes(octets[: cls.length_octets], "little")
        layout = _layout(cls)
        values: dict[str, Any] = {name: word >> low & largest for name, low, largest, _, _ in layout.parts}
        values["spare_bits"] = word & layout.spare_mask
        return values

    def write_bits(self, derived: int = 0) -> bytes:
        """The first `length_octets` octets, `derived` filling the derived bits."""
        word = self.spare_bits | derived
        for name, low, *_ in _layout(type(self)).parts:
            word |= getattr(self, name) << low
        return word.to_bytes(self.length_octets, "little")

    def fields(self) -> list[tuple[str, str]]:
        """Label and value of every bit field; spare bits only where there are any."""
        found = [(name.replace("_", " "), in_words(getattr(self, name))) for name, *_ in _layout(type(self)).parts]
        if self.spare_bits:
            found.append(("spare bits", f"{self.spare_bits:#x}"))
        return found


@frozen
class Indicators(BitFields):
    """A parameter that is bit fields and no more.

    Args:
        rest: octets beyond `length_octets`, as a later version of the parameter may have.
    """

    rest: bytes = field(default=b"", kw_only=True)

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the bit fields.

        Raises:
            ParseError: fewer than `length_octets`.
        """
        return cls(**cls.read_bits(octets), rest=bytes(octets[cls.length_octets :]))

    def serialize(self) -> bytes:
        """The octets, spare bits in their places."""
        return self.write_bits() + self.rest

    def fields(self) -> list[tuple[str, str]]:
        """Label and value of every bit field; spare bits and further octets only where there are any."""
        found = super().fields()
        if self.rest:
            found.append(("further octets", self.rest.hex()))
        return found


def in_words(value: int) -> str:
    """ "subscriber free" for an enumeration member, yes or no for a flag, digits for a plain number."""
    if isinstance(value, IntEnum):
        return value.name.lower().replace("_", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value))
