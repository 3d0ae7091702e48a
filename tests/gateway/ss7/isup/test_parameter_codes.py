"""Table 1: the parameters."""

from __future__ import annotations

import re

import pytest

from gateway.core.clause import Clause
from gateway.ss7.isup.parameter_codes import PARAMETERS, ParameterCode, parameter_clause, parameter_name


@pytest.mark.clause("ITU-T Q.763", "3.1")
class TestTable1:
    """Code, name, clause."""

    def test_every_code_has_a_row(self) -> None:
        assert set(PARAMETERS) == set(ParameterCode)

    def test_every_row_ends_in_a_clause_of_its_own(self) -> None:
        sections = [row.section for row in PARAMETERS.values()]
        assert all(re.fullmatch(r"3\.\d{1,3}", section) for section in sections)
        assert len(set(sections)) == len(sections)

    def test_a_member_is_spelt_as_its_name(self) -> None:
        for code, row in PARAMETERS.items():
            spelt = re.sub(r"[-/ ]", "_", row.name.replace("'", "")).upper()
            assert ParameterCode(code).name == spelt

    def test_an_unknown_code_has_a_name_too(self) -> None:
        assert parameter_name(0xF1) == "parameter 0xf1"
        assert parameter_clause(0xF1) == Clause("ITU-T Q.763", "3.1")
        assert str(parameter_clause(ParameterCode.CAUSE_INDICATORS)) == "ITU-T Q.763 §3.12"
