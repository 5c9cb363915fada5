"""Recounts: published days are counted again at the source."""
