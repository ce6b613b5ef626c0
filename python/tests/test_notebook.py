"""The notebook runs from beginning to end and comes to the results that stand in it."""

import pathlib

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = pathlib.Path(__file__).parents[1] / "notebooks" / "quantize_prove_verify.ipynb"


def texts(notebook) -> list[str]:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(output.text for output in cell.outputs if output.get("name") == "stdout") for cell in cells]


# Jupyter's own libraries warn.
@pytest.mark.filterwarnings("default")
def test_the_notebook_runs_and_says_what_it_said(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    before = texts(notebook)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    after = texts(notebook)
    assert len(before) == len(after) and any(before)
    for old, new in zip(before, after, strict=True):
        assert old.splitlines()[:1] == new.splitlines()[:1]
    assert (tmp_path / "ring.wfp").exists()
