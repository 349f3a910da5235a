"""Pictures: upright frames from any source, views of them, outlines in them, size limits."""
