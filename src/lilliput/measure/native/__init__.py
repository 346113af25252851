"""Helpers in C for the host, built on first use; without a C compiler Python does the same, slower."""
