"""Dialogs and the INVITE sessions that live in them (RFC 3261 §12 to §15; RFC 3262, RFC 3311, RFC 5407, RFC 6086)."""
