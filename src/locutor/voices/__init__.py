"""Voices that the studio knows by name."""
