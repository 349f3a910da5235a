"""A reading for people: drawn, explained, as HTML and as tables."""
