"""Hosts of the lab: virtual machines with a whole Debian, built from the recipes in `fixtures/hosts`."""
