"""Quality profiles: named sets of synthesis parameters."""
