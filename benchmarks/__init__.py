"""Measurements of qrcascade and its peers on pictures with known answers."""
