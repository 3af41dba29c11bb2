"""The public names of each package, and the trees of errors."""

import builtins
import importlib
import inspect
import pkgutil

import pytest

ROOMS = ("audiences", "templates", "sends", "campaigns")
PACKAGES = sorted(
    [*ROOMS]
    + [
        found.name
        for room in ROOMS
        for found in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}.")
        if found.ispkg
    ]
)
ROOTS = {"audiences": "AudienceError", "templates": "TemplateError", "sends": "SendError", "campaigns": "CampaignError"}


@pytest.mark.parametrize("name", PACKAGES)
def test_the_stated_names_exist_once(name: str):
    package = importlib.import_module(name)
    stated = getattr(package, "__all__", [])
    assert [each for each in stated if not hasattr(package, each)] == []
    assert len(stated) == len(set(stated))


@pytest.mark.parametrize("name", [name for name in PACKAGES if hasattr(importlib.import_module(name), "__all__")])
def test_everything_that_a_package_brings_together_is_stated(name: str):
    package = importlib.import_module(name)
    brought = {
        each
        for each, value in vars(package).items()
        if not each.startswith("_")
        and not inspect.ismodule(value)
        and getattr(value, "__module__", "").startswith(f"{name}.")
    }
    assert brought <= set(package.__all__)


def errors_of(room: str) -> list[type[Exception]]:
    return [
        value
        for module in [importlib.import_module(f"{room}.errors")]
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
    ]


LEAVES = [
    (room, error)
    for room in ROOMS
    for error in errors_of(room)
    if error.__name__ != ROOTS[room] and not error.__subclasses__()
]


@pytest.mark.parametrize("room", ROOMS)
def test_each_room_has_one_root(room: str):
    root = getattr(importlib.import_module(f"{room}.errors"), ROOTS[room])
    assert root.__bases__ == (Exception,)
    assert all(issubclass(error, root) for error in errors_of(room))


@pytest.mark.parametrize(("room", "error"), LEAVES, ids=[f"{room}.{error.__name__}" for room, error in LEAVES])
def test_each_error_is_also_the_builtin_that_it_is(room: str, error: type[Exception]):
    assert [base for base in error.__mro__ if base.__module__ == builtins.__name__ and base not in Exception.__mro__]
    assert error.__doc__


@pytest.mark.parametrize("room", ["audiences", "sends", "campaigns"])
def test_the_tree_at_the_top_names_every_error(room: str):
    tree = importlib.import_module(f"{room}.errors").__doc__ or ""
    drawn = {line.lstrip("│├└─ ").split()[0] for line in tree.splitlines()[2:] if line}
    raised = {error.__name__ for error in errors_of(room) if not error.__name__.startswith("_")}
    assert raised <= drawn
