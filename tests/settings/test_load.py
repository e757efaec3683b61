"""settings/load.py with layers, keys and sense: order of sources and every kind of bad input."""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import Mode
from domain.rules import TradeRules
from domain.trigger import TouchSource
from settings.errors import SettingsError
from settings.keys import leaves
from settings.layers import RESERVED, environment_layer, variable
from settings.load import load_settings, load_with_sources
from settings.model import Settings
from settings.permission import refusals
from settings.profiles import PROFILES

LIVE = ["profile=live", "wallet.private_key=0x01"]


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "touchline.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def load(
    *overrides: str, folder: Path = Path("/nonexistent"), environ: dict[str, str] | None = None
) -> Settings:
    return load_settings(overrides, environ=environ or {}, folder=folder)


def problems(
    *overrides: str, folder: Path = Path("/nonexistent"), environ: dict[str, str] | None = None
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(*overrides, folder=folder, environ=environ)
    return caught.value.problems


def test_without_anything_the_demo_profile_is_loaded() -> None:
    settings = load()
    assert (settings.profile, settings.mode) == ("demo", Mode.PAPER)
    assert settings.trigger.source is TouchSource.QUOTE
    assert settings.entry.max_price == Decimal("0.98")
    assert settings.filters.min_time_to_end == timedelta(seconds=1)
    assert settings.sim.source == "tape" and settings.sim.speed == 30
    assert settings.strategy.outcome_indexes == (0, 1)


def test_each_source_overrides_the_one_before(tmp_path: Path) -> None:
    environ: dict[str, str] = {}
    arguments: list[str] = []

    def cap() -> Decimal:
        return load_settings(arguments, environ, tmp_path).entry.max_price

    arguments.append("profile=paper")
    assert cap() == Decimal("0.95")  # default
    arguments[0] = "profile=demo"
    assert cap() == Decimal("0.98")  # profile
    write(tmp_path, "[entry]\nmax_price = 0.97\n")
    assert cap() == Decimal("0.97")  # file
    environ["TOUCHLINE_ENTRY__MAX_PRICE"] = "0.96"
    assert cap() == Decimal("0.96")  # environment
    arguments.append("entry.max_price=0.94")
    assert cap() == Decimal("0.94")  # --set


def test_a_profile_may_be_chosen_in_the_file_and_in_the_environment(tmp_path: Path) -> None:
    write(tmp_path, 'profile = "paper"\n')
    assert load(folder=tmp_path).sim.source == "mirror"
    assert load(folder=tmp_path, environ={"TOUCHLINE_PROFILE": "demo"}).sim.source == "tape"


def test_the_usual_variables_replace_the_embedded_services() -> None:
    settings = load(environ={"DATABASE_URL": "postgresql://db/x", "TEMPORAL_ADDRESS": "t:7233"})
    assert settings.database_url.get_secret_value() == "postgresql://db/x"
    assert settings.temporal.address == "t:7233"


def test_an_own_variable_wins_over_the_usual_one() -> None:
    environ = {"TEMPORAL_ADDRESS": "a:1", "TOUCHLINE_TEMPORAL__ADDRESS": "b:2"}
    assert load(environ=environ).temporal.address == "b:2"


def test_an_empty_variable_is_no_variable() -> None:
    assert load(environ={"TOUCHLINE_ENTRY__MAX_PRICE": ""}).entry.max_price == Decimal("0.98")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("90", timedelta(seconds=90)),
        ("250ms", timedelta(milliseconds=250)),
        ("1.5s", timedelta(seconds=1.5)),
        ("5m", timedelta(minutes=5)),
        ("6h", timedelta(hours=6)),
        ("7d", timedelta(days=7)),
        ("PT5M", timedelta(minutes=5)),
    ],
)
def test_durations_are_written_as_people_write_them(text: str, wanted: timedelta) -> None:
    assert load(f"exits.min_hold={text}").exits.min_hold == wanted


def test_none_clears_an_optional_value() -> None:
    assert load("exits.trailing=0.02").exits.trailing == Decimal("0.02")
    assert load("exits.trailing=none").exits.trailing is None


def test_lists_are_written_with_commas_or_as_json() -> None:
    assert load("filters.blocked_conditions=0xa, 0xb").filters.blocked_conditions == ("0xa", "0xb")
    assert load('filters.excluded_categories=["A"]').filters.excluded_categories == ("A",)


def test_floats_of_a_file_keep_their_digits(tmp_path: Path) -> None:
    write(tmp_path, "[trigger]\nthreshold = 0.95\n")
    assert str(load(folder=tmp_path).trigger.threshold) == "0.95"


def test_an_unknown_key_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    path = write(tmp_path, "[entry]\nmax_prise = 0.9\n")
    assert problems(folder=tmp_path) == [
        f"entry.max_prise (from {path}): no such setting; did you mean entry.max_price?"
    ]


