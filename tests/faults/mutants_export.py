"""Mutants of what lets an export be killed anywhere, as tests.faults.mutants lists them."""

from typing import Final

from tests.faults.mutants import Mutant

_KILLED: Final = "tests/faults/test_killed_export.py"
_ANYWHERE: Final = f"{_KILLED}::test_an_export_goes_on_after_every_kill[sqlite-12]"
_AT_A_NAME: Final = f"{_KILLED}::test_an_export_goes_on_wherever_a_file_gets_its_name[sqlite]"
_REFUSALS: Final = "tests/scripts/test_export_refusals.py"
_EXPORT: Final = "projections/export/export.py"
_ROWS: Final = "projections/export/rows.py"
_TARGET: Final = "projections/export/target.py"

_MAKES: Final = "        parts = await _pieces("

MUTANTS_EXPORT: Final = (
    Mutant(
        "say that an export is whole before its pieces are written",
        _EXPORT,
        _MAKES,
        "        with target.writing(COMPLETE) as file:\n"
        "            file.write(b'{\"parts\": []}')\n"
        f"{_MAKES}",
        _AT_A_NAME,
    ),
    Mutant(
        "plan an export anew that is gone on with",
        _EXPORT,
        "        manifest = _begun(source, target, wanted) or _begin(target, planned)\n",
        "        manifest = _begin(target, await manifest_of(source, wanted, now))\n",
        _AT_A_NAME,
    ),
    Mutant(
        "export messages as they are, not as they were at the position",
        _ROWS,
        "    cut = {tuple(row) for row in await sources.models.rows(_CUT_MESSAGES, **bounds)}\n",
        "    cut: set[_Key] = set()\n",
        _AT_A_NAME,
    ),
    Mutant(
        "take what a killed one left behind for somebody else's",
        _TARGET,
        "{each.base_name for each in found if not _UNFINISHED.fullmatch(each.base_name)}",
        "{each.base_name for each in found}",
        _AT_A_NAME,
    ),
    Mutant(
        "a file has its name before all of it is there",
        _TARGET,
        '    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")\n',
        "    unfinished = path\n",
        _AT_A_NAME,
    ),
    Mutant(
        "anybody writes to the folder of an export",
        _TARGET,
        "                stack.enter_context(hold(lock))\n",
        "                lock.touch()\n",
        f"{_REFUSALS}::test_two_do_not_write_to_one_folder[sqlite]",
    ),
)
