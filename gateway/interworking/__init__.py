"""The only place where SIP meets ISUP: RFC 3398 as rules that name their clause, and profiles as data.

`gateway` takes new calls; `sip_to_pstn` is one call; `setup`, `progress`, `release` and `midcall` are its rules;
`ringback` says who makes the ringing tone at every moment; `causes` and `numbers` translate.
"""
