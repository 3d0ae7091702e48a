"""Table 2: the messages."""

from __future__ import annotations

import pytest

from gateway.ss7.isup.message_table import MESSAGES, MessageType, message_name
from gateway.ss7.isup.parameter import BitFields
from gateway.ss7.isup.parameter_codes import PARAMETERS
from gateway.ss7.isup.parameter_codes import ParameterCode as P
from gateway.ss7.isup.parameters import PARAMETER_TYPES


@pytest.mark.clause("ITU-T Q.763", "4")
class TestTable2:
    """Mandatory fixed, mandatory variable, optional, clause."""

    def test_every_type_has_a_format_but_the_two_that_have_none(self) -> None:
        assert set(MessageType) - set(MESSAGES) == {MessageType.CRG, MessageType.PAM}

    def test_every_parameter_is_in_table_1(self) -> None:
        for layout in MESSAGES.values():
            assert set(layout.mandatory) | set(layout.optional or ()) <= set(PARAMETERS)

    def test_every_mandatory_parameter_is_typed(self) -> None:
        for layout in MESSAGES.values():
            assert set(layout.mandatory) <= set(PARAMETER_TYPES)

    def test_a_fixed_length_is_that_of_the_parameter(self) -> None:
        for layout in MESSAGES.values():
            for code, length in layout.fixed:
                found = PARAMETER_TYPES[code]
                assert issubclass(found, BitFields)
                assert found.length_octets == length

    def test_no_parameter_is_listed_twice(self) -> None:
        for layout in MESSAGES.values():
            for listed in (layout.mandatory, layout.optional or ()):
                assert len(set(listed)) == len(listed)
            assert P.END_OF_OPTIONAL_PARAMETERS not in (layout.optional or ())

    def test_a_row_ends_in_its_clause(self) -> None:
        assert str(MESSAGES[MessageType.IAM].clause) == "ITU-T Q.763 §4, Table 32"
        assert str(MESSAGES[MessageType.REL].clause) == "ITU-T Q.763 §4, Table 33"
        assert str(MESSAGES[MessageType.BLO].clause) == "ITU-T Q.763 §4"

    def test_the_initial_address_message(self) -> None:
        layout = MESSAGES[MessageType.IAM]
        assert layout.fixed == (
            (P.NATURE_OF_CONNECTION_INDICATORS, 1),
            (P.FORWARD_CALL_INDICATORS, 2),
            (P.CALLING_PARTYS_CATEGORY, 1),
            (P.TRANSMISSION_MEDIUM_REQUIREMENT, 1),
        )
        assert layout.variable == (P.CALLED_PARTY_NUMBER,)
        assert layout.optional is not None
        assert P.CALLING_PARTY_NUMBER in layout.optional

    def test_names(self) -> None:
        assert message_name(1) == "IAM"
        assert message_name(0x7F) == "message type 0x7f"
