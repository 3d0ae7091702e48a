"""A call from SIP to the PSTN (RFC 3398 §7).

`call` is the state machine's table and the `Call` around it, `core` what moves it and what it knows. What it does, in
the order of a call: `establishment`, `information` (INFO), `offers` (re-INVITE, UPDATE, hold), `clearing`.
"""
