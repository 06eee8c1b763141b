"""Console script."""


def main() -> int:
    return 0
