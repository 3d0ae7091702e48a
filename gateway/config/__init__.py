"""Configuration: a TOML file to frozen settings; every mistake is told with file, line and key.

`settings` says what there is to set, `toml` reads it.
"""
