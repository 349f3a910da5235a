"""One reading: its options, its steps and their executors, and its state."""
