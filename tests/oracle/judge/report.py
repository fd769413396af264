"""A judgement as text for people and as JSON."""

from .compare import BARS, Score
from .strace import printable

SHOWN_MAX = 12  # facts named per category, unless all are asked for
HEADS = {
    "opened": "opened", "loaded": "loaded", "executed": "exec'd", "written": "written",
    "connected": "conn", "links": "links", "checked": "checked", "missing": "missing",
    "search": "search",
    "gaps": "gaps",
}


def fact_text(fact):
    parts = fact if isinstance(fact, tuple) else (fact,)
    return "  ".join(printable(part) if isinstance(part, bytes) else part for part in parts)


def cell(score):
    """Recall/precision in percent, without insignificant digits."""
    if not score.expected and not score.said:
        return "-"
    return f"{short(score.recall())}/{short(score.precision())}"


def short(percent):
    if percent == 100:
        return "100"
    return f"{min(percent, 99.9):.1f}"


def head():
    return f"{'workload':24}" + "".join(f"{text:>11}" for text in HEADS.values()) + "      s"


def row(name, scores, seconds):
    cells = "".join(f"{cell(scores[category]):>11}" for category in HEADS)
    return f"{name:24}{cells}{seconds:7.1f}"


def differences(scores, show_all=False):
    """Lines that name each missed and each extra fact."""
    for category, score in scores.items():
        if not BARS[category] and not show_all:
            continue
        limit = None if show_all else SHOWN_MAX
        for fact, line in score.missed[:limit]:
            yield f"    missed {category}: {fact_text(fact)}"
            yield f"        {line[:300]}"
        for fact in score.extra[:limit]:
            yield f"    extra {category}: {fact_text(fact)}"
        more = len(score.missed[SHOWN_MAX:]) + len(score.extra[SHOWN_MAX:])
        if more and not show_all:
            yield f"    and {more} more {category}"


def passes(scores):
    return all(score.passes(category) for category, score in scores.items())


def total(outcomes):
    sums = {category: Score() for category in BARS}
    for outcome in outcomes:
        for category, score in outcome.scores.items():
            sums[category].add(score)
    return sums


def as_json(outcomes, failures):
    """`outcomes`: name -> Outcome."""
    return {
        "workloads": {name: {
            "seconds": round(outcome.seconds, 2), "calls": outcome.calls, "gaps": outcome.gaps,
            "scores": {category: score_json(s) for category, s in outcome.scores.items()},
        } for name, outcome in outcomes.items()},
        "failures": failures,
        "total": {c: score_json(s) for c, s in total(outcomes.values()).items()},
    }


def score_json(score):
    return {
        "expected": score.expected, "said": score.said,
        "recall": round(score.recall(), 3), "precision": round(score.precision(), 3),
        "missed": [{"fact": fact_text(fact), "line": line} for fact, line in score.missed],
        "extra": [fact_text(fact) for fact in score.extra],
    }
