"""Imports the app and makes sure that it is one.

Follows uvicorn where it can: `module:attr`, dotted attributes, factories found by trying, `__await__` classes.
What is no ASGI 3 app is refused here, at build time, with a word about what it is. Called by `wasgi.build` at
build time and, in reload mode, by `wasgi.start` when an instance starts.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from . import failures
from .report import BuildFailure, Progress, Report
from .settings import Settings

__all__ = ["framework", "load"]

FRAMEWORKS = ("fastapi", "starlette", "litestar", "quart", "django", "falcon", "blacksheep", "sanic", "channels")


def load(settings: Settings, report: Report, progress: Progress) -> Callable[..., Any]:
    """The app, ready to be called with (scope, receive, send). Raises `BuildFailure` for everything else."""
    module = _import(settings, progress)
    found = _attribute(module, settings)
    return _app(found, settings, report, progress)


def framework(app: object) -> str | None:
    """The name of the framework that made `app`, if it is one that we know."""
    for base in type(app).__mro__:
        top = base.__module__.partition(".")[0]
        if top in FRAMEWORKS:
            return top
    return None


def _import(settings: Settings, progress: Progress) -> ModuleType:
    with progress.step(f"importing {settings.module}"), failures.Watch(settings.python_path, progress):
        try:
            return importlib.import_module(settings.module)
        except BuildFailure:
            raise
        except BaseException as error:
            raise failures.of_import(error, settings) from error


def _attribute(module: ModuleType, settings: Settings) -> object:
    found: object = module
    for part in settings.attribute.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise _no_attribute(module, found, part, settings) from None
        except BaseException as error:
            raise failures.of_import(error, settings) from error
    return found


def _no_attribute(module: ModuleType, holder: object, part: str, settings: Settings) -> BuildFailure:
    apps = [name for name, value in vars(module).items() if not name.startswith("_") and looks_like_app(value)]
    near = difflib.get_close_matches(part, [name for name in dir(holder) if not name.startswith("_")], 3)
    makers = [name for name, value in vars(module).items() if _makes_app(name, value, module)]
    if apps:
        hint = "did you mean " + " or ".join(f"`{settings.module}:{name}`" for name in apps[:3]) + "?"
    elif makers:
        hint = f"is `{settings.module}:{makers[0]}` what makes the app? Name it, with `factory = true` (--factory)"
    elif near and holder is module:
        hint = "did you mean " + " or ".join(f"`{settings.module}:{name}`" for name in near) + "?"
    else:
        hint = 'name the app as `module:attribute`; is it defined under `if __name__ == "__main__":`?'
    named = f"module `{settings.module}`" if holder is module else f"`{type(holder).__name__}` in `{settings.app}`"
    return BuildFailure(
        "attribute",
        f"there is no app `{settings.module}:{settings.attribute}`",
        why=f"{named} ({_file(module)}) has no attribute `{part}`",
        hint=hint,
    )


def _file(module: ModuleType) -> str:
    return failures.short(getattr(module, "__file__", None) or module.__name__)


def looks_like_app(value: object) -> bool:
    """Whether a module's value is probably an ASGI app: an instance of a framework, or a callable with ASGI's names."""
    if isinstance(value, (type, ModuleType)):
        return False
    if framework(value) is not None and callable(value):
        names = _required(value)
        return names is None or len(names) == 3
    return callable(value) and _required(value) == ["scope", "receive", "send"]


def _makes_app(name: str, value: object, module: ModuleType) -> bool:
    return (
        inspect.isfunction(value)
        and value.__module__ == module.__name__
        and _required(value) == []
        and "app" in name.lower()
    )


def _required(value: object) -> list[str] | None:
    """Names of the positional parameters that a call must give; `None` if that is unknown, or any number will do."""
    try:
        signature = inspect.signature(value)  # type: ignore[arg-type]
    except Exception:  # annotations run code of the app's
        return None
    names: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            return None
        if (
            parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
            and parameter.default is parameter.empty
        ):
            names.append(parameter.name)
    return names


def _app(found: object, settings: Settings, report: Report, progress: Progress) -> Callable[..., Any]:
    if settings.factory:
        found = _made(found, settings, progress)
    elif isinstance(found, type) and hasattr(found, "__await__"):
        return found
    elif callable(found) and not inspect.iscoroutinefunction(found) and _required(found) == []:
        report.warn(f"`{settings.app}` is a factory; it was called. Say so with `factory = true` (--factory).")
        found = _made(found, settings, progress)
    return _checked(found, settings)


def _made(factory: object, settings: Settings, progress: Progress) -> object:
    if not callable(factory):
        raise BuildFailure(
            "type",
            f"`{settings.app}` is not a factory",
            why=f"it is {_a(factory)} and cannot be called",
            hint="leave `factory` out if it is the app itself",
        )
    if (names := _required(factory)) and len(names) == 3:
        raise BuildFailure(
            "type",
            f"`{settings.app}` is not a factory",
            why=f"it takes ({', '.join(names)}): it is the app itself",
            hint="leave `factory` out",
        )
    with progress.step(f"calling {settings.app}()"), failures.Watch(settings.python_path, progress):
        try:
            made = factory()
        except BaseException as error:
            raise failures.of_import(error, settings, doing=f"the factory `{settings.app}` fails") from error
    if inspect.iscoroutine(made):
        made.close()
        raise BuildFailure(
            "type",
            f"the factory `{settings.app}` is async",
            why="a factory has to return the app, not something to be awaited",
            hint="make it a plain `def`, and do what has to be awaited in the app's lifespan",
        )
    return made


def _checked(found: object, settings: Settings) -> Callable[..., Any]:
    name = f"`{settings.app}`"
    if isinstance(found, ModuleType):
        raise BuildFailure(
            "type", f"{name} is a module, not an app", hint=f"name what is in it: `{found.__name__}:app`"
        )
    if not callable(found):
        raise BuildFailure(
            "type", f"{name} is not an app", why=f"it is {_a(found)} and cannot be called", hint=_instead(settings)
        )
    if wsgi := _wsgi(found):
        raise BuildFailure("type", f"{name} is a WSGI app, not an ASGI app", why=wsgi[0], hint=wsgi[1])
    names = None if isinstance(found, type) else _required(found)
    if isinstance(found, type) or (names is not None and len(names) == 1):
        raise BuildFailure(
            "type",
            f"{name} is not an ASGI 3 app",
            why=_old_style(found, names),
            hint="give the instance: `app = App()`"
            if isinstance(found, type)
            else "make it `async def app(scope, receive, send)`",
        )
    if (names is not None and len(names) > 3) or (names is not None and len(names) < 3 and not _flexible(found)):
        raise BuildFailure(
            "type",
            f"{name} is not an ASGI app",
            why=f"an app is called with (scope, receive, send); this one takes ({', '.join(names)})",
            hint=_instead(settings),
        )
    return found


def _old_style(found: object, names: Sequence[str] | None) -> str:
    if isinstance(found, type):
        return f"it is the class {found.__name__}, whose instances would be ASGI 2's double callable at best"
    return f"it takes ({', '.join(names or ())}): the double callable of ASGI 2, which is not supported"


def _flexible(found: object) -> bool:
    """Whether `found` can be called with three positional arguments, defaults and all."""
    try:
        inspect.signature(found).bind(None, None, None)  # type: ignore[arg-type]
    except Exception:
        return False
    return True


def _wsgi(found: object) -> tuple[str, str] | None:
    for base in type(found).__mro__:
        top = base.__module__.partition(".")[0]
        if top == "flask" and base.__name__ == "Flask":
            return (
                "it is a Flask app",
                "wrap it: `from asgiref.wsgi import WsgiToAsgi; asgi = WsgiToAsgi(app)`, or use Quart",
            )
        if base.__name__ == "WSGIHandler" and top == "django":
            return (
                "it comes from Django's `get_wsgi_application()`",
                "name Django's ASGI app: `project.asgi:application`",
            )
        if top in ("bottle", "pyramid", "falcon") and _required(found) in (
            ["environ", "start_response"],
            ["env", "start_response"],
        ):
            return f"it is a WSGI app of {top}", "use the framework's ASGI app, or wrap it with asgiref's `WsgiToAsgi`"
    names = _required(found)
    if names is not None and len(names) == 2 and names[1] == "start_response":
        return (
            f"it takes ({', '.join(names)})",
            "wrap it: `from asgiref.wsgi import WsgiToAsgi; asgi = WsgiToAsgi(app)`",
        )
    return None


def _a(value: object) -> str:
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} `{name}`"


def _instead(settings: Settings) -> str:
    module = sys.modules.get(settings.module)
    if module is not None:
        apps = [name for name, value in vars(module).items() if not name.startswith("_") and looks_like_app(value)]
        if apps:
            return "did you mean " + " or ".join(f"`{settings.module}:{name}`" for name in apps[:3]) + "?"
    return "an app is `async def app(scope, receive, send)`, or an object of a framework such as `FastAPI()`"
