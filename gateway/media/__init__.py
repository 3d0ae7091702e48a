"""Media, all of it pure: RTP and RTCP (RFC 3550), telephone events (RFC 4733), comfort noise (RFC 3389), and more.

`sender` paces what goes out of the sound `store`; `receiver` takes what comes in, `jitter` evens it out.
"""
