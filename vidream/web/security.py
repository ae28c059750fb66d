"""Who may send requests: checks of the Host header, the Origin header and the token."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
import time
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vidream.web.limits import Settings, is_loopback

__all__ = ["Guard", "Login", "TokenBucket", "refusal"]

# Served without a token: the page itself, which shows nothing until it has one.
PUBLIC = ("/", "/login", "/static/")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ADDRESSES_KEPT = 1024


class TokenBucket:
    """Limits a rate: `take()` is True `per_second` times a second on average, and `burst` times at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, time.monotonic()

    def take(self) -> bool:
        """Whether one more is allowed now; counts it if so."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Login:
    """Exchanges the token for a cookie, which is valid as long as the server runs."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pass = secrets.token_urlsafe(32)
        # Cookies do not depend on the port; two servers on one machine need different names.
        self._cookie = f"vidream-{secrets.token_hex(4)}"
        self._tries: OrderedDict[str, TokenBucket] = OrderedDict()

    def is_valid(self, headers: Headers) -> bool:
        """Whether a request may pass: no token is needed, or its cookie is valid."""
        if not self._settings.token:
            return True
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self._pass)

    def answer(self, headers: Headers, address: str) -> Response:
        """The answer to `Authorization: Bearer TOKEN`: 204 with a cookie, 401, or 429 after many wrong tokens."""
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self._settings.token:
            if not self._bucket(address).take():
                return refusal(429, "too many wrong tokens; wait a minute")
            if not _same(given, self._settings.token):
                return refusal(401, "that token is wrong; it is in the address that vidream web printed")
        response = Response(status_code=204)
        response.set_cookie(self._cookie, self._pass, httponly=True, samesite="strict", secure=self._settings.secure)
        self._tries.pop(address, None)
        return response

    def _bucket(self, address: str) -> TokenBucket:
        bucket = self._tries.setdefault(address, TokenBucket(0.1, 8))
        self._tries.move_to_end(address)
        while len(self._tries) > ADDRESSES_KEPT:
            self._tries.popitem(last=False)
        return bucket


class Guard:
    """ASGI middleware around everything: checks Host, Origin and token, and adds the browser's security headers.

    Starlette's TrustedHostMiddleware compares names only: it has no rule for "any address", which a server that is
    reached by its address needs, and its answer does not say which option helps.
    """

    def __init__(self, app: ASGIApp, *, settings: Settings, login: Login) -> None:
        self._app, self._settings, self._login = app, settings, login
        self._own_names = _own_names(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refusal(scope)
        if refused is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await refused(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            return refusal(421, f'requested by the name "{host[:80]}"; allow it with: vidream web --allow-host NAME')
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if changes and not self._is_own_page(headers.get("origin", ""), host):
            return refusal(403, "requested by another page; open this server's own")
        path = scope["path"]
        if path not in PUBLIC and not path.startswith("/static/") and not self._login.is_valid(headers):
            return refusal(401, "a token is needed; open the address that vidream web printed")
        return None

    def _is_own(self, host: str) -> bool:
        """False for a foreign name that resolves to this machine (DNS rebinding). Addresses cannot be forged so."""
        name = _name(f"//{host}")
        if name in self._own_names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return not is_loopback(self._settings.host)

    def _is_own_page(self, origin: str, host: str) -> bool:
        scheme, _, rest = origin.partition("://")
        if scheme not in ("http", "https"):
            return False
        # Behind a proxy the Host may differ; the names of --allow-host count as well.
        return rest.lower() == host.lower() or _name(origin) in self._settings.allowed_hosts


def refusal(status: int, words: str) -> JSONResponse:
    """The response to a refused request: {"error": message}."""
    return JSONResponse({"error": words}, status_code=status)


def _own_names(settings: Settings) -> set[str]:
    names = {*LOOPBACK_NAMES, *(name.lower() for name in settings.allowed_hosts)}
    if not is_loopback(settings.host):
        own = socket.gethostname().lower()
        names |= {settings.host.lower(), own, f"{own}.local", socket.getfqdn().lower()}
    return names


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
