"""The demo from start to end, without Prefect; with it, it is the first command of the README, which CI runs."""

import json
import subprocess
from pathlib import Path

from tests.cli.conftest import Recon


def test_it_walks_through_the_sample_and_leaves_nothing_behind(recon: Recon, tmp_path: Path) -> None:
    done = recon("demo", "--executor", "embedded", "-o", "json", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Next: recon up" in done.stderr
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step["step"] for step in steps] == list(range(1, 9))
    assert all(step["curl"].startswith("curl ") for step in steps[1:])
    assert steps[6]["found"] == "managed/user/bjensen"
    assert steps[7]["answer"]["situationSummary"]["CONFIRMED"] == 1
    assert list(tmp_path.iterdir()) == []
    (command,) = [step["curl"] for step in steps if step["step"] == 1]
    folder = command.split("-p ")[1].split()[0]
    left = subprocess.run(["pgrep", "-f", folder], capture_output=True, text=True, check=False)
    assert left.stdout == ""
