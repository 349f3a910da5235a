"""QR Code as ISO/IEC 18004 has it: where modules lie, bits, error correction, text. Nothing of ours."""
