"""The voice model that ships with the package: a small flow-matching network with an aligned layout."""
