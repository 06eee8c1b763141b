"""Sets of whole numbers as spans: source addresses of one family, or ports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, summarize_address_range

BITS = {4: 32, 6: 128}
MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Spans:
    """Numbers from first to last, both included; sorted, apart from each other. Made by `of`."""

    pairs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int]]) -> Spans:
        """Spans in any order, touching or overlapping; one that ends before it begins holds nothing."""
        found: list[tuple[int, int]] = []
        for first, last in sorted((a, b) for a, b in pairs if a <= b):
            if found and first <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(last, found[-1][1]))
            else:
                found.append((first, last))
        return cls(tuple(found))

    @classmethod
    def network(cls, network: IPv4Network | IPv6Network) -> Spans:
        """The addresses of a network."""
        return cls(((int(network[0]), int(network[-1])),))

    @classmethod
    def everyone(cls, family: int) -> Spans:
        """Every address of the family 4 or 6."""
        return cls(((0, (1 << BITS[family]) - 1),))

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return sum(last - first + 1 for first, last in self.pairs)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.pairs)

    def __or__(self, other: Spans) -> Spans:
        return Spans.of(self.pairs + other.pairs)

    def __and__(self, other: Spans) -> Spans:
        """Both are sorted, so each pair is looked at once."""
        found, i, j = [], 0, 0
        while i < len(self.pairs) and j < len(other.pairs):
            (a, b), (c, d) = self.pairs[i], other.pairs[j]
            if max(a, c) <= min(b, d):
                found.append((max(a, c), min(b, d)))
            i, j = (i + 1, j) if b < d else (i, j + 1)
        return Spans(tuple(found))

    def __sub__(self, other: Spans) -> Spans:
        if not self.pairs:
            return self
        gaps, start = [], self.pairs[0][0]
        for first, last in other.pairs:
            gaps.append((start, first - 1))
            start = max(start, last + 1)
        gaps.append((start, self.pairs[-1][1]))
        return self & Spans(tuple((a, b) for a, b in gaps if a <= b))

    def shown(self, family: int, most: int = 4) -> str:
        """As networks, for people; the first few of them."""
        address = IPv4Address if family == 4 else IPv6Address
        names: list[str] = []
        for first, last in self.pairs:
            for network in summarize_address_range(address(first), address(last)):
                if len(names) == most:
                    return ", ".join(names) + ", …"
                names.append(str(network))
        return ", ".join(names) or "nobody"
