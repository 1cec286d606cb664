"""Reads benchmark lines (bench/README.md) and prints the table of ratios."""
import statistics
import sys


def holds(limit, value):
    """Whether `value` keeps a limit like ">=0.8"; None when there is no limit."""
    for sign, keep in ((">=", lambda x, y: x >= y), ("<=", lambda x, y: x <= y)):
        if limit.startswith(sign):
            return keep(value, float(limit[len(sign):]))
    return None


def main():
    figures = {}
    for line in sys.stdin:
        fields = line.rstrip("\n").split("\t")
        if line.startswith("#") or fields[0] == "figure" or len(fields) < 6:
            continue
        figure, _, ours, peer, unit, ratio = fields[:6]
        limit = fields[6] if len(fields) > 6 else ""
        figures.setdefault((figure, unit, limit), []).append((float(ratio), float(ours), float(peer)))
    if not figures:
        sys.exit("no benchmark printed a figure")
    print(f"{'figure':<34}{'rounds':>7}{'median':>9}{'best':>9}{'spread':>9}{'limit':>9}  {'ours':>12}{'peer':>12} unit")
    for (figure, unit, limit), rounds in figures.items():
        ratios = sorted(r[0] for r in rounds)
        median = statistics.median(ratios)
        best = ratios[-1] if limit.startswith(">=") else ratios[0]
        quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [median] * 3
        spread = (quartiles[2] - quartiles[0]) / median if median else 0.0
        kept = holds(limit, median)
        remarks = [] if kept in (True, None) else ["MISSED"]
        remarks += ["noisy"] if spread > 0.25 else []
        remarks += ["fewer than nine rounds"] if len(ratios) < 9 else []
        ours, peer = (statistics.median(r[i] for r in rounds) for i in (1, 2))
        print(f"{figure:<34}{len(ratios):>7}{median:>9.3f}{best:>9.3f}{spread:>8.0%} {limit:>9}  "
              f"{ours:>12.5g}{peer:>12.5g} {unit} {', '.join(remarks)}")


if __name__ == "__main__":
    main()
