"""Settings → command-line options, so that a setting is defined once: in its pydantic model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_origin

import typer
from pydantic import BaseModel, ValidationError

from zuoci.errors import SettingsError
from zuoci.training.recipe import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

Config = TypeVar("Config", bound=BaseModel)


def with_settings(
    *configs: type[BaseModel], leave_out: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command one option for each field of some settings.

    The command takes them as `**settings`; those that the user did not give are None. Bounds are checked
    where the settings are made, in one place for every way in.
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
    """typer's word for an option that may be given several times is a list."""
    return list[str] if get_origin(annotation) is tuple else annotation


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the user gave."""
    return {name: value for name, value in settings.items() if value is not None}


def make(config: type[Config], settings: dict[str, Any]) -> Config:
    """Makes settings of what the user gave.

    Raises:
        SettingsError: a value is out of bounds.
    """
    try:
        return config.model_validate(given(settings))
    except ValidationError as error:
        raise SettingsError(describe(error)) from None
