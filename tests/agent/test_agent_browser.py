"""ONNX files in a real Chromium: onnxruntime-web gives the actor's actions, and the example page plays CartPole."""

import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import gymnasium as gym
import numpy as np
import pytest
from chromium import chromium
from live import ROOT, until
from onnx_policies import OBSERVATIONS, exported, observed
from selenium.webdriver.common.by import By

from a3c64.api.playing import Policy
from a3c64.envs.actions import family_of
from a3c64.envs.batch import view_of
from a3c64.hyperparameters import Hyperparameters
from a3c64.learning.network import design
from a3c64.learning.parameters import named_views, total_size
from a3c64.policy import onnx_file, policy_file
from a3c64.policy.fitted import fit

PAGE = ROOT / "docs" / "browser"
RUNTIME = PAGE / "onnxruntime-web"
SAME = 50  # steps; later, rounding in the last bit may have changed an action
LOOK_S = 120  # longest wait for a page; the browser compiles 14 MB of WebAssembly first

ACT = """
const [name, shapes, count, done] = arguments;
(async () => {
  const { Policy } = await import("/policy.mjs");
  const policy = await Policy.load(`/${name}.onnx`);
  const inputs = {};
  for (const input of Object.keys(shapes)) {
    inputs[input] = new Float32Array(await (await fetch(`/${name}.${input}`)).arrayBuffer());
  }
  const rows = [];
  for (let k = 0; k < count; k++) {
    const one = Object.entries(inputs).map(([i, all]) => [i, all.slice(k * shapes[i], (k + 1) * shapes[i])]);
    const { action, logits } = await policy.act(Object.fromEntries(one));
    rows.push([...Array.from(action.data, Number), ...logits.data]);
  }
  done(rows);
})().catch((error) => done(String(error)));
"""
BALANCE = """
const [state, count, done] = arguments;
(async () => {
  const { Episode, isOver } = await import("/cartpole.mjs");
  const { Policy } = await import("/policy.mjs");
  const episode = new Episode(await Policy.load("/cartpole.onnx"), state);
  const actions = [];
  while (!isOver(episode.state) && episode.steps < count) actions.push(await episode.step());
  done([actions, episode.state]);
})().catch((error) => done(String(error)));
"""


class Quiet(SimpleHTTPRequestHandler):
    """A web server without a log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the example page, and the address that serves it."""
    if not RUNTIME.is_dir():
        pytest.skip("`make docs/browser/onnxruntime-web` has not fetched ONNX Runtime; it needs npm")
    folder = tmp_path_factory.mktemp("site")
    for file in PAGE.iterdir():
        if file.is_file() and file.suffix != ".onnx":
            shutil.copy(file, folder)
    (folder / RUNTIME.name).symlink_to(RUNTIME)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(site):
    with chromium() as driver:
        driver.set_script_timeout(LOOK_S)
        driver.get(f"{site[1]}/policy.mjs")  # a page of that server, which does nothing
        yield driver


@pytest.mark.parametrize("kind", ["picture", "vector", "lstm", "masked"])
def test_onnxruntime_web_gives_the_actors_actions(site, browser, kind):
    _, fitted = exported(kind, site[0])
    seen = observed(fitted)
    for name, rows in seen.inputs.items():
        (site[0] / f"{kind}.{name}").write_bytes(rows.tobytes())
    sizes = {name: int(rows[0].size) for name, rows in seen.inputs.items()}
    rows = browser.execute_async_script(ACT, kind, sizes, OBSERVATIONS)
    assert isinstance(rows, list), rows
    found = np.array(rows)
    actions = seen.actions.reshape(OBSERVATIONS, -1)
    assert len(np.unique(found[:, 0])) > 1
    np.testing.assert_array_equal(found[:, : actions.shape[1]], actions)
    np.testing.assert_allclose(found[:, actions.shape[1] :], seen.parameters, rtol=1e-4, atol=1e-4)


def balancing():
    """A policy that balances the pole: it pushes to the side to which the pole leans, falls or drifts."""
    settings = Hyperparameters(env_id="CartPole-v1", frame_stack=2)
    with gym.make("CartPole-v1") as env:
        specs = design(view_of(env, settings).shape, family_of(env.action_space), settings).specs
        weights = np.zeros(total_size(specs), np.float32)
        named = dict(named_views(weights, specs))
        named["dense0/kernel"][4:, 0] = 0.01, 0.03, 0.3, 0.08  # of the newest observation
        named["dense1/kernel"][0, 0] = 1.0
        named["hidden/kernel"][0, :2] = 1.0, -1.0
        named["policy/kernel"][:2] = [[-1.0, 1.0], [1.0, -1.0]]
        return fit(policy_file.Policy(specs, weights, 1, settings, None, ""), settings, env)


def test_the_example_page_plays_cartpole_as_gymnasium_does(site, browser):
    fitted = balancing()
    onnx_file.save(site[0] / "cartpole.onnx", fitted)
    with gym.make("CartPole-v1") as env:
        observation, _ = env.reset(seed=1)
        begun = [float(number) for number in env.unwrapped.state]
        policy, state, actions = Policy(fitted), None, []
        for _ in range(SAME):
            action, state = policy.act(observation, state)
            observation, *_ = env.step(action)
            actions.append(int(action))
        found = browser.execute_async_script(BALANCE, begun, SAME)
        assert isinstance(found, list), found
        assert found[0] == actions
        np.testing.assert_allclose(found[1], env.unwrapped.state, rtol=1e-4, atol=1e-4)
    actions, _ = browser.execute_async_script(BALANCE, begun, 500)
    assert len(actions) == 500, "it balances the pole to the end"
    browser.get(site[1])
    said = browser.find_element(By.ID, "said")
    until(lambda: re.fullmatch(r"\d\d+ steps; .*", said.text), LOOK_S, "steps of the page")
