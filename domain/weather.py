"""Weather: whole-word detection in market questions (G6), with the traps decided.

Decided cases, each with a test:
- "Rainbow Six", "Rainbow Coalition", "Brainstorm": no whole word matches.
- Plurals of all words count ("thunderstorms").
- Names that contain a weather word are taken out first: "Carolina Hurricanes", "Snow White".
- "storm(s)" and "hurricane(s)" do not count in markets tagged as sports, where they are teams;
  rain and snow still do, as a rained-off match is weather.
- "forecast(s)" does not count beside a word of economics ("GDP forecast").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_WORDS = (
    "rain(s|ing|y|fall|falls|storm|storms)?",
    "snow(s|ing|y|fall|falls|storm|storms)?",
    "hurricanes?",
    "tornado(e?s)?",
    "typhoons?",
    "cyclones?",
    "storms?",
    "stormy",
    "thunderstorms?",
    "blizzards?",
    "floods?",
    "flooding",
    "weather",
    "forecasts?",
    "temperatures?",
    "celsius",
    "fahrenheit",
    "heat ?waves?",
    "cold ?waves?",
    "droughts?",
)
_WEATHER = re.compile(rf"\b({'|'.join(_WORDS)})\b|°")
_TEAMS = re.compile(r"(hurricane|storm|typhoon|cyclone|blizzard)s?")
_FORECAST = re.compile(r"forecasts?")
_ECONOMICS = re.compile(
    r"\b(gdp|cpi|ppi|pce|inflation|unemployment|payrolls?|jobs?|earnings|revenue|eps|sales|"
    r"economists?|economic|consensus|guidance|rate|growth|fed|ecb)\b"
)
_NAMES = re.compile(
    r"\b((carolina|miami) hurricanes|golden hurricanes?|(melbourne|seattle|red) storm|"
    r"iowa state cyclones|snow white|jon snow|stormy daniels|rain man|purple rain|"
    r"rainbow (six|coalition))\b"
)
_SPORTS = frozenset({"sports", "esports", "nhl", "nba", "wnba", "nfl", "mlb", "nrl", "ncaa"})


def weather_word(question: str, labels: Iterable[str] = ()) -> str | None:
    """Return the first weather word of the question, or None; `labels` are category and tags."""
    text = unicodedata.normalize("NFKC", question).casefold()
    text = _NAMES.sub(" ", text)
    sports = not _SPORTS.isdisjoint(label.casefold() for label in labels)
    economics = _ECONOMICS.search(text) is not None
    for match in _WEATHER.finditer(text):
        word = match.group()
        if sports and _TEAMS.fullmatch(word):
            continue
        if economics and _FORECAST.fullmatch(word):
            continue
        return word
    return None
