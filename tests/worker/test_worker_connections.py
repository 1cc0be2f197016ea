"""a3c64 connects to no other machine: every connection of a short run goes to this one."""

import re
import subprocess
import sys

from live import ROOT, free_port, need

CONNECTS = re.compile(
    r"(?:connect|sendto|sendmsg)\(.*sa_family=(AF_INET6?),.*?(?:inet_addr\(|inet_pton\(AF_INET6, )\"([^\"]+)\""
)


def test_a_run_connects_only_to_this_machine(stack):
    need("strace")
    trace = stack.folder / "trace"
    settings = stack.environment(total_timesteps=8_000, env_id="CartPole-v1", eval_interval=1, web_port=free_port())
    command = ["train", "--workers", "1", "--run-dir", str(stack.run_dir)]
    followed = ["strace", "-f", "-qq", "-s", "200", "-e", "trace=connect,sendto,sendmsg", "-o", str(trace)]
    done = subprocess.run(
        [*followed, sys.executable, "-m", "a3c64", *command],
        cwd=ROOT,
        env=settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    reached = {address for _, address in CONNECTS.findall(trace.read_text(errors="replace"))}
    assert reached, "ZeroMQ connects over loopback"
    assert reached <= {"127.0.0.1", "::1", "0.0.0.0"}, reached
