"""QReader's models: where their weights are and come from, what they run in, and building each once."""
