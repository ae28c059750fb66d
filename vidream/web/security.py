"""security: who may ask this server for anything: the host it is called by, the page it is asked from, the token."""

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

__all__ = ["Bucket", "Gate", "Guard", "refusal"]

# What anybody may see: the page itself, which says nothing until it has a token.
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


class Bucket:
    """A rate: `take()` is True `per_second` times a second in the long run, and `burst` times at once."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second, self._burst = per_second, burst
        self._left, self._at = burst, time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """The token and what it opens. After one login the page carries a cookie that lives as long as the server."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pass = secrets.token_urlsafe(32)
        # Cookies know no ports; two servers on one machine must not take each other's.
        self._cookie = f"vidream-{secrets.token_hex(4)}"
        self._tries: OrderedDict[str, Bucket] = OrderedDict()

    def opens(self, headers: Headers) -> bool:
        """True where the request may pass: no token is asked for, or its cookie is good."""
        if not self._settings.token:
            return True
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and _same(found.value, self._pass)

    def login(self, headers: Headers, address: str) -> Response:
        """The answer to a login with `Authorization: Bearer TOKEN`: a cookie, 401, or 429 after many wrong ones."""
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self._settings.token:
            if not self._bucket(address).take():
                return refusal(429, "too many wrong tokens; wait a minute")
            if not _same(given, self._settings.token):
                return refusal(401, "that token is wrong; it stands in the address that vidream web printed")
        answer = Response(status_code=204)
        answer.set_cookie(self._cookie, self._pass, httponly=True, samesite="strict", secure=self._settings.secure)
        self._tries.pop(address, None)
        return answer

    def _bucket(self, address: str) -> Bucket:
        bucket = self._tries.setdefault(address, Bucket(0.1, 8))
        self._tries.move_to_end(address)
        while len(self._tries) > ADDRESSES_KEPT:
            self._tries.popitem(last=False)
        return bucket


class Guard:
    """ASGI middleware in front of everything: Host, Origin, token; and the headers that a browser is to obey."""

    def __init__(self, app: ASGIApp, *, settings: Settings, gate: Gate) -> None:
        self._app, self._settings, self._gate = app, settings, gate
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

        trouble = self._trouble(scope)
        if trouble is None:
            await self._app(scope, receive, send_guarded)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await trouble(scope, receive, send_guarded)

    def _trouble(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            return refusal(421, f'asked for as "{host[:80]}"; allow it with: vidream web --allow-host NAME')
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if changes and not self._is_own_page(headers.get("origin", ""), host):
            return refusal(403, "asked from another page; open this server's own")
        path = scope["path"]
        if path not in PUBLIC and not path.startswith("/static/") and not self._gate.opens(headers):
            return refusal(401, "a token is needed; open the address that vidream web printed")
        return None

    def _is_own(self, host: str) -> bool:
        """False for a stranger's name that was made to lead here (DNS rebinding); an address cannot be such a name."""
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
        # Behind a proxy the Host may be another; the names allowed by hand count there as well.
        return rest.lower() == host.lower() or _name(origin) in self._settings.allowed_hosts


def refusal(status: int, words: str) -> JSONResponse:
    """A refused request: {"error": one line}."""
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