@pytest.mark.parametrize("text", ["entrie = 1", "[entry.deep]\nkey = 1", "[[entry]]\nx = 1"])
def test_unknown_keys_at_any_depth_are_errors(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    assert len(problems(folder=tmp_path)) == 1


def test_a_misspelt_variable_is_an_error_with_a_suggestion() -> None:
    assert problems(environ={"TOUCHLINE_ENTRY_MAX_PRICE": "0.9"}) == [
        "environment variable TOUCHLINE_ENTRY_MAX_PRICE: no such setting;"
        " did you mean TOUCHLINE_ENTRY__MAX_PRICE?"
    ]


def test_a_wrong_value_names_key_source_value_and_expectation() -> None:
    assert problems(environ={"TOUCHLINE_ENTRY__MAX_PRICE": "cheap"}) == [
        "entry.max_price (from TOUCHLINE_ENTRY__MAX_PRICE): expected a valid decimal, was 'cheap'"
    ]
    assert problems("trigger.threshold=1.2") == [
        "trigger.threshold (from --set): expected less than 1, was '1.2'"
    ]
    assert problems("exits.min_hold=soon") == [
        "exits.min_hold (from --set): expected a duration such as 90s, 5m, 6h or 7d, was 'soon'"
    ]


def test_all_wrong_values_are_told_at_once() -> None:
    assert len(problems("entry.stake=0", "entry.style=wild", "risk.max_positions=-1")) == 3


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
def test_money_is_finite_and_not_negative(value: str) -> None:
    (problem,) = problems(f"risk.max_total={value}")
    assert problem.startswith("risk.max_total")


@pytest.mark.parametrize("text", ["entry = {", "\x00", "[entry]\nmax_price = 1\nmax_price = 2\n"])
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    (problem,) = problems(folder=tmp_path)
    assert problem.startswith(f"settings file {path}: expected TOML")


def test_a_file_that_is_no_text_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "touchline.toml").write_bytes(b"\xff\xfe\x00")
    assert "expected TOML" in problems(folder=tmp_path)[0]


def test_a_named_file_must_exist() -> None:
    (problem,) = problems(environ={"TOUCHLINE_SETTINGS": "/nowhere/x.toml"})
    assert problem == "TOUCHLINE_SETTINGS must name a file, was /nowhere/x.toml: no such file"


def test_an_unknown_profile_is_an_error() -> None:
    (problem,) = problems("profile=papper")
    assert "must be one of demo, paper, live, was 'papper'; did you mean paper?" in problem


def test_set_needs_key_and_value() -> None:
    assert problems("entry.max_price") == ["--set must be key=value, was 'entry.max_price'"]


def test_a_group_is_no_setting(tmp_path: Path) -> None:
    write(tmp_path, "entry = 5\n")
    (problem,) = problems(folder=tmp_path)
    assert "entry" in problem and "is a group of settings" in problem and "entry.stake" in problem


def test_secrets_never_show_themselves() -> None:
    settings = load("wallet.private_key=hunter2")
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    (problem,) = problems("dashboard.port=high", "dashboard.token=hunter2")
    assert "hunter2" not in problem


def test_a_secret_in_a_file_others_can_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, '[wallet]\nprivate_key = "0xsecret"\n', mode=0o644)
    (problem,) = problems(folder=tmp_path)
    assert "only its owner may read it" in problem and f"chmod 600 {path}" in problem
    assert "0xsecret" not in problem
    path.chmod(0o600)
    assert load(folder=tmp_path).wallet.private_key.get_secret_value() == "0xsecret"


@pytest.mark.parametrize("provider", ["market", "heuristic"])
def test_paper_scores_are_refused_with_real_money(provider: str) -> None:
    (problem,) = problems(*LIVE, f"score.provider={provider}")
    assert "score.provider must be http, table, calibrated or none in live mode" in problem


def test_live_needs_its_profile_and_a_key() -> None:
    assert load(*LIVE).mode is Mode.LIVE
    assert any("use --profile live" in text for text in problems("mode=live"))
    assert any("wallet.private_key must be set" in t for t in refusals(load("profile=live")))


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("strategy.watch_score=0.99", "strategy.watch_score must not be above"),
        ("exits.stop=0.995", "exits.stop must be below exits.target"),
        ("score.provider=http", "score.url must be set"),
        ("score.provider=table", "score.table must be set"),
        ("dashboard.host=0.0.0.0", "dashboard.token must be set"),
        ("ingest.shard=2/2", "ingest.shard must be i/n"),
        ("entry.stake=30", "every entry would be refused"),
    ],
)
def test_contradictions_are_told(override: str, text: str) -> None:
    (problem,) = problems(override)
    assert text in problem


def test_equal_rules_have_equal_hashes_and_only_they() -> None:
    first = load("trigger.threshold=0.95").rules_hash
    assert load("trigger.threshold=0.9500", "dashboard.port=9").rules_hash == first
    assert load("trigger.threshold=0.94").rules_hash != first
    assert len(first) == 64


def test_the_rules_of_the_settings_are_the_rules_of_the_domain() -> None:
    assert load("profile=paper").rules == TradeRules()


def test_every_profile_names_existing_settings_and_loads() -> None:
    for name, presets in PROFILES.items():
        assert set(presets) <= set(leaves())
        assert load(*LIVE[1:], f"profile={name}").profile == name


def test_the_source_of_every_value_is_known() -> None:
    _, layer = load_with_sources(["entry.stake=10"], {}, Path("/nonexistent"))
    assert layer["entry.stake"].source == "--set"
    assert layer["entry.max_price"].source == "profile demo"


@given(st.sampled_from(sorted(leaves())))
def test_every_setting_has_a_variable_of_its_own(key: str) -> None:
    assert variable(key) not in RESERVED
    assert list(environment_layer({variable(key): "1"})) == [key]


def test_state_is_a_directory_of_this_machine() -> None:
    assert load().state.is_absolute()
    assert load(environ={"TOUCHLINE_STATE": os.sep + "x"}).state == Path("/x")
