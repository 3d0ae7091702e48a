"""The examples of `docs/testing.md` are Python, and those on simulated time do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[-1].strip()[:40])
def test_an_example(example: str) -> None:
    compiled = compile(example, str(PAGE), "exec")
    if "Simulation(" in example:
        exec(compiled, {"__name__": "example"})


def test_there_are_some() -> None:
    assert sum("Simulation(" in example for example in EXAMPLES) == 1
    assert len(EXAMPLES) >= 6
