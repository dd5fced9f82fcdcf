"""What docs/fleet.md says of SSH and Slurm, as far as a machine without either tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from docs.running import DOCS, Block, blocks

PAGE: dict[str | None, Block] = {block.file: block for block in blocks(DOCS / "fleet.md") if block.file}


def test_the_script_that_slurm_gets(tmp_path: Path) -> None:
    """By jobqueue.yaml and the call of the page, without an sbatch: what is scheduled are workers that announce their device."""
    (tmp_path / "jobqueue.yaml").write_text(PAGE["jobqueue.yaml"].text)
    script = PAGE["slurm_fleet.py"].text
    assert "cluster.scale(jobs=4)" in script
    for spoken in ("cluster.scale(jobs=4)\n", 'input("Enter ends the fleet")\n'):
        script = script.replace(spoken, "pass\n")
    script = script.replace(
        "print(cluster.scheduler_address)", "print(cluster.scheduler_address, cluster.job_script(), sep='\\n')"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, "DASK_CONFIG": str(tmp_path), "DASK_JOBQUEUE__SLURM__LOCAL_DIRECTORY": str(tmp_path)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    address, *lines = ran.stdout.splitlines()
    assert address.startswith("tcp://")
    for line in (
        "#SBATCH -J profiler", "#SBATCH -p boards", "#SBATCH --cpus-per-task=16", "#SBATCH -t 02:00:00", "#SBATCH --exclusive",
        "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False",
    ):  # fmt: skip
        assert line in lines
    (worker,) = [line.split() for line in lines if "distributed.cli.dask_worker" in line]
    assert worker[worker.index("--nthreads") + 1] == "1"
    assert worker[worker.index("--resources") + 1] == "cpu=1"
    assert address in worker


def test_what_ssh_starts(tmp_path: Path) -> None:
    """The cluster of the page, not begun: one scheduler, and a worker a host that announces its device."""
    script = PAGE["ssh_fleet.py"].text.replace("scheduler_options=", "asynchronous=True, scheduler_options=")
    script = script[: script.index("    print(")].replace('if __name__ == "__main__":', "async def begin():")
    tell = "{'scheduler': cluster.scheduler_spec['options'], 'workers': [w['options'] for w in cluster.worker_spec.values()]}"
    script += f"    import json; print(json.dumps({tell}))\nimport asyncio, os\nasyncio.run(begin())\n"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    made = json.loads(ran.stdout)  # what was never begun is complained of when it is gone, on stderr
    assert [each["address"] for each in made["workers"]] == ["192.168.7.21", "192.168.7.22"]
    assert all(each["kwargs"] == {"nthreads": 1, "memory_limit": 0, "resources": {"cpu": 1}} for each in made["workers"])
    assert made["scheduler"]["address"] == "192.168.7.1"
    assert made["scheduler"]["kwargs"] == {"port": 8786, "dashboard_address": "127.0.0.1:8787"}


def test_the_configuration_of_tls_is_one_of_dasks() -> None:
    import dask
    import distributed  # whose configuration it is

    given = yaml.safe_load(PAGE["distributed.yaml"].text)["distributed"]["comm"]
    known = dask.config.get("distributed.comm")
    assert distributed.config
    assert given["tls"].keys() <= known["tls"].keys()
    assert "require-encryption" in known
    assert {key for each in ("scheduler", "worker", "client") for key in given["tls"][each]} == {"cert", "key"}


@pytest.mark.full
def test_tls_by_the_commands_of_the_page(tmp_path: Path) -> None:
    """Certificates by openssl as the page makes them; with them a fleet is heard, and without them nobody is."""
    from benchmarks.fleet_processes import FleetProcesses
    from profiler.errors import Unavailable
    from profiler.fleet.connect import connected

    (shell,) = [block for block in blocks(DOCS / "fleet.md") if block.language == "sh" and "openssl" in block.text]
    commands = [line for line in shell.text.splitlines() if line.startswith("openssl")]
    subprocess.run(["bash", "-ec", "\n".join(commands)], cwd=tmp_path, check=True, capture_output=True)
    config = PAGE["distributed.yaml"].text
    for name in ("ca.pem", "fleet.pem", "fleet-key.pem"):
        config = config.replace(f" {name}", f" {tmp_path / name}")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "distributed.yaml").write_text(config)
    fleet = FleetProcesses(tmp_path, {"DASK_CONFIG": str(tmp_path / "config")}, scheme="tls")
    code = f"import profiler.fleet.connect as c\nwith c.connected({fleet.address!r}, ['cpu']) as client: print(client.submit(pow, 2, 5).result())"
    try:
        fleet.start_scheduler()
        fleet.start_worker(1)
        fleet.wait_for_workers()
        ran = subprocess.run([sys.executable, "-c", code], env=fleet.environment, capture_output=True, text=True, check=False)
        assert (ran.stdout, ran.returncode) == ("32\n", 0), ran.stderr
        assert "tls://127.0.0.1" in (tmp_path / "board1.log").read_text()
        with pytest.raises(Unavailable, match=r"see distributed\.comm\.tls"), connected(fleet.address):
            pass
        with pytest.raises(Unavailable, match="no scheduler answers"), connected(fleet.address.replace("tls", "tcp")):
            pass
    finally:
        fleet.end()
    assert not fleet.orphans()
