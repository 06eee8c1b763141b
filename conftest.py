"""Thin on purpose: the plugin registers by its `pytest11` entry point, and naming it here as well would clash."""
