"""QReader's models: where weights live and come from, what they run in, and building each once."""
