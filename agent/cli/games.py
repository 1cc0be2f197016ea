"""A run of a game without code: the option --game, and the copy of the game's folder in the run's folder."""

import argparse
import json
from pathlib import Path

from a3c64.cli.command import Parsed
from a3c64.config import BadInputError, Settings
from a3c64.files import write_whole
from a3c64.policy.game_copy import ARGUMENT, ENV_ID, FILE, FOLDER, copy_of, naming


def add_game(parser: argparse.ArgumentParser) -> None:
    """Add the option that names a game folder."""
    parser.add_argument(
        "--game",
        type=Path,
        metavar="FOLDER",
        help=f"the folder of a game without code, which has a {FILE}: --env-id {ENV_ID} with this folder",
    )


def with_game(settings: Settings, parsed: Parsed) -> Settings:
    """Return settings with the environment that --game names, after checking the game's folder.

    If the run has a copy of the folder already, the settings have the copy's path.

    Raises:
        BadInputError: --env-id or --env-args names another environment or game, the folder cannot be used, it has no
            reward, or the run has another game.
    """
    folder: Path | None = parsed["game"]
    if folder is not None:
        arguments = json.loads(settings.env_args)
        if "env_id" in settings.model_fields_set and settings.env_id != ENV_ID:
            raise BadInputError(f"--game: found --env-id {settings.env_id} as well, expected {ENV_ID} or no --env-id")
        if ARGUMENT in arguments:
            raise BadInputError("--game: found a game in --env-args as well; leave one of them out")
        named = {"env_id": ENV_ID, "env_args": naming(arguments, folder)}
        settings = settings.model_construct(settings.model_fields_set | set(named), **{**dict(settings), **named})
    return _checked(settings)


def keep_game(settings: Settings) -> Settings:
    """Copy the game folder of a new run into the run's folder. Return settings with the copy's path.

    Raises:
        BadInputError: the copy cannot be written.
    """
    source = _source(settings)
    if source is None or copy_of(settings.run_dir):
        return settings
    from n64gym import read_game_files

    copy, files = settings.run_dir / FOLDER, read_game_files(source)
    try:
        copy.mkdir(parents=True, exist_ok=True)
        for name in sorted(files, key=lambda name: name == FILE):  # FILE last
            write_whole(copy / name, files[name])
    except OSError as error:
        raise BadInputError(f"--run-dir: {copy} cannot be written: {error.strerror}") from None
    return _with_path(settings, copy)


def _checked(settings: Settings) -> Settings:
    source, copy = _source(settings), copy_of(settings.run_dir)
    if source is None:
        return settings
    from n64gym import GameError, read_game, read_game_files

    try:
        if not read_game(source).reward:
            raise BadInputError(f"--game: {source} has no [reward], so there is nothing to learn; add a term to it")
        same = copy is None or read_game_files(copy) == read_game_files(source)
    except GameError as error:
        raise BadInputError(f"--game: {error}") from None
    if not same:
        raise BadInputError(
            f"--game: {settings.run_dir} is a run of another version of this game, which is in {copy}: leave --game "
            f"out, or begin a new run with --from-policy {settings.run_dir}"
        )
    return _with_path(settings, copy) if copy else settings


def _source(settings: Settings) -> Path | None:
    """Return the game folder that the settings name; None if they name none."""
    game = json.loads(settings.env_args).get(ARGUMENT)
    return Path(game) if settings.env_id == ENV_ID and isinstance(game, str) else None


def _with_path(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"env_args": naming(json.loads(settings.env_args), folder)})
