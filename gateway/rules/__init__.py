"""One function per rule code, on plain values."""
