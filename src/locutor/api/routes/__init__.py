"""Routes, one file per noun; each offers `router`."""
