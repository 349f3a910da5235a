"""Show a reading to people: drawn, explained, as HTML and as tables."""
