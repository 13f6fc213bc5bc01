# SPDX-License-Identifier: MIT
"""Group 'stubs': microcoapy.pyi is what the module is, and what the examples need.

mypy reads the stub, the examples and tests/stubs/wrong_uses.py; names, constants and arguments of the stub are compared
with those of build/micropython.
"""

import ast
import json
import os
import re
import tempfile

from runner import docs, page, process, setup
from runner.report import Failed

STUB = os.path.join(process.ROOT, "microcoapy.pyi")
FOLDER = os.path.join(process.TESTS, "stubs")
EXAMPLES = os.path.join(process.ROOT, "examples")
WRONG_USES = os.path.join(FOLDER, "wrong_uses.py")
LIMIT = 120
COMPLAINT = re.compile(r"^[^:]+:(\d+): error: .*\[([a-z-]+)\]$", re.M)
EXPECTED = re.compile(r"# error: ([a-z-]+)$")
# Functions of examples have no annotations; all that is inside is checked.
OF_EXAMPLES = ("--strict", "--allow-untyped-defs", "--allow-incomplete-defs", "--allow-untyped-calls")
# Nor do programs that the guide's readers type; what is None at first may be something later there.
OF_DOCS = (*OF_EXAMPLES, "--no-strict-optional", "--disable-error-code", "var-annotated")


# ---- mypy ----------------------------------------------------------------------------------------


def mypy(path, *flags):
    """(exit status, what it says). It finds the stub, MicroPython's modules, and the examples, which import each other."""
    folders = (process.ROOT, os.path.join(FOLDER, "micropython"), os.path.dirname(path), EXAMPLES)
    env = {"MYPYPATH": os.pathsep.join(dict.fromkeys(folders))}
    cache = os.path.join(process.ROOT, "build", "mypy")
    argv = [setup.venv(), "-m", "mypy", "--cache-dir", cache, "--no-error-summary", *flags, path]
    return process.run(argv, LIMIT, env=env)


def accepted(path, *flags):
    status, output = mypy(path, *flags)
    if status != 0:
        raise Failed("mypy: status %s\n%s" % (status, output))


def mypy_accepts_the_stub():
    accepted(STUB, "--strict")


def example_of_docs(name, sources):
    """Beside the other programs of its page, which it may import."""
    with tempfile.TemporaryDirectory() as folder:
        for other, text in sources.items():
            if os.path.dirname(other) == os.path.dirname(name):
                with open(os.path.join(folder, os.path.basename(other)), "w") as file:
                    file.write(text)
        accepted(os.path.join(folder, os.path.basename(name)), *OF_DOCS)


def mypy_rejects_wrong_uses():
    """Every line with a comment '# error: CODE' must be refused with it, no other line."""
    with open(WRONG_USES) as file:
        lines = dict(enumerate(file.read().split("\n"), 1))
    wanted = {(number, EXPECTED.search(line)[1]) for number, line in lines.items() if EXPECTED.search(line)}
    status, output = mypy(WRONG_USES, "--strict")
    found = {(int(number), code) for number, code in COMPLAINT.findall(output)}
    wrong = ["not refused with %s: %s" % (code, lines[number].strip()) for number, code in sorted(wanted - found)]
    wrong += ["refused with %s: %s" % (code, lines[number].strip()) for number, code in sorted(found - wanted)]
    if wrong or status != 1:
        raise Failed("\n".join(wrong) + "\nmypy: status %s\n%s" % (status, re.sub("(?m)^.*: note: .*\n", "", output)))


# ---- what the stub says --------------------------------------------------------------------------

# Of what a type does by itself MicroPython's dir() knows only this one name.
SLOTS = {"__await__": "__next__", "__init__": None, "__iter__": None, "__call__": None, "__getattr__": None}


def is_property(node):
    return any(isinstance(decorator, ast.Name) and decorator.id == "property" for decorator in node.decorator_list)


def is_setter(node):
    return any(isinstance(decorator, ast.Attribute) and decorator.attr == "setter" for decorator in node.decorator_list)


class Stub:
    """Classes and functions of the stub, taken apart."""

    def __init__(self):
        with open(STUB) as file:
            module = ast.parse(file.read())
        self.classes = {}  # name, with those around it: its node
        self.aliases = {}
        self.names = {}  # class, or "" for the module: {name: (value, writable)}
        self._class("", module)
        for name, other in self.aliases.items():
            self.names[name] = self.names[other]

    def _class(self, prefix, node):
        self.classes[prefix] = node
        found = self.names[prefix] = {}
        for base in getattr(node, "bases", ()):
            base = base.value if isinstance(base, ast.Subscript) else base
            found.update(self.names.get(base.id, {}))
        for part in node.body:
            for name, value, writable in self._member(prefix, part):
                name = SLOTS.get(name, name)
                if name is not None and (prefix or name == "__version__" or not name.startswith("_")):
                    found[name] = (value, writable if prefix else None)

    def _member(self, prefix, part):
        """(name, value, writable) of what a statement defines."""
        if isinstance(part, ast.ClassDef):
            self._class((prefix + "." if prefix else "") + part.name, part)
            yield part.name, None, False
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            yield part.name, None, is_setter(part)
        elif isinstance(part, ast.AnnAssign):
            is_final = isinstance(part.annotation, ast.Name) and part.annotation.id == "Final"
            yield part.target.id, ast.literal_eval(part.value) if is_final else None, None if is_final else True
        elif isinstance(part, ast.Assign):
            name = part.targets[0].id
            if not prefix and isinstance(part.value, ast.Name) and part.value.id in self.classes:
                self.aliases[name] = part.value.id
            yield name, None, False

    def public(self):
        """The classes that the module has, and the private ones that stand for what it makes."""
        private = ("_Awaitable", "_Discovery")
        return [name for name in self.names if name and (not name.startswith("_") or name in private)]


