"""Probes of the surface identity."""
