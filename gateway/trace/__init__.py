"""What happened: the journal of events and decisions, and what is made of it - ladder, capture, WAV, call records."""
