"""Bytes: one interface for every store."""
