"""Calls componentize-py through its Python interface: ``componentize.py WIT WORLD MODULE OUTPUT FOLDER...``.

Its command line would add the packages of the environment that it runs in, which are our tools, to what the app can
import.
"""

import sys

import componentize_py


def main(wit: str, world: str, module: str, output: str, *folders: str) -> None:
    """Folders become the guest's /0, /1, ... in this order."""
    componentize_py.componentize(
        wit_path=[wit],
        worlds=[world],
        features=[],
        all_features=False,
        world_module=None,
        python_path=list(folders),
        module_worlds=[],
        app_name=module,
        output_path=output,
        stub_wasi=False,
        import_interface_names=[],
        export_interface_names=[],
        full_names=False,
        intersect_world=None,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
