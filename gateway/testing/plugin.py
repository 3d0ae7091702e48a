"""The pytest plugin: the fixtures `pstn` and `phone`."""
