"""Results as a table (Markdown), as JSON, and as a chart (SVG), from the same figures."""

import json
import math
import sys

import figures


def ratio_text(value):
    return "–" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def with_interval(entry):
    low, high = entry["interval"]
    return f"{ratio_text(entry['ratio'])} ({ratio_text(low)}–{ratio_text(high)})"


def figures_of(name, entry):
    """For the terminal: the ratio, and for servers also that of their processor time a request."""
    cost = f", processor time {with_interval(entry['cost'])}" if "cost" in entry else ""
    return f"{name} {with_interval(entry)}{cost}"


def servers(results):
    """The table of processor time a request. It shows what the noise of the machine and its network hides in rates."""
    rows = [row for row in results["workloads"] if "cost" in row["methods"].get("bare", {})]
    lines = ["", "## Processor time of the servers", "",
             "User and system time of the server and its children for each request, as ratios to the bare server's.",
             "", "| workload | bare | empty library | footprint |", "|---|---|---|---|"]
    for row in rows:
        costs = {name: entry["cost"] for name, entry in row["methods"].items() if "cost" in entry}
        lines.append(f"| {row['name']} | {costs['bare']['median'] * 1e6:.2f} us | {cell(costs.get('empty library'))} | "
                     f"{cell(costs.get('footprint'))} |")
    return lines if rows else []


def starts(results):
    """The tables of bench/starts.py."""
    lines = []
    for title, rows in results["starts"].items():
        lines += ["", f"## A start, {title}", "",
                  "posix_spawn of /bin/true until it is reaped, by a parent that is not watched, so that each program makes",
                  "a memory and a connection of its own, in an order drawn anew for each round. Of the paired figures of the",
                  "rounds the median, and in brackets what holds it in 95 of 100 cases.", "",
                  "| | median, us | p10, us | page faults | of bare | over the empty library, us |", "|---|---|---|---|---|---|"]
        lines += [f"| {row['name']} | {row['median']:.0f} | {row['p10']:.0f} | {row['faults']:.1f} | "
                  f"{row['ratio']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f}) | "
                  f"{row['over']:.1f} ({row['over_low']:.1f} to {row['over_high']:.1f}) |" for row in rows]
    return lines


def markdown(results, machine):
    lines = ["# Results", "",
             "Made by `make bench`. The methods take turns; each figure is the median of the ratios of a run to the",
             "bare run of the same turn, and in brackets what holds it in 95 of 100 cases (bootstrapped). For rates",
             "(requests a second) more is better, for times less. Servers run all at once and are asked in turn, in",
             "bursts of a second or less.", "",
             f"Machine: {machine}.", ""]
    bars = [row for row in results["workloads"] if row["bar"]]
    lines += ["## Footprint against its bars", "",
              "A bar is met when the median reaches it; a question mark stands where the bar lies within the brackets,",
              "so that another run may say otherwise.", "",
              "| workload | bare | empty library | footprint | bar | met |", "|---|---|---|---|---|---|"]
    for row in bars:
        methods = row["methods"]
        if "footprint" not in methods:
            continue
        lines.append(f"| {row['name']} | {quantity(methods['bare']['median'], row['unit'])} | "
                     f"{cell(methods.get('empty library'))} | {cell(methods['footprint'])} | "
                     f"{'≥' if row['unit'] == '/s' else '≤'} {row['bar']:.2f} | "
                     f"{verdict(row['met'], methods['footprint'], row['bar'])} |")
        lines += start_bar(row["start"])
    lines += servers(results)
    lines += starts(results)
    names = results["methods"]
    lines += ["", "## All methods", "", "| workload | " + " | ".join(names) + " |",
              "|---" * (len(names) + 1) + "|"]
    for row in results["workloads"]:
        lines.append(f"| {row['name']} | " + " | ".join(cell(row["methods"].get(name)) for name in names) + " |")
    lines += ["", "## What they saw", "",
              "Distinct files of the workload that stand in what the method left behind, of those that were opened.",
              "", "| method | records | " + " | ".join(row["name"] for row in results["workloads"] if row["seen"]) + " |",
              "|---" * (2 + sum(1 for row in results["workloads"] if row["seen"])) + "|"]
    for name in names[2:]:
        cells = [f"{row['seen'][name]} of {row['opened']}" if name in row["seen"] else "–"
                 for row in results["workloads"] if row["seen"]]
        lines.append(f"| {name} | {results['sees'][name]} | " + " | ".join(cells) + " |")
    failed = sorted({name for row in results["workloads"] for name in row["failures"]})
    if failed:
        lines += ["", "## What could not be run here", ""]
        lines += [f"- {name}, {row['name']}: {row['failures'][name]}" for name in failed
                  for row in results["workloads"] if name in row["failures"]]
    return "\n".join(lines) + "\n"


