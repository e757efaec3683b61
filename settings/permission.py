"""Whether this process may trade at all: real money moves only when a person said so."""

from __future__ import annotations

from domain.market import Mode
from settings.errors import SettingsError
from settings.model import Settings


def refusals(settings: Settings) -> list[str]:
    """Return what forbids trading with these settings; nothing forbids play money.

    Asked by those who trade (worker, ingest, up, live). The dashboard and the commands are
    given no wallet, and still must show live trades.
    """
    if settings.mode is not Mode.LIVE:
        return []
    found = []
    if not settings.wallet.private_key.get_secret_value() and not settings.wallet.keystore:
        found.append(
            "wallet.private_key must be set in live mode (TOUCHLINE_WALLET__PRIVATE_KEY),"
            " or wallet.keystore"
        )
    if not settings.live_confirmed:
        found.append(
            "live_confirmed must be true to trade with real money, was false: run"
            " ./touchline live, which examines everything (as ./touchline doctor) and asks you"
        )
    return found


def require_permission(settings: Settings) -> None:
    """Refuse to trade with real money that nobody confirmed.

    Raises:
        SettingsError: with every reason.
    """
    if problems := refusals(settings):
        raise SettingsError(problems)
