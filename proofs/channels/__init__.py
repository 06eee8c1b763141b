"""Ways to look at a target: they look and record; they never judge. Drivers live here, imported late."""
