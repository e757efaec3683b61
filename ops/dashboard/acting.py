"""Acting: the confirmation before every action, and the action itself."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ops.actions.refusal import Refused
from ops.dashboard.access import csrf_fits
from ops.dashboard.deeds import DEEDS, Deed, Form
from ops.dashboard.desk import Desk
from ops.dashboard.view import View

WHO = "dashboard"
MOST = 16_384  # bytes of a form


class Acting:
    """Two routes for all actions. Nothing is done by GET, and nothing without our own form."""

    def __init__(self, desk: Desk, view: View) -> None:
        self._desk, self._view = desk, view

    async def confirm(self, request: Request) -> Response:
        """Show what an action would do, and the button that does it."""
        deed = DEEDS.get(request.path_params["deed"])
        if deed is None:
            return self._sorry(request, "There is no such action.", 404)
        given = dict(request.query_params)
        try:
            says = await deed.says(self._desk, given)
        except Refused as e:
            return self._sorry(request, str(e), 404 if e.missing else 409)
        return self._view.html(
            "confirm.html",
            request,
            {"deed": deed, "says": says, "given": given, "back": _back(deed, given)},
        )

    async def act(self, request: Request) -> Response:
        """Do it, once, when the form is ours."""
        deed = DEEDS.get(request.path_params["deed"])
        if deed is None:
            return self._sorry(request, "There is no such action.", 404)
        form = {k: v for k, v in (await request.form()).items() if isinstance(v, str)}
        session = request.state.session
        if not csrf_fits(session, request, form.get("csrf", "")):
            return self._sorry(request, "This form is not from here. Open the page again.", 403)
        who = "dashboard-token" if session.bearer else WHO
        try:
            done = await deed.does(self._desk, form, who)
        except Refused as e:
            status = 404 if e.missing else 504 if e.timeout else 409
            return self._sorry(request, f"Not done: {e}", status)
        if not session.bearer:
            self._note(session.nonce, done)
        return RedirectResponse(_back(deed, form), status_code=303)

    def _note(self, nonce: str, text: str) -> None:
        """Keep what was done for the next page of this session; few, since few are signed in."""
        if len(self._desk.notes) > 100:
            self._desk.notes.clear()
        self._desk.notes[nonce] = text

    def _sorry(self, request: Request, text: str, status: int) -> Response:
        return self._view.html("sorry.html", request, {"text": text}, status)


def _back(deed: Deed, form: Form) -> str:
    return deed.back.replace("{id}", quote(form.get("id", ""), safe=""))
