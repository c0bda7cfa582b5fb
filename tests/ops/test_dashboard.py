"""The dashboard and the alert rules speak only of metrics, labels and settings that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Metric

from bot.ops import metrics
from bot.ops.metrics import Metrics, make_registry
from bot.settings import Settings
from storage.model import State

FOLDER = Path(metrics.__file__).parent
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
RULES = (FOLDER / "alerts.yaml").read_text("utf-8")
ALERTS = {rule.split("\n", 1)[0]: rule for rule in re.split(r"^ +- alert: ", RULES, flags=re.MULTILINE)[1:]}
QUERIES = {
    **{panel["title"]: " ".join(each["expr"] for each in panel["targets"]) for panel in DASHBOARD["panels"]},
    **{name: rule[rule.index("expr:") : rule.index("labels:")] for name, rule in ALERTS.items()},
}
SUFFIXES = {"counter": ("_total",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}


def registered() -> Iterable[Metric]:
    registry = make_registry()
    Metrics(registry, version="0")
    return registry.collect()


def declared() -> dict[str, set[str]]:
    """The labels of every sample there may be."""
    registry = make_registry()
    ours = Metrics(registry, version="0")
    labels = {metric.describe()[0].name: set(metric._labelnames) for metric in vars(ours).values()}
    samples: dict[str, set[str]] = {}
    for family in registry.collect():
        for suffix in SUFFIXES.get(family.type, ("",)):
            samples[family.name + suffix] = labels.get(family.name, {"version"}) | {"instance", "le"}
    return samples


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_only_what_exists(name: str) -> None:
    samples, query = declared(), QUERIES[name]
    named = re.findall(r"\b((?:kexue|process)_[a-z0-9_]+)(?:\{([^}]*)\})?", query)
    assert named
    for metric, matchers in named:
        assert metric in samples
        assert set(re.findall(r"(\w+)\s*(?:=|!)", matchers)) <= samples[metric]
    grouped = {
        label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")
    }
    assert grouped <= set().union(*(samples[metric] for metric, _ in named))


def test_states_are_those_of_deliveries() -> None:
    named = re.findall(r'state=~?"([^"]+)"', " ".join(QUERIES.values()))
    assert {state for group in named for state in group.split("|")} <= {state.value for state in State}


def test_every_metric_is_shown() -> None:
    shown = " ".join(QUERIES.values())
    ours = {family.name for family in registered() if family.name.startswith("kexue_")}
    assert {name for name in ours if not re.search(rf"\b{name}", shown)} == set()


@pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")
def test_the_alerts_on_backups_fire() -> None:
    rules = Path(__file__).with_name("alerts_test.yaml")
    done = subprocess.run(["promtool", "test", "rules", rules], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert re.search(r"severity: (critical|warning)\}", rule)
    assert re.search(r"summary: \S", rule)
    assert len(rule[rule.index("description:") :].split()) > 12
    for setting in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", rule):
        assert hasattr(Settings, setting.lower())


def test_panels_do_not_overlap() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (place["x"] + right, place["y"] + down)
        for place in places
        for right in range(place["w"])
        for down in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24
