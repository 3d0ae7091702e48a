"""The Twisted application: `compose` wires everything, `plugin` is what `twistd` runs."""
