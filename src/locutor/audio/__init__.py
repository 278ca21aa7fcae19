"""Pure signal code: no model, no network, no state."""
