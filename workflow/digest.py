"""A fingerprint of the nerfkit code behind a stage script, so that an edit reruns the stages that use it.

Snakemake sees a changed script but not a changed module that it imports. The digest follows every
`import nerfkit...` statement, also those inside functions, from the script through the package. Only meaning
counts: comments, docstrings and layout do not enter.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path


def code_digest(script: Path, root: Path) -> str:
    """The fingerprint of all modules of the package `nerfkit` in `root` that a script imports."""
    modules = sorted(modules_behind(script, root))
    texts = "".join(f"{module}\n{ast.dump(parsed(module_path(module, root)))}\n" for module in modules)
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def modules_behind(script: Path, root: Path) -> set[str]:
    """The dotted names of all modules of nerfkit that a script imports, directly or through others."""
    seen: set[str] = set()
    waiting = imports(script, "", root)
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= imports(module_path(module, root), module, root) - seen
    return seen


def module_path(module: str, root: Path) -> Path | None:
    """The file of a dotted module name, or None when the package has no such module."""
    stem = root.joinpath(*module.split("."))
    return next((path for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file without docstrings; the Snakefile asks for a module once per stage."""
    tree = ast.parse(path.read_text(), filename=str(path))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return tree


def imports(path: Path, module: str, root: Path) -> set[str]:
    """The modules of nerfkit that a file imports, and the packages around them, which Python runs as well."""
    names: set[str] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module, path)
            names.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    dotted = [name.split(".") for name in names if name.split(".")[0] == "nerfkit"]
    around = {".".join(parts[: i + 1]) for parts in dotted for i in range(len(parts))}
    return {name for name in around if module_path(name, root)}


def absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The full name behind `from x import` or `from .x import` in a module."""
    if not node.level:
        return node.module or ""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    package = package[: len(package) - node.level + 1]
    return ".".join([*package, *([node.module] if node.module else [])])
