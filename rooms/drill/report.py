"""The verdict, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from .promises import Finding, findings, interruptions, quantile
from .record import Record

SHOWN = 5  # breaches of one promise
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
FIGURES = {
    "receipt": "from a question to its receipt",
    "staleness": "from commit to tab",
    "stop": "from a stop to its end",
    "level again": "level again, from whole wire",
    "late": "the drill itself is late by",
}


class Report:
    def __init__(self, record: Record):
        self.record = record
        self.findings: list[Finding] = findings(record)
        self.broken = sum(len(finding.broken) for finding in self.findings)

    def lines(self) -> Iterator[str]:
        record = self.record
        options = record.start["options"]
        yield f"seed {options['seed']}, {options['tabs']} tabs, {options['rooms']} rooms, {self.seconds:.0f} s"
        yield ""
        yield f"{'promise':<42} {'checked':>10} {'broken':>7}"
        for finding in self.findings:
            count = "?" if finding.unjudged else len(finding.broken)
            yield f"{finding.promise:<42} {finding.checked:>10,} {count:>7}"
            if finding.unjudged:
                yield f"    not judged: {finding.unjudged}"
            yield from (f"    {breach}" for breach in finding.broken[:SHOWN])
            if len(finding.broken) > SHOWN:
                yield f"    and {len(finding.broken) - SHOWN} more"
        yield ""
        yield f"{'seconds':<42} {'samples':>10} " + " ".join(f"{name:>7}" for name in SHARES)
        for name, samples in self.figures.items():
            yield f"{name:<42} {len(samples):>10,} " + " ".join(
                f"{quantile(samples, share):7.3f}" for share in SHARES.values()
            )
        yield ""
        yield "what happened: " + ", ".join(f"{count:,} {name}" for name, count in sorted(record.effects.items()))
        yield f"{self.sends:,} sends acknowledged, {self.unknown:,} never heard of again"
        yield "every promise was kept" if not self.broken else f"BROKEN: {self.broken} breaches"

    @property
    def seconds(self) -> float:
        return self.record.ended - self.record.began

    @property
    def sends(self) -> int:
        return sum(post.outcome == "ok" for post in self.record.posts.values())

    @property
    def unknown(self) -> int:
        return sum(post.outcome == "info" for post in self.record.posts.values())

    @property
    def figures(self) -> dict[str, list[float]]:
        """Seconds, by what they are of; those that have no samples are left out."""
        found = {}
        for figure, name in FIGURES.items():
            found[name] = self.record.healthy[figure]
            found[f"{name}, under faults"] = self.record.troubled[figure]
        waits = [wait for _, _, each in interruptions(self.record) for wait in each]
        found["an answer stands still, at a worker's fault"] = waits
        return {name: samples for name, samples in found.items() if samples}

    def json(self) -> dict:
        return {
            "ok": not self.broken,
            "options": self.record.start["options"],
            "seconds": round(self.seconds, 1),
            "acknowledged": self.sends,
            "unknown": self.unknown,
            "promises": [asdict(finding) for finding in self.findings],
            "figures": {
                name: {"samples": len(samples)}
                | {share: round(quantile(samples, part), 4) for share, part in SHARES.items()}
                for name, samples in self.figures.items()
            },
            "effects": dict(self.record.effects),
        }
