"""The table of environments: popular and strange ones, and what must come of each. test_envs_table.py tries them."""

from typing import NamedTuple


class Row(NamedTuple):
    """An environment, and what the agent sees in it, or a part of the error that refuses it."""

    env_id: str
    sees: str = ""  # a part of the line about what the agent sees; "" if it is refused
    refused: str = ""  # a part of the error
    args: dict = {}  # noqa: RUF012 - of gymnasium.make; never changed
    module: str = ""  # of the package in requirements/envs.in; "" if the default installation has it
    learns: bool = False  # one gradient is computed

    @property
    def name(self) -> str:
        """Return the row's name in pytest."""
        return " ".join([self.env_id, *(f"{name}={value}" for name, value in self.args.items())])


def vectors(module: str, **lengths: int) -> list[Row]:
    return [
        Row(name.replace("__", "/").replace("_v", "-v"), f"a vector of {n}", module=module)
        for name, n in lengths.items()
    ]


def seen(what: str, module: str, *env_ids: str) -> list[Row]:
    return [Row(env_id, what, module=module) for env_id in env_ids]


def refused(why: str, module: str, *env_ids: str) -> list[Row]:
    return [Row(env_id, refused=why, module=module) for env_id in env_ids]


def strange(sees: str, what: str) -> Row:
    return Row("odd_spaces:Odd-v0", what, args={"sees": sees})


def unusable(sees: str) -> Row:
    return Row("odd_spaces:Odd-v0", refused="are not supported: expected pictures or numbers", args={"sees": sees})


NO_ACTIONS = "are not supported: expected Discrete, MultiDiscrete, MultiBinary or a bounded Box of floats"
CELLS = "an image 28x28x3 (from 'image' 7x7x3, a grid of cells) and a vector of 4; left out: 'mission'"
ATARI = "an image 42x42x3 (from 210x160x3)"
VECTOR_REWARD = "step must return one number as reward, found array(["

