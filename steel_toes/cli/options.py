"""The options of every command that loads a project: those by which `kedro run` chooses its catalog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import click


class SessionOptions(NamedTuple):
    """What a Kedro session is made with; what is empty, Kedro chooses.

    Attributes:
        runtime_params: the parameters of `--params`.
        env: Kedro's environment.
        conf_source: the folder of the configuration.
    """

    runtime_params: dict[str, Any] | None = None
    env: str | None = None
    conf_source: str | None = None


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a command that loads a project; `session_options` has their values."""
    more: dict[str, Any] = {"expose_value": False, "callback": _remember}
    options = (
        click.option("--conf-source", help="The folder of the configuration.", **more),
        click.option("--env", "-e", help="Kedro's environment.", **more),
        click.option("--params", help="Runtime parameters, such as run=7,months.last=3.", **more),
    )
    for option in options:
        command = option(command)
    return command


def session_options() -> SessionOptions:
    """What the options of the running command say; nothing outside of a command."""
    context = click.get_current_context(silent=True)
    if context is None:
        return SessionOptions()
    return SessionOptions(context.meta["params"], context.meta["env"], context.meta["conf_source"])


def _remember(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    if option.name == "params":
        value = _as_parameters(ctx, value or "")
    ctx.meta[str(option.name)] = value


def _as_parameters(ctx: click.Context, text: str) -> Any:
    """Parameters as `kedro run` reads them, by that command's own option: Kedro has no other public way."""
    from kedro.framework.cli.project import run

    options = {option.name: option for option in run.params}
    return options["params"].process_value(ctx, text)
