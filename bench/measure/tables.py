# SPDX-License-Identifier: Apache-2.0
"""What was measured as Markdown, for docs/PERFORMANCE.md."""

from .aims import aims
from .columns import LINES

REACHED = {True: "reached", False: "**not reached**", None: "not shown"}


def markdown_table(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def cell(result, line, bare, raw):
    _, scale, unit = LINES[line]
    if not result.get("rounds"):
        return "–"
    text = f"{result['median'] / scale:.1f} {unit} ({result['min'] / scale:.1f}–{result['max'] / scale:.1f})"
    ratios = [f"{result['median'] / other['median']:.2f} × {name}" for name, other in (("bare", bare), ("raw", raw))
              if other.get("rounds")]
    return text + ("<br>" + ", ".join(ratios) if ratios else "")


def columns_table(found):
    """A row for each column, for a line as long as nine columns nobody reads."""
    results = found["columns"]
    lines = [line for line in LINES if any(line in columns for columns in results.values())]
    rows = [["", *(LINES[line][0] for line in lines)]]
    for column in found["asked"]:
        if column in found["not_run"]:
            rows.append([column, "not run: " + found["not_run"][column], *[""] * (len(lines) - 1)])
        else:
            rows.append([column, *(cell(results[column].get(line, {}), line, results.get("bare", {}).get(line, {}),
                                        results.get("raw", {}).get(line, {})) for line in lines)])
    return markdown_table(rows)


def about(found):
    machine, quiet = found["machine"], found["quiet"]
    load_start, load_end = quiet["load"]
    others = quiet["tracing_programs"]
    text = (f"{machine['cpus']} × {machine['cpu']}, {machine['memory_gb']} GB, Linux {machine['kernel']}, "
            f"{machine['date']}, {found['rounds']} interleaved rounds; median (min–max).\n"
            f"How quiet the machine was: load {load_start:.1f} at the start and {load_end:.1f} at the end")
    if others:
        text += f"; {others} tracing programs of others in the kernel, which make every system call dearer"
    if load_start > 0.5 * machine["cpus"]:
        text += ". **It was not quiet**: compare columns, not digits"
    return text + "."


def markdown(found):
    parts = [about(found)]
    if found["columns"] or found["not_run"]:
        parts.append(columns_table(found))
    parts.append(markdown_table([["aim", "measured", ""], *([aim, text, REACHED[reached]] for aim, text, reached
                                                            in aims(found))]))
    return "\n\n".join(parts)