TABLE = [
    # Gymnasium: classic control, toy text, Box2D, MuJoCo
    *vectors("", CartPole_v0=4, MountainCar_v0=2, MountainCarContinuous_v0=2, Pendulum_v1=3, Acrobot_v1=6),
    Row("CartPole-v1", "a vector of 4", learns=True),
    *vectors(
        "", Blackjack_v1=45, FrozenLake_v1=16, FrozenLake8x8_v1=64, CliffWalking_v1=48, CliffWalkingSlippery_v1=48
    ),
    Row("Taxi-v4", "a vector of 500", learns=True),
    Row("FrozenLake-v1", "a vector of 64", args={"map_name": "8x8"}),
    *vectors("Box2D", LunarLander_v3=8, LunarLanderContinuous_v3=8, BipedalWalkerHardcore_v3=24),
    Row("BipedalWalker-v3", "a vector of 24", module="Box2D", learns=True),
    Row("CarRacing-v3", "an image 42x42x3 (from 96x96x3)", module="Box2D"),
    Row("CarRacing-v3", "an image 42x42x3 (from 96x96x3)", module="Box2D", args={"continuous": False}),
    *vectors("mujoco", Ant_v5=105, HalfCheetah_v5=17, Hopper_v5=11, Walker2d_v5=17, Humanoid_v5=348),
    *vectors("mujoco", HumanoidStandup_v5=348, InvertedPendulum_v5=4, InvertedDoublePendulum_v5=9, Pusher_v5=23),
    *vectors("mujoco", Reacher_v5=10, Swimmer_v5=8, Hopper_v4=11),
    *refused("have been moved to the gymnasium-robotics project", "", "Ant-v3", "Reacher-v2"),
    Row("Taxi-v3", refused="no environment is called 'Taxi-v3', did you mean Taxi-v4?"),
    Row("LunarLander-v2", refused="no environment is called 'LunarLander-v2', did you mean LunarLander-v3?"),
    Row("NoSuch-v0", refused="write the id of your own environment as my_module:MyEnv-v0"),
    Row("no_such_module:NoSuch-v0", refused="there is no module 'no_such_module'"),
    Row("CartPole-v1", refused="--env-args", args={"no_such_argument": 1}),
    # Atari
    *seen(ATARI, "ale_py", "ALE/Breakout-v5", "ALE/SpaceInvaders-v5", "ALE/MontezumaRevenge-v5", "Pong-v4"),
    *seen(ATARI, "ale_py", "ale_py:ALE/Freeway-v5", "PongNoFrameskip-v4", "ale_py:ALE/Breakout-v5"),
    Row("ALE/Pong-v5", ATARI, module="ale_py"),
    Row("ALE/Pong-v5", "a vector of 128; bytes scaled to 0..1", args={"obs_type": "ram"}, module="ale_py"),
    Row("ALE/Pong-v5", ATARI, args={"continuous": True}, module="ale_py"),
    Row("PongDeterministic-v4", refused="no environment is called 'PongDeterministic-v4'", module="ale_py"),
    # grids
    *seen(CELLS, "minigrid", "MiniGrid-Empty-5x5-v0", "MiniGrid-FourRooms-v0", "MiniGrid-LavaCrossingS9N1-v0"),
    *seen(CELLS, "minigrid", "MiniGrid-MemoryS7-v0", "MiniGrid-KeyCorridorS3R1-v0", "MiniGrid-MultiRoom-N2-S4-v0"),
    *seen(CELLS, "minigrid", "minigrid:MiniGrid-Fetch-5x5-N2-v0", "MiniGrid-Dynamic-Obstacles-5x5-v0"),
    *seen(
        CELLS, "minigrid", "BabyAI-GoToRedBall-v0", "BabyAI-OpenDoor-v0", "BabyAI-PickupLoc-v0", "BabyAI-BossLevel-v0"
    ),
    Row("MiniGrid-DoorKey-5x5-v0", CELLS, module="minigrid", learns=True),
    Row(
        "MinAtar/Breakout-v1",
        "an image 40x40x4 (from 10x10x4, a grid of cells, true as 255)",
        module="minatar",
        learns=True,
    ),
    *seen("an image 40x40x4 (from 10x10x4", "minatar", "MinAtar/Asterix-v1", "MinAtar/Breakout-v0"),
    Row("MinAtar/Freeway-v1", "an image 40x40x7", module="minatar"),
    Row("MinAtar/Seaquest-v1", "an image 40x40x10", module="minatar"),
    Row("MinAtar/SpaceInvaders-v1", "an image 40x40x6", module="minatar"),
    # first-person and other games
    Row("VizdoomBasic-v1", "an image 42x42x3 (from 'screen' 240x320x3) and a vector of 1", module="vizdoom"),
    Row("VizdoomDefendCenter-v1", "(from 'screen' 240x320x3) and a vector of 2", module="vizdoom"),
    Row("VizdoomHealthGathering-v1", "(from 'screen' 240x320x3) and a vector of 1", module="vizdoom"),
    Row("VizdoomMyWayHome-v1", "an image 42x42x3 (from 'screen' 240x320x3)", module="vizdoom"),
    Row("VizdoomTakeCover-v1", "an image 42x42x3 (from 'screen' 240x320x3)", module="vizdoom"),
    Row("VizdoomDeathmatch-v1", refused=NO_ACTIONS, module="vizdoom"),
    Row("VizdoomCorridor-v1", refused="did you mean VizdoomDeadlyCorridor-v1?", module="vizdoom"),
    Row("FlappyBird-v0", "a vector of 180", module="flappy_bird_gymnasium"),
    Row("FlappyBird-v0", "a vector of 12", args={"use_lidar": False}, module="flappy_bird_gymnasium"),
    Row("tetris_gymnasium/Tetris", "'board' 24x18, 0..9 scaled to 0..255) and a vector of", module="tetris_gymnasium"),
    *vectors("gymnasium_2048", **{"gymnasium_2048/TwentyFortyEight_v0": 256}),
    Row("gymnasium_snake_game:Snake-v1", "an image 42x42x3 (from 16x16x3, 0..1", module="gymnasium_snake_game"),
    *seen(
        "an image 42x42x3 (from 84x84x3)", "memory_gym", "memory_gym:MortarMayhem-Grid-v0", "memory_gym:MysteryPath-v0"
    ),
    *seen("an image 42x42x3 (from 84x84x3)", "memory_gym", "memory_gym:SearingSpotlights-v0"),
    # other simulators
    Row("gym_pusht/PushT-v0", "a vector of 5", module="gym_pusht"),
    Row("gym_pusht/PushT-v0", "an image 42x42x3 (from 96x96x3)", args={"obs_type": "pixels"}, module="gym_pusht"),
    *vectors("gym_sailing", **{f"gym_sailing:{name}_v0": 5 for name in ("Sailboat", "SailboatDiscrete", "Motorboat")}),
    *vectors("gymnasium_cartpole_swingup", **{"gymnasium_cartpole_swingup:CartPoleSwingUp_v0": 4}),
    *seen("a vector of 13", "gymnasium_mars_lander", "gymnasium_mars_lander:gymnasium_mars_lander/MarsLander-v1"),
    *seen(
        "a vector of",
        "popgym",
        "popgym-RepeatPreviousEasy-v0",
        "popgym-CountRecallEasy-v0",
        "popgym-HigherLowerEasy-v0",
    ),
    *seen("a vector of", "popgym", "popgym-MultiarmedBanditEasy-v0", "popgym-VelocityOnlyCartpoleEasy-v0"),
    *seen("a vector of", "popgym", "popgym-BattleshipEasy-v0", "popgym-MineSweeperEasy-v0"),
    # several agents, several rewards, missing arguments, old interfaces
    *refused(NO_ACTIONS, "lbforaging", "lbforaging:Foraging-8x8-2p-1f-v3"),
    *refused(VECTOR_REWARD, "mo_gymnasium", "mo_gymnasium:deep-sea-treasure-v0", "mo_gymnasium:four-room-v0"),
    Row("matrix_mdp:matrix_mdp/MatrixMDP-v0", refused="missing 3 required positional arguments", module="matrix_mdp"),
    Row("GymV21Environment-v0", refused="To use the gym compatibility environments", module="shimmy"),
    # strange ones of our own; test_envs_faults.py has those with a fault in their methods
    strange("picture", "an image 42x42x3 (from 64x64x3)"),
    strange("channels first", "an image 42x42x3 (from 3x64x64, channels first)"),
    strange("four channels", "an image 42x42x4 (from 64x64x4)"),
    strange("float", "an image 42x42x3 (from 64x64x3, 0..1 scaled to 0..255)"),
    strange("grey", "an image 42x42x1 (from 84x84)"),
    strange("stack", "an image 42x42x4 (from 4x84x84, channels first)"),
    strange("bool grid", "an image 36x36x5 (from 9x9x5, a grid of cells, true as 255)"),
    strange("two cameras", "an image 42x42x6 (from 'left' 64x64x3; 'right' 64x64x3)"),
    strange("nested", "an image 42x42x3 (from 'a/0' 64x64x3) and a vector of 5"),
    strange("tiny", "a vector of 9; bytes scaled to 0..1"),
    strange("one number", "a vector of 1"),
    strange("no bounds", "64x64x3 has no bounds, so it is not taken for a picture"),
    strange("choices", "a vector of 7"),
    strange("table of choices", "a vector of 11"),
    strange("bits", "a vector of 6"),
    strange("negative choice", "a vector of 5"),
    strange("text beside", "a vector of 2; left out: 'said' (Text)"),
    *(unusable(sees) for sees in ("text", "graph", "sequence", "one of", "nothing")),
    *(
        Row("odd_spaces:Odd-v0", "a vector of 4", args={"does": does}, learns=does in ("choices", "box"))
        for does in ("one choice", "negative choice", "choices", "bits", "box", "matrix")
    ),
    *(
        Row("odd_spaces:Odd-v0", refused=NO_ACTIONS, args={"does": does})
        for does in ("table of choices", "no bounds", "integers", "dict", "tuple", "text")
    ),
    Row(
        "odd_spaces:Odd-v0",
        refused="making it raised KeyError: 'no such' (odd_spaces.py, line",
        args={"sees": "no such"},
    ),
    Row("strange_import:Any-v0", refused="strange_import cannot be imported: RuntimeError: no licence"),
    Row("strange_env:NotAnEnv-v0", refused="must inherit from the gymnasium.Env class"),
    Row("strange_env:Old-v0", refused="this is the interface of Gym before 0.26"),
]