def real_names():
    status, output = process.run([setup.interpreter(), os.path.join(FOLDER, "names.py")], LIMIT)
    if status != 0:
        raise Failed(output)
    return {name: {key: tuple(value) for key, value in found.items()} for name, found in json.loads(output).items()}


def missing(of, other):
    """What `of` has and `other` has not, or has otherwise."""
    for name, found in of.items():
        for key, (value, writable) in found.items():
            where = (name + "." if name else "") + key
            if key not in other.get(name, {}):
                yield where
                continue
            other_value, other_writable = other[name][key]
            if value != other_value:
                yield "%s is %s, not %s" % (where, value, other_value)
            # Nothing is known of what belongs to a class without instances.
            if writable != other_writable and None not in (writable, other_writable):
                yield "%s is %s" % (where, "writable" if writable else "not writable")


def every_name_of_the_module_is_in_the_stub():
    stub = Stub()
    wrong = list(missing(real_names(), stub.names))
    if wrong:
        raise Failed("\n".join(wrong))


def every_name_of_the_stub_is_in_the_module():
    stub = Stub()
    real = real_names()
    wrong = list(missing({name: stub.names[name] for name in ["", *stub.public()]}, real))
    wrong += ["no instance of %s in names.py" % name for name in stub.public() if name not in real]
    if wrong:
        raise Failed("\n".join(wrong))


# ---- arguments -----------------------------------------------------------------------------------


NO_ARGUMENTS = {"only_positional": [], "ordered": [], "required": 0, "only_keywords": [], "open": False}


def keywords_of(stub, annotation):
    """The keywords that **options: Unpack[TypedDict] stands for; None: any."""
    if not isinstance(annotation, ast.Subscript):
        return None
    return [part.target.id for part in stub.classes[annotation.slice.id].body if isinstance(part, ast.AnnAssign)]


def signature(stub, function, method):
    """A function's parameters, in lists of names."""
    arguments = function.args
    ordered = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    required = len(ordered) - len(arguments.defaults)
    bound = 1 if method else 0
    only_keywords, is_open = [argument.arg for argument in arguments.kwonlyargs], False
    if arguments.kwarg:
        more = keywords_of(stub, arguments.kwarg.annotation)
        is_open = more is None
        only_keywords += more or []
    return {
        "only_positional": ordered[bound : len(arguments.posonlyargs)],
        "ordered": ordered[max(bound, len(arguments.posonlyargs)) :],
        "required": required - bound,
        "only_keywords": only_keywords,
        "open": is_open,
    }


def signatures(stub):
    """{"Class.method" or "function": its signatures}; those of a constructor are the class's."""
    found = {}
    for name in ["", *stub.public()]:
        for part in stub.classes[name].body if name in stub.classes else ():
            if not isinstance(part, ast.FunctionDef) or is_property(part) or is_setter(part):
                continue
            if part.name.startswith("__") and part.name != "__init__":
                continue
            static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in part.decorator_list)
            where = name if part.name == "__init__" else (name + "." if name else "") + part.name
            found.setdefault(where, []).append(signature(stub, part, bool(name) and not static))
    return found


def arguments(report, options):
    """One test per function that has arguments; arguments.py prints a line for each."""
    wanted = {name: found for name, found in signatures(Stub()).items() if found != [NO_ARGUMENTS]}
    chosen = options.chosen("arguments/" + name for name in wanted)
    if not chosen:
        return
    # Not by command line: MicroPython's unix port ends on an argument of more than 255 bytes.
    with tempfile.NamedTemporaryFile("w") as file:
        json.dump(wanted, file)
        file.flush()
        status, output = process.run([setup.interpreter(), os.path.join(FOLDER, "arguments.py"), file.name], LIMIT)
    told = {}
    for line in output.split("\n"):
        if line.startswith("["):
            name, *wrong = json.loads(line)
            told[name] = wrong
    for test in chosen:
        wrong = told.get(test.partition("/")[2])
        if wrong == []:
            report.ok("stubs/" + test)
        else:
            report.fail("stubs/" + test, "\n".join(wrong) if wrong else "status %s\n%s" % (status, output))


# ---- the group -----------------------------------------------------------------------------------


def tests():
    found = {
        function.__name__: function
        for function in (
            mypy_rejects_wrong_uses,
            every_name_of_the_module_is_in_the_stub,
            every_name_of_the_stub_is_in_the_module,
        )
    }
    for name in sorted(os.listdir(EXAMPLES)):
        if name.endswith(".py"):
            path = os.path.join(EXAMPLES, name)
            found["examples/" + name[:-3]] = lambda path=path: accepted(path, *OF_EXAMPLES)
    return found


def tests_of_docs(report):
    try:
        sources = dict(docs.sources())
    except (OSError, page.Wrong) as error:
        report.fail("stubs/docs", str(error))
        return {}
    return {name.removesuffix(".py"): lambda name=name: example_of_docs(name, sources) for name in sources}


def run(report, options):
    # First, as it fills the cache of the others.
    for name in options.chosen([mypy_accepts_the_stub.__name__]):
        report.test("stubs/" + name, mypy_accepts_the_stub)
    found = {**tests(), **tests_of_docs(report)}
    options.parallel([lambda name=name: report.test("stubs/" + name, found[name]) for name in options.chosen(found)])
    arguments(report, options)
