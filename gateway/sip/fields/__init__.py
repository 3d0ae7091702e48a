"""Typed header field values (RFC 3261 §20), one concept a file: `X.parse(text)` and `x.serialize()`."""
