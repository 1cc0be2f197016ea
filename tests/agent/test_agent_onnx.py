"""Policies as ONNX: onnxruntime alone computes the actor's actions, from a file that any runtime can load."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx_policies import OBSERVATIONS, POLICIES, exported, observed, random_policy

import a3c64
from a3c64.envs.making import make_one
from a3c64.hyperparameters import Hyperparameters
from a3c64.policy import onnx_file, policy_file

UNITY = range(7, 16)  # opsets that every release of Unity's Inference Engine takes

# A program of somebody who has only onnxruntime. It is run by a Python that cannot import a3c64.
ALONE = """
import sys
import numpy, onnxruntime

model, observations, answers = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
seen = numpy.load(observations)
memory = [one for one in session.get_inputs() if one.name in ("cell", "hidden")]
state = {one.name: numpy.zeros((1, one.shape[1]), numpy.float32) for one in memory}
names = [one.name for one in session.get_outputs()]
rows = {name: [] for name in names}
for k in range(len(seen[seen.files[0]])):
    found = dict(zip(names, session.run(None, {name: seen[name][k : k + 1] for name in seen.files} | state)))
    state = {name: found["next_" + name] for name in state}
    for name in names:
        rows[name].append(found[name][0])
assert not [name for name in sys.modules if name.startswith("a3c64")]
numpy.savez(answers, **{name: numpy.stack(row) for name, row in rows.items()})
"""


@pytest.mark.parametrize("kind", POLICIES)
def test_onnxruntime_alone_gives_the_actors_actions(kind, tmp_path):
    path, fitted = exported(kind, tmp_path)
    seen = observed(fitted)
    np.savez(tmp_path / "seen.npz", **seen.inputs)
    files = [str(path), str(tmp_path / "seen.npz"), str(tmp_path / "answers.npz")]
    subprocess.run([sys.executable, "-I", "-c", ALONE, *files], check=True, timeout=120)
    found = np.load(tmp_path / "answers.npz")
    assert len(found["action"]) == OBSERVATIONS
    np.testing.assert_allclose(found[seen.raw], seen.parameters, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found["value"][:, 0], seen.values, rtol=1e-4, atol=1e-4)
    if found["action"].dtype == np.int64:
        np.testing.assert_array_equal(found["action"], seen.actions)
        if kind == "masked":
            places = found["action"] - fitted.network.family.starts + np.array([0, 3, 5])
            assert np.take_along_axis(seen.inputs["action_mask"], places, axis=1).all()
        assert len(np.unique(found["action"], axis=0)) > 1
    else:
        np.testing.assert_allclose(found["action"], seen.actions, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", POLICIES)
def test_the_file_is_valid_and_says_what_it_needs(kind, tmp_path):
    path, fitted = exported(kind, tmp_path)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [(one.domain, one.version in UNITY) for one in model.opset_import] == [("", True)]
    assert {tensor.data_location for tensor in model.graph.initializer} == {onnx.TensorProto.DEFAULT}
    facts = json.loads({one.key: one.value for one in model.metadata_props}["a3c64"])
    policy, settings = fitted.policy, fitted.hyperparameters
    assert (facts["format"], facts["env_id"], facts["step"]) == ("1", settings.env_id, policy.step)
    assert (facts["score"], facts["command"]) == (policy.score, policy.command)
    assert facts["observation"]["image"] is None or facts["observation"]["image"]["crop"] == list(settings.crop)
    assert (facts["observation"]["frame_stack"], facts["frameskip"]) == (settings.frame_stack, settings.frameskip)
    inputs = {one.name: [axis.dim_value for axis in one.type.tensor_type.shape.dim][1:] for one in model.graph.input}
    image, vector, memory = facts["observation"]["image"], facts["observation"]["vector"], facts["memory"]
    assert inputs.get("image") == (image and [image[name] for name in ("height", "width", "channels")])
    assert inputs.get("vector") == (vector and [vector["length"]])
    assert facts["action"]["mask"] == ("action_mask" if kind == "masked" else None)
    assert inputs.get("action_mask") == ([fitted.network.family.outputs] if kind == "masked" else None)
    assert inputs.get("cell") == inputs.get("hidden") == (memory and [memory["units"]])
    assert facts["action"]["family"] in ("categorical", "multi_categorical", "gaussian")


def test_the_command_writes_both_kinds_and_refuses_others(stack):
    path, _ = exported("picture", stack.folder)
    policy = stack.folder / "picture.safetensors"
    trusted = ["--policy", str(policy), "--env-id", "tiny_env:TinyImage-v0"]
    done = stack.run("a3c64", "export", str(stack.folder / "again.onnx"), *trusted, run_dir="")
    assert done.returncode == 0, done.stderr
    assert "again.onnx: 0." in done.stdout
    assert onnx.load(stack.folder / "again.onnx").graph == onnx.load(path).graph
    for arguments, said in (
        (["x.onnx", "--policy", str(policy)], "would import tiny_env"),
        (["x.onnx", *trusted[:3], "CartPole-v1"], "this policy was trained on tiny_env:TinyImage-v0"),
        (["x.pt", *trusted], "found x.pt, expected a name that ends in .safetensors or .onnx"),
        (["x", *trusted], "found x, expected a name that ends in .safetensors or .onnx"),
        (["x.safetensors", "--policy", str(path)], "is for other programs"),
    ):
        refused = stack.run("a3c64", "export", *arguments, run_dir="", env_id="")
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1), refused.stderr
        assert said in refused.stderr
    assert not list(Path.cwd().glob("x.*"))


def test_export_and_save_see_that_the_environment_gives_masks(stack):
    settings = Hyperparameters(env_id="Taxi-v4", frame_stack=1)
    with make_one(settings) as env:
        policy = stack.folder / "taxi.safetensors"
        policy_file.save(policy, random_policy(settings, env))
    done = stack.run("a3c64", "export", str(stack.folder / "taxi.onnx"), "--policy", str(policy), run_dir="", env_id="")
    assert done.returncode == 0, done.stderr
    a3c64.load(policy).save(stack.folder / "saved.onnx")
    for name in ("taxi.onnx", "saved.onnx"):
        model = onnx.load(stack.folder / name)
        assert {one.name for one in model.graph.input} == {"vector", "action_mask"}


def test_the_metadata_tells_no_folder_of_this_machine(tmp_path):
    _, fitted = exported("vector", tmp_path)
    arguments = json.dumps({"game": str(tmp_path / "karts")})
    settings = fitted.hyperparameters.model_copy(update={"env_args": arguments})
    policy = fitted.policy._replace(hyperparameters=settings, command=policy_file.command_of(settings))
    told = onnx_file.model_of(fitted._replace(policy=policy, hyperparameters=settings))
    assert bytes(tmp_path) not in told
    assert b'"env_args": {"game": "karts"}' in told


def test_weights_of_another_environment_are_refused_in_one_line(stack):
    exported("vector", stack.folder)
    policy = policy_file.load(stack.folder / "vector.safetensors")
    settings = policy.hyperparameters.model_copy(update={"env_id": "Acrobot-v1"})
    file = policy_file.save(stack.folder / "odd.safetensors", policy._replace(hyperparameters=settings))
    refused = stack.run("a3c64", "export", str(stack.folder / "x.onnx"), "--policy", str(file), run_dir="", env_id="")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "these weights do not fit Acrobot-v1: the environment has a vector of 6" in refused.stderr
    assert not (stack.folder / "x.onnx").exists()
