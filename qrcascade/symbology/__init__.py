"""QR Code as ISO/IEC 18004 defines it: module layout, bits, error correction, text; nothing of our own."""
