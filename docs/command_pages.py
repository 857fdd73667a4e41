"""The reference of commands as Markdown, from the click commands themselves: help, options, defaults,
example.
"""

import re
from collections.abc import Iterator

import click


def commands(group: click.Group, above: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command of ``group``, as ("models fetch", command); groups themselves are left out."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def page(group: click.Group, scripts: set[str]) -> str:
    """A section for every command of ``group``; those in ``scripts`` go by their own name, without the
    group's.
    """
    return "\n".join(
        section(name if name in scripts else f"{group.name} {name}", command)
        for name, command in commands(group)
    )


def section(name: str, command: click.Command) -> str:
    """Usage, help, a table of options, and the example under a heading."""
    context = click.Context(command, info_name=name, **command.context_settings)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"## {name}\n", f"```text\n{name} {usage}\n```\n", prose(command.help or "")]
    options = [row(option, context) for option in command.params if isinstance(option, click.Option)]
    if options:
        parts.append("\n".join(["| option | what | default |", "|---|---|---|", *options]) + "\n")
    if command.epilog:
        parts.append(example(command.epilog))
    return "\n".join(parts)


def prose(text: str) -> str:
    """Help text as Markdown that shows the same characters."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").strip())
    return "\n\n".join(escaped(" ".join(each.split())) for each in paragraphs) + "\n"


def row(option: click.Option, context: click.Context) -> str:
    """One line of the table: names, what it does with its choices, default."""
    names = ", ".join(f"`{each}`" for each in (*option.opts, *option.secondary_opts))
    record = option.get_help_record(context)
    text = " ".join((record[1] if record else option.help or "").split())
    match = re.fullmatch(r"(.*?)\s*\[(.*?)\]", text)
    words, notes = match.groups() if match else (text, "")
    default = re.sub(r"^default: ", "", notes)
    choices = getattr(option.type, "choices", ())
    listed = f" Values: {', '.join(f'`{each}`' for each in choices)}." if choices else ""
    return f"| {names} | {escaped(words)}{listed} | {escaped(default)} |"


def example(epilog: str) -> str:
    """The epilog's lines as a block of shell."""
    lines = [line.strip() for line in epilog.replace("\b", "").splitlines()]
    shell = [line for line in lines if line and not line.startswith("Example")]
    return "```sh\n" + "\n".join(shell) + "\n```\n"


def escaped(text: str) -> str:
    r"""``text`` with what Markdown would read as markup, or as the end of a cell, escaped.

    >>> escaped("LEAST|GREATEST of <a> *b*")
    'LEAST\\|GREATEST of \\<a> \\*b\\*'
    """
    return re.sub(r"([\\`*_<\[|])", r"\\\1", text)
