"""Where the venue is and what lets us in, in the words of the venue's room."""

from __future__ import annotations

from settings.model import Settings
from venue.transport import ApiCreds, Hosts


def hosts(settings: Settings) -> Hosts:
    """Return the venue's addresses."""
    venue = settings.venue
    return Hosts(
        clob=venue.clob_url,
        gamma=venue.gamma_url,
        data=venue.data_url,
        relayer=venue.relayer_url,
        site=venue.site_url,
        rpc=venue.rpc_url,
        market_ws=venue.market_ws_url,
        user_ws=venue.user_ws_url,
    )


def api_creds(settings: Settings) -> ApiCreds | None:
    """Return the API credentials that are set, or None: then the wallet's key derives them."""
    venue = settings.venue
    if not (key := venue.api_key.get_secret_value()):
        return None
    secret, passphrase = venue.api_secret, venue.api_passphrase
    return ApiCreds(key, secret.get_secret_value(), passphrase.get_secret_value())
