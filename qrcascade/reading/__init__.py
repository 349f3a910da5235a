"""One reading: what is asked for, steps and what runs them, and what is known so far."""
