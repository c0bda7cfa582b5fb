"""How many examples the properties are tried with: few in `make test`, many in `make torture`.

The profile, chosen by `--hypothesis-profile`, says how many where a test says nothing.
"""

from hypothesis import HealthCheck, settings

USUAL, TORTURE = 30, 1000

# What shares the machine with other tests is sometimes slow, and that is no fault of what is tested.
settings.register_profile(
    "usual",
    max_examples=USUAL,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
settings.register_profile("torture", settings.get_profile("usual"), max_examples=TORTURE)
settings.load_profile("usual")


def examples(usual: int, **more: int) -> settings:
    """For a property of which another number is usual; in `make torture` it grows like the others'."""
    number = round(usual * settings().max_examples / USUAL)
    return settings(max_examples=number, **more)  # type: ignore[arg-type]
