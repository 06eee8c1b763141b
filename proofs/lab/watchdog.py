"""`python -m proofs.lab.watchdog NAME PID`: outlives a run that brought a lab up, and takes the lab down after it."""

import sys

from proofs.lab.labs import watch

if __name__ == "__main__":
    watch(sys.argv[1], int(sys.argv[2]))
