"""Pictures: sources to upright frames, views of them, outlines in them, and what is too large."""
