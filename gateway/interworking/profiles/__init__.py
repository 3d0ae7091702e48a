"""Profiles as data: the two cause tables, each row as its source prints it."""
