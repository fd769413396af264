"""Sets what was said against what was seen."""

from dataclasses import dataclass, field

from .seen import CATEGORIES

# Recall that each category must reach, in percent; precision must be 100 everywhere.
BARS = {
    "opened": 100, "loaded": 100, "executed": 100, "written": 100, "connected": 100, "links": 100,
    "checked": 99, "missing": 99, "search": 0, "gaps": 100,
}


@dataclass
class Score:
    """One category of one run."""

    expected: int = 0
    said: int = 0
    missed: list = field(default_factory=list)  # (fact, line of strace)
    extra: list = field(default_factory=list)  # facts

    def recall(self):
        return 100.0 * (1 - len(self.missed) / self.expected) if self.expected else 100.0

    def precision(self):
        return 100.0 * (1 - len(self.extra) / self.said) if self.said else 100.0

    def passes(self, category):
        return self.recall() >= BARS[category] and not self.extra

    def add(self, other):
        self.expected += other.expected
        self.said += other.said
        self.missed += other.missed
        self.extra += other.extra


def as_compared(fact, gone):
    """What is gone cannot be told for a directory any more: its being listed is its being read."""
    if len(fact) == 3 and fact[2] == "list" and fact[1] in gone:
        return (fact[0], fact[1], "read")
    return fact


def compare_category(category, seen, said):
    gone = seen.gone if category == "opened" else ()
    expected = {as_compared(fact, gone): call for fact, call in seen.facts[category].items()}
    found = {as_compared(fact, gone) for fact in said.facts[category]}
    known = found | {as_compared(fact, gone) for fact in said.implied[category]}
    allowed = seen.derived[category]
    missed = [(fact, call.line()) for fact, call in expected.items() if fact not in known]
    extra = [fact for fact in found if fact not in expected and fact not in allowed]
    return Score(len(expected), len(found), sorted(missed, key=repr), sorted(extra, key=repr))


def compare_gaps(seen, said):
    """A program that cannot be watched must be named by a gap."""
    named = {gap.get("path") for gap in said.gaps}
    missed = [((program,), call.line()) for program, call in seen.unwatched.items()
              if program.decode("utf-8", "replace") not in named]
    return Score(len(seen.unwatched), len(seen.unwatched) - len(missed), missed, [])


def compare(seen, said):
    """{category: Score}"""
    scores = {category: compare_category(category, seen, said) for category in CATEGORIES}
    scores["gaps"] = compare_gaps(seen, said)
    return scores
