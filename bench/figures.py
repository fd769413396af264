"""Statistics of paired measurements: every method has its turn in each round, and the figures
of one round are compared, so that changes in the machine's load cancel out.

Intervals are bootstrapped: they hold the true value in 95 of 100 cases, as far as the rounds are
independent of each other. The same figures give the same interval."""

import random
import statistics

SAMPLES = 2000
SHARE = 0.95


def interval(count, statistic):
    """The interval of a statistic of rounds (given a list of their numbers), by drawing rounds with replacement."""
    drawn = random.Random(count)
    found = sorted(statistic(drawn.choices(range(count), k=count)) for _ in range(SAMPLES))
    rest = round(SAMPLES * (1 - SHARE) / 2)
    return [found[rest], found[-rest - 1]]


def of_pairs(values, beside):
    """Median of the ratios of each value to that of the other method in the same round, and its interval."""
    ratios = [value / other for value, other in zip(values, beside)]
    return {"ratio": statistics.median(ratios),
            "interval": interval(len(ratios), lambda rounds: statistics.median(ratios[i] for i in rounds))}


def of_differences(values, beside):
    """The same for differences."""
    differences = [value - other for value, other in zip(values, beside)]
    return {"difference": statistics.median(differences),
            "interval": interval(len(differences), lambda rounds: statistics.median(differences[i] for i in rounds))}


def of_sums(values, beside):
    """The same for quantities that are only exact in sum: the ratio of the sums of (amount, count)."""

    def mean(rows, rounds):
        return sum(rows[i][0] for i in rounds) / sum(rows[i][1] for i in rounds)

    def ratio(rounds):
        return mean(values, rounds) / mean(beside, rounds)

    everything = range(min(len(values), len(beside)))
    return {"median": mean(values, everything), "ratio": ratio(everything),
            "interval": interval(len(everything), ratio)}


def met(ratio, bar, more_is_better):
    """The rule: a bar is met when the median reaches it. Where the bar lies within the interval, another
    run may say otherwise, and the report says so."""
    return ratio >= bar if more_is_better else ratio <= bar


def decided(bounds, bar):
    return not bounds[0] <= bar <= bounds[1]
