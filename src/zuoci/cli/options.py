"""Command-line options made from pydantic settings, so that a setting is defined in one place only."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin

import typer
from pydantic import BaseModel, ValidationError

from zuoci.errors import SettingsError, describe
from zuoci.text.read_config import ReadConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Config = TypeVar("Config", bound=BaseModel)
# The option of commands that read a text and have no other setting of reading.
Encoding = Annotated[str, typer.Option(help=ReadConfig.model_fields["encoding"].description, show_default=False)]


def with_settings(
    *configs: type[BaseModel], leave_out: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a command with one option for each field of the given settings.

    The command receives them as `**settings`; an option that was not given is None. `make` checks the bounds.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        parameters = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        for config in configs:
            for name, field in config.model_fields.items():
                if name not in leave_out:
                    option = typer.Option(help=field.description, show_default=False)
                    parameters.append(
                        inspect.Parameter(
                            name,
                            inspect.Parameter.KEYWORD_ONLY,
                            default=None,
                            annotation=Annotated[_annotation(field.annotation) | None, option],
                        )
                    )
        command.__signature__ = own.replace(parameters=parameters)  # pyright: ignore[reportFunctionMemberAccess]
        # typer prefers these to the signature, and they are strings here.
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def _annotation(annotation: Any) -> Any:
    """The annotation that typer needs: a list for an option that may be given several times."""
    return list[str] if get_origin(annotation) is tuple else annotation


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given on the command line."""
    return {name: value for name, value in settings.items() if value is not None}


def make(config: type[Config], settings: dict[str, Any]) -> Config:
    """Makes settings from the options that were given.

    Raises:
        SettingsError: a value is out of bounds.
    """
    try:
        return config.model_validate(given(settings))
    except ValidationError as error:
        raise SettingsError(describe(error)) from None
