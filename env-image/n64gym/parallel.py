"""Games for several players as PettingZoo environments: one player for each controller.

env = n64gym.parallel_env("n64gym/Rom-v0", rom="game.z64", controllers=2)
"""

from __future__ import annotations

import copy
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from n64gym.n64_env import N64Env
from n64gym.wrappers import hand_on_actions

try:
    from pettingzoo import ParallelEnv
except ImportError:
    raise ImportError('n64gym.parallel_env needs PettingZoo: pip install "n64gym[parallel]"') from None


class ParallelGame(ParallelEnv[str, Any, Any]):
    """The players "player_1" to "player_N" of `env`, an N64 environment with N controllers.

    All players get the same observation, the picture of the console. A game that rewards its players separately puts
    their rewards into `info["rewards"]`, [N]; otherwise all get the reward of the step. Raises ValueError if a wrapper
    of `env` may change actions, because it would change only those of player 1.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        game = env.unwrapped
        if not isinstance(game, N64Env):
            raise ValueError(f"env is {env}; expected an N64 environment")
        if not hand_on_actions(env):
            raise ValueError(f"env is {env}; expected no wrapper that changes actions or is unknown to n64gym")
        self._env, self._game = env, game
        self.possible_agents = [f"player_{number}" for number in range(1, game.controllers + 1)]
        self.agents: list[str] = []
        self.observation_spaces = {agent: env.observation_space for agent in self.possible_agents}
        # Copies, because sampling changes a space's random generator.
        self.action_spaces = {agent: copy.deepcopy(env.action_space) for agent in self.possible_agents}
        self.render_mode = env.render_mode
        name = game.spec.id if game.spec else type(game).__name__
        self.metadata = {**game.metadata, "name": name, "is_parallelizable": True}

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        """Return the space of observations, equal for all players."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        """Return the player's space of actions."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode. Equal seeds give equal first observations.

        options: see N64Env.reset. PettingZoo's test demands that unknown ones are ignored.
        """
        known = {name: value for name, value in (options or {}).items() if name in self._game.settings}
        observation, info = self._env.reset(seed=seed, options=known)
        self.agents = self.possible_agents.copy()
        return self._each(observation), {agent: dict(info) for agent in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Hold one action for each player. Raises ValueError unless all players act, ResetNeeded after the end."""
        players = self.agents or self.possible_agents
        if set(actions) != set(players):
            raise ValueError(f"actions are for {sorted(actions)}; expected one for each of {players}")
        for number, agent in enumerate(players[1:], 2):
            self._game.hold(number, actions[agent])
        observation, reward, terminated, truncated, info = self._env.step(actions[players[0]])
        rewards = info.get("rewards") or [reward] * len(players)
        result = (
            self._each(observation),
            dict(zip(players, map(float, rewards), strict=True)),
            dict.fromkeys(players, terminated),
            dict.fromkeys(players, truncated),
            {agent: dict(info) for agent in players},
        )
        if terminated or truncated:
            self.agents = []
        return result

    def render(self) -> NDArray[np.uint8] | None:
        """Return the game's picture, see N64Env.render."""
        picture: Any = self._env.render()
        return picture

    def close(self) -> None:
        """End the emulator."""
        self._env.close()

    def _each(self, observation: Any) -> dict[str, Any]:
        return {agent: copy.deepcopy(observation) for agent in self.possible_agents}
