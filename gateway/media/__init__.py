"""Media: RTP packets (RFC 3550), telephone events (RFC 4733), the sound store, pacing and reception. All of it pure."""
