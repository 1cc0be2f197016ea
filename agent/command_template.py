"""A command line in a setting, with placeholders such as {path}. No shell reads it."""

import re
import shlex
from collections.abc import Collection, Mapping

PLACEHOLDER = re.compile(r"\{(\w*)\}")


def check(template: str, known: Collection[str]) -> None:
    """Check a command line.

    Raises:
        ValueError: its quotes do not match, or a placeholder is not one of `known`.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise ValueError(f"a command with matching quotes ({error})") from None
    wrong = [name for word in words for name in PLACEHOLDER.findall(word) if name not in known]
    if wrong:
        raise ValueError(f"a command whose placeholders are {', '.join(f'{{{one}}}' for one in known)}")


def filled(template: str, values: Mapping[str, str]) -> list[str]:
    """Return a checked command line's words. A value stays one word, also if it contains spaces or quotes."""
    return [PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in shlex.split(template)]