def quantity(value, unit):
    return f"{value:,.0f}/s" if unit == "/s" else f"{value * 1000:,.0f} ms"


def cell(entry):
    return "–" if not entry else with_interval(entry)


def verdict(met, entry, bar):
    """Whether the bar is met, by the rule of bench/figures.py, with a question mark if another run may differ."""
    doubt = "" if figures.decided(entry["interval"], bar) else "?"
    return f"yes{doubt}" if met else f"**no{doubt}**"


def start_bar(start):
    """The line below that of a workload which starts programs."""
    if not start:
        return []
    low, high = start["interval"]
    return [f"| … each of them, beyond the empty library | – | 0 us | {start['difference']:.0f} us ({low:.0f}–{high:.0f}) | "
            f"≤ {start['bar']} us | {verdict(start['met'], start, start['bar'])} |"]


def exit_status(rows):
    """1 when a bar is missed, after saying which."""
    missed = [row["name"] for row in rows if row["met"] is False or (row.get("start") or row)["met"] is False]
    for name in missed:
        print(f"bar missed: {name}", file=sys.stderr)
    return 1 if missed else 0


def svg(results):
    """Bars on a logarithmic axis: one group a workload, one bar a method."""
    rows = [row for row in results["workloads"] if row["unit"] == "s" and row["compared"]]
    names = [name for name in results["methods"] if name != "bare"]
    colours = ["#9aa0a6", "#1a73e8", "#12a4af", "#7cb342", "#f9ab00", "#e8710a", "#d93025", "#a50e0e",
               "#9334e6", "#5f6368", "#33691e"]
    left, width, thick, gap = 260, 560, 9, 18
    top = max([entry["ratio"] for row in rows for entry in row["methods"].values()] + [2])
    scale = width / math.log10(top * 1.2)
    parts, y = [], 50
    for row in rows:
        present = [name for name in names if row["methods"].get(name)]
        parts.append(f'<text x="{left - 10}" y="{y + len(present) * thick / 2 + 4}" text-anchor="end">{row["name"]}</text>')
        for name in present:
            ratio = row["methods"][name]["ratio"]
            length = max(1.0, math.log10(max(ratio, 1.0)) * scale)
            colour = colours[names.index(name) % len(colours)]
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{thick - 1}" fill="{colour}">'
                         f'<title>{name}: {ratio_text(ratio)}</title></rect>'
                         f'<text class="v" x="{left + length + 4:.1f}" y="{y + thick - 2}">{ratio_text(ratio)}</text>')
            y += thick
        y += gap
    legend = []
    for index, name in enumerate(names):
        x, row_y = left + (index % 3) * 190, y + 10 + (index // 3) * 16
        legend.append(f'<rect x="{x}" y="{row_y - 8}" width="10" height="8" fill="{colours[index % len(colours)]}"/>'
                      f'<text x="{x + 14}" y="{row_y}">{name}</text>')
    height = y + 10 + (len(names) // 3 + 2) * 16
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 60}" height="{height}" '
            'font-family="sans-serif" font-size="11"><style>.v{font-size:8px;fill:#444}</style>'
            '<rect width="100%" height="100%" fill="white"/>'
            '<text x="10" y="24" font-size="15">Time of a watched program, as a multiple of the bare one (logarithmic)</text>'
            + "".join(parts) + "".join(legend) + "</svg>\n")


def write(results, folder, machine):
    with open(f"{folder}/results.json", "w") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    with open(f"{folder}/RESULTS.md", "w") as file:
        file.write(markdown(results, machine) + "\n![chart](results.svg)\n")
    with open(f"{folder}/results.svg", "w") as file:
        file.write(svg(results))
