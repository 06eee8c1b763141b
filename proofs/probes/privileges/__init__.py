"""Probes of the surface privileges."""
