"""The detector's training: scenes drawn from seeds, the network, its loss, export and evaluation."""
