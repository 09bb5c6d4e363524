"""What `make` does by itself; the commands that it calls have tests of their own."""

import shutil
import subprocess
from pathlib import Path

from event_warehouse.settings import PROJECT


def test_clean_keeps_the_files_that_others_have_landed(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "Makefile", tmp_path)
    home = tmp_path / ".warehouse"
    landed = home / "landing" / "customer_events"
    kept = [landed / "theirs.csv", landed / "sample-of-theirs" / "a.csv"]
    removed = [
        home / "postgres" / "PG_VERSION",
        home / ".hidden",
        home / "samples" / "200000-1.json",
        landed / "sample-200000-1" / "a.csv",
        tmp_path / ".venv" / "bin" / "python",
        tmp_path / "dbt_project" / "target" / "manifest.json",
    ]
    for file in (*kept, *removed):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    for _ in range(2):
        subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)

    assert [file.exists() for file in kept] == [True, True]
    assert not any(file.exists() for file in removed)


def test_clean_of_what_was_never_used_is_no_mistake(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "Makefile", tmp_path)

    subprocess.run(["make", "clean"], cwd=tmp_path, check=True, capture_output=True)

    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
