#!/usr/bin/env python3
"""Prints every message template that a tree of Python sources logs: templates.py DIR...

One JSON object a line: {"logger", "level", "template", "file", "line"}. A template is the first argument of a call whose name
is one of logging's (also when a module binds it: info = logger.info), given as a literal, as a name bound to a literal
(module constant, class attribute, dict member), or by joining literals. Standard library only."""
import ast, json, os, sys

LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARNING", "warn": "WARNING", "error": "ERROR",
          "exception": "ERROR", "critical": "CRITICAL", "fatal": "CRITICAL"}
WRAPPERS = {"_debug": "DEBUG", "_warn": "WARNING", "_error": "ERROR", "_info": "INFO", "sub_debug": "DEBUG", "sub_warning": "WARNING"}
SKIP = {"tests", "testing", "contrib", "sphinx", "fixups", "__pycache__"}


def text(node, names):
    """The string of a node, or None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        return names.get(node.attr)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text(node.left, names), text(node.right, names)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return text(node.left, names)
    if isinstance(node, ast.Call):
        f = node.func
        if isinstance(f, ast.Attribute) and f.attr in ("strip", "format", "rstrip", "lstrip"):
            got = text(f.value, names)
            return got if got is None or f.attr == "format" else getattr(got, f.attr)()
        if node.args:  # dedent("…"), _("…"), str("…")
            return text(node.args[0], names)
    if isinstance(node, ast.JoinedStr):
        return "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return None


def constants(tree):
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            got = text(node.value, names)
            for target in node.targets:
                if got is not None and isinstance(target, (ast.Name, ast.Attribute)):
                    names[target.id if isinstance(target, ast.Name) else target.attr] = got
    return names


def bound(tree):
    """Names that a module binds to a logger's methods: crit, info = logger.critical, logger.info."""
    names = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = zip(target.elts, node.value.elts) if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) else [(target, node.value)]
            for name, value in pairs:
                if isinstance(name, ast.Name) and isinstance(value, ast.Attribute) and value.attr in LEVELS and isinstance(value.value, ast.Name) and "log" in value.value.id:
                    names[name.id] = LEVELS[value.attr]
    return names


def level(call, methods):
    """The level and the first argument of a call that logs; (None, None) of any other."""
    f, nothing = call.func, (None, None)
    name = f.attr if isinstance(f, ast.Attribute) else f.id if isinstance(f, ast.Name) else ""
    if name in ("log", "_log") and len(call.args) > 1:
        first = call.args[0]
        got = first.attr if isinstance(first, ast.Attribute) else getattr(first, "id", "")
        return (got if got in LEVELS.values() else "*"), call.args[1]
    if name in WRAPPERS and call.args:
        return WRAPPERS[name], call.args[0]
    if not call.args:
        return nothing
    if isinstance(f, ast.Name):
        if name in ("debug", "info", "error"):  # billiard's own functions
            return LEVELS[name], call.args[0]
        return (methods[name], call.args[0]) if name in methods else nothing
    if name not in LEVELS:
        return nothing
    base = f.value  # warnings.warn("…") and parser.error("…") log nothing
    word = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
    made = isinstance(base, ast.Call) and getattr(base.func, "id", "") in ("get_logger", "get_task_logger")
    return (LEVELS[name], call.args[0]) if made or word in ("logger", "_logger", "log", "util", "logging") else nothing


def scan(path, module):
    with open(path, encoding="utf-8") as f:
        try:
            tree = ast.parse(f.read())
        except SyntaxError:
            return
    names = constants(tree)
    logger, methods = module, bound(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "get_logger" and node.value.args:
            logger = text(node.value.args[0], names) or logger
    if module.startswith("billiard"):
        logger = "multiprocessing"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        lv, first = level(node, methods)
        got = text(first, names) if first is not None else None
        if got and got.startswith("%s") and len(node.args) > 1 and isinstance(node.args[1], ast.Name) and text(node.args[1], names):
            got = text(node.args[1], names).rstrip("\n") + got[2:]  # warn('%s (%r)', CONNECTION_RETRY, exc)
        if lv and got:
            yield {"logger": logger, "level": lv, "template": got, "file": module.replace(".", "/") + ".py", "line": node.lineno}
    if module == "celery.app.trace":  # picked by report_internal_error and TraceInfo by exception, not by call
        for name, got in sorted(names.items()):
            if name.startswith("LOG_"):
                yield {"logger": logger, "level": "*", "template": got, "file": "celery/app/trace.py", "line": 0}


def main():
    for top in sys.argv[1:]:
        for folder, inner, files in os.walk(top):
            inner[:] = sorted(d for d in inner if d not in SKIP and not d.startswith(("test", ".")) and not d.endswith(("-info", ".libs")))
            for name in sorted(files):
                if name.endswith(".py"):
                    path = os.path.join(folder, name)
                    module = os.path.relpath(path, top)[:-3].replace(os.sep, ".").removesuffix(".__init__")
                    for found in scan(path, module):
                        print(json.dumps(found))


if __name__ == "__main__":
    main()
