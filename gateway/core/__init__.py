"""The words all layers share: clauses, errors, effects, and the pump that runs machines."""
