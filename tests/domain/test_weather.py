"""domain/weather.py"""

import pytest

from domain.weather import weather_word

WEATHER = [
    "Will it rain in Paris on Friday?",
    "Is RAINING expected in Rome?",
    "A rainy Sunday in Oslo?",
    "Record rainfall in May?",
    "Will it snow in Denver?",
    "Snowing at the parade?",
    "A snowy Christmas?",
    "Snowfall above 10 inches?",
    "Will a hurricane hit Florida?",
    "How many hurricanes in 2026?",
    "A tornado in Kansas?",
    "Tornadoes this May?",
    "Tornados this May?",
    "Named storm before June?",
    "Storms over Texas?",
    "Stormy seas on race day?",
    "Thunderstorm at kick-off?",
    "Thunderstorms at kick-off?",
    "A flood in Venice?",
    "Floods this autumn?",
    "Flooding in Jakarta?",
    "Bad weather delays the launch?",
    "Will the forecast for Sunday hold?",
    "Highest temperature in London?",
    "Above 30 Celsius?",
    "Above 90 Fahrenheit?",
    "A heatwave in July?",
    "A heat wave in July?",
    "Heat waves in July?",
    "A cold wave in January?",
    "A drought in Spain?",
    "Droughts in Spain?",
    "35°C or higher in Madrid?",
    "A typhoon before August?",
    "Cyclones in the Bay of Bengal?",
    "A blizzard in Boston?",
    "A snowstorm in Boston?",
    "Storm-force winds on Monday?",
    "ＲＡＩＮ tomorrow?",
]
OTHER = [
    "",
    "Will Rainbow Six Siege sell 10 million?",
    "Will the Rainbow Coalition endorse?",
    "Rainbow six champions?",
    "Will the brainstorm bring a plan?",
    "Will Ukraine win?",
    "Will the train strike end?",
    "Will Carolina Hurricanes win the cup?",
    "Will the Miami Hurricanes win?",
    "Tulsa Golden Hurricane to win?",
    "Tulsa Golden Hurricanes to win?",
    "Will Melbourne Storm win the final?",
    "Will Seattle Storm win?",
    "St. John's Red Storm by 10?",
    "Will Iowa State Cyclones win?",
    "Will Snow White be the top film?",
    "Will Jon Snow return?",
    "Will Stormy Daniels testify?",
    "Will Rain Man be remade?",
    "Will Purple Rain be staged?",
    "Will the GDP forecast be raised?",
    "Will CPI beat the forecasts?",
    "Will earnings beat forecast?",
    "Will the snowflake emoji trend?",
    "Is the rainforest bill passed?",
]


@pytest.mark.parametrize("question", WEATHER)
def test_g6_questions_about_weather_are_found(question: str) -> None:
    assert weather_word(question) is not None


@pytest.mark.parametrize("question", OTHER)
def test_g6_whole_words_names_and_economics_are_not_weather(question: str) -> None:
    assert weather_word(question) is None


def test_g6_the_word_itself_is_named_in_lower_case() -> None:
    assert weather_word("Will it RAIN or snow?") == "rain"
    assert weather_word("35°C?") == "°"


@pytest.mark.parametrize(
    "label", ["Sports", "NHL", "esports", "nba", "wnba", "NFL", "mlb", "nrl", "ncaa"]
)
@pytest.mark.parametrize("team", ["Hurricanes", "Storm", "Cyclone", "Typhoons", "Blizzard"])
def test_g6_in_sports_teams_may_bear_the_names_of_storms(label: str, team: str) -> None:
    assert weather_word(f"{team} vs. Kings", ["Games", label]) is None
    assert weather_word(f"{team} vs. Kings", ["Politics"]) is not None


def test_g6_a_match_that_may_be_rained_off_is_weather_even_in_sports() -> None:
    assert weather_word("Will rain stop Storm vs. Kings?", ["Sports"]) == "rain"


def test_g6_another_weather_word_beside_economics_still_counts() -> None:
    assert weather_word("Will the forecast of rain move sales?") == "rain"


@pytest.mark.parametrize(
    "word",
    [
        "ppi", "pce", "inflation", "unemployment", "payroll", "payrolls", "job", "jobs", "revenue",
        "eps", "sales", "economist", "economists", "economic", "consensus", "guidance", "rate",
        "growth", "fed", "ecb",
    ],
)  # fmt: skip
def test_g6_a_forecast_of_the_economy_is_not_weather(word: str) -> None:
    assert weather_word(f"Will the {word} beat the forecast?") is None
    assert weather_word(f"Will the x{word}x beat the forecast?") == "forecast"
