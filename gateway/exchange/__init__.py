"""The simulated PSTN: an honest ISUP peer that never sees a SIP message, and the owner of every sound.

`numbering` says what a number is, `behaviours` what happens when it is called (data: `behaviours.toml`), `treatments`
which tone or announcement goes with a cause, `called_party` runs one call, `switch` takes them all.
"""
