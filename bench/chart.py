"""The picture of one run: how many times faster fastconv is, layer by layer."""

from report import groups, over_best, over_pytorch

COLOURS = {1: "tab:blue", 2: "tab:orange"}
TICKS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32, 64]


def save(run, path):
    """Writes a panel for each pass: a dot over the best peer, a bar over PyTorch; nothing without a peer."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = groups([record for record in run["records"] if over_best(record)], "mode")
    if not panels:
        return
    names = {mode: [name for (name,) in groups(records, "layer")] for (mode,), records in panels.items()}
    height = 1.6 + 0.17 * max(map(len, names.values()))
    size = (6.5 * len(panels), height)
    figure, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, layout="constrained")
    for axis, ((mode,), records) in zip(axes[0], panels.items(), strict=True):
        draw(axis, records, names[mode])
        axis.set_title(mode)
    where = f"{run['machine']['processor']}, {run['date']}"
    figure.suptitle(f"fastconv, times faster than its peers\n{run['dtype']}, {where}", fontsize=11)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def draw(axis, records, names):
    for (threads,), group in groups(records, "threads").items():
        heights = [names.index(record["layer"]) for record in group]
        suffix = f", {threads} thread{'s' * (threads > 1)}"
        style = {"color": COLOURS.get(threads, "tab:green"), "linestyle": "none"}
        axis.plot(list(map(over_best, group)), heights, marker="o", ms=4, label="best peer" + suffix, **style)
        ratios = [over_pytorch(record) or float("nan") for record in group]
        if any(map(over_pytorch, group)):
            axis.plot(ratios, heights, marker="|", ms=7, label="PyTorch" + suffix, **style)
    axis.axvline(1, color="black", lw=0.8)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    ticks = [tick for tick in TICKS if low < tick < high]
    axis.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7)
