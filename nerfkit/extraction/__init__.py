"""The object itself, cut out of its scene (LaTeRF)."""
