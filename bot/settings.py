"""Settings: name, type, default and description of each, read once from the environment and `.env`.

No other module reads the environment.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args
from urllib.parse import parse_qs, quote, unquote, urlsplit

from bot import VERSION, SettingsError
from bot.crawler.schedule import ScheduledSource, read_cron, read_pages
from bot.crawler.url_policy import RefusedAddressError, host_of
from bot.env_file import env_texts, read_text, warnings_of
from bot.text_sanitizer import redact_urls

WEBHOOK_SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Bot API, setWebhook
WEBHOOK_PORTS = frozenset({None, 443, 80, 88, 8443})  # the same
TOKEN_PART = re.compile(r"[0-9]{5,}:[A-Za-z0-9_-]{20,}")
TOKEN_FORM = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
ENV_FILE = ".env"
MIN_SECRET = 4  # characters; shorter texts would redact ordinary words
MAX_INTEGER = 2**31 - 1  # of a column of PostgreSQL
MAX_DAYS = 365_000  # a thousand years; dates before the year 1 do not exist
CHAT_BITS = 52  # Bot API: a chat's number has at most so many significant bits
FREE_PER_SECOND = 30  # "My bot is hitting limits": core.telegram.org/bots/faq

T = TypeVar("T")
N = TypeVar("N", int, float)
Parser = Callable[[str], Any]  # of a value as text; raises ValueError that says what to write

Pooler = Literal["auto", "session", "transaction"]
Members = Literal["everyone", "operators"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
LogFormat = Literal["human", "json"]
OnUnsure = Literal["resend", "skip"]


def _setting(default: T, description: str, parse: Parser, *, secret: bool = False) -> T:
    """Declare a setting; the value of a `secret` one is never shown."""
    metadata = {"description": description, "parse": parse, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


def _optional(description: str, parse: Parser = str, *, secret: bool = False) -> str | None:
    """Declare a text that is None without a value and for a blank one."""

    def parse_given(text: str) -> object:
        return parse(text.strip()) if text.strip() else None

    return _setting(None, description, parse_given, secret=secret)


def _file(description: str) -> Path | None:
    return _setting(None, description, lambda text: Path(text) if text.strip() else None)


def _number(
    kind: type[N],
    default: N,
    description: str,
    *,
    above: int | None = None,
    least: int | None = None,
    most: int = MAX_INTEGER,
) -> N:
    def parse(text: str) -> N:
        try:
            given = float(text)
        except ValueError:
            given = float("nan")
        if not isfinite(given) or kind(given) != given:
            raise ValueError(f"write a number, such as {default}")
        for wrong, words in (
            (above is not None and given <= above, f"greater than {above}"),
            (least is not None and given < least, f"greater than or equal to {least}"),
            (given > most, f"less than or equal to {most}"),
        ):
            if wrong:
                raise ValueError(f"must be {words}, such as {default}")
        return kind(given)

    return _setting(default, description, parse)


def _choice(choices: Any, default: T, description: str) -> T:
    """Declare one of the texts of a Literal type."""
    *others, last = map(repr, get_args(choices))

    def parse(text: str) -> str:
        if text not in get_args(choices):
            raise ValueError(f"must be {', '.join(others)} or {last}")
        return text

    return _setting(default, description, parse)


def _truth(text: str) -> bool:
    match text.strip().lower():
        case "1" | "true" | "t" | "yes" | "y" | "on":
            return True
        case "0" | "false" | "f" | "no" | "n" | "off":
            return False
        case _:
            raise ValueError("write true or false")


def _chats(text: str) -> tuple[int, ...]:
    fix = "write chat numbers, such as 123456789,-1001234567890"
    try:
        chats = tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError(fix) from None
    if any(chat.bit_length() > CHAT_BITS for chat in chats):
        raise ValueError(fix)
    return chats


def _address(fix: str, *schemes: str, base: bool = False) -> Callable[[str], str]:
    """Return a parser of addresses of these schemes; paths are appended to a `base`."""

    def parse(text: str) -> str:
        try:
            parts = urlsplit(text)
            valid = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid or re.search(r"\s", text) or (base and (parts.query or parts.fragment)):
            raise ValueError(fix)
        return text.rstrip("/") if base else text

    return parse


_webhook_address = _address(
    "write an https address that leads to WEBHOOK_PORT, through a proxy that ends TLS", "https", "http"
)
_proxy_address = _address("write the address of an HTTP proxy such as http://proxy:3128", "http", "https")
_server_address = _address("write an address such as https://api.telegram.org", "http", "https", base=True)
_public_address = _address(
    "Telegram opens https addresses only: write one such as https://bot.example.org", "https", base=True
)


def _host(text: str) -> str:
    """Return an address to listen on; a blank one, which sockets take for every address, is refused."""
    if len(text.split()) != 1:
        raise ValueError("write an address such as 127.0.0.1, or 0.0.0.0 for all of this machine")
    return text.strip()


def _folder(text: str) -> Path:
    if not text.strip():
        raise ValueError("write a folder, such as dumps")
    return Path(text)


def _blog_address(text: str) -> str:
    try:
        host_of(text)
    except RefusedAddressError as reason:
        raise ValueError(f"{reason}: write one such as https://kexue.fm/feed") from None
    return text


def _cron(text: str) -> str:
    read_cron(text)
    return text


def _pages(text: str) -> str:
    for page in read_pages(text):
        _blog_address(page.url)
    return text


def _header(text: str) -> str:
    if not text or not text.isprintable() or not text.isascii():
        raise ValueError("write it in plain ASCII, on one line")
    return text


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. The descriptions are the rows of the documented table."""

    bot_token: str | None = _optional("the token BotFather gave", secret=True)
    bot_token_file: Path | None = _file("a file with the token, instead of `BOT_TOKEN`")
    bot_api_url: str = _setting(
        "https://api.telegram.org", "the Bot API server; `/bot<token>/<method>` is appended", _server_address
    )
    database_url: str = _setting(
        "sqlite+aiosqlite:///data/kexue.db", "where posts and chats are remembered", str, secret=True
    )
    database_password_file: Path | None = _file(
        "a file with the password that the `DATABASE_URL` of a PostgreSQL leaves out"
    )
    database_pooler: Pooler = _choice(
        Pooler, "auto", "how a pooler such as PgBouncer shares connections of PostgreSQL; `auto` detects it"
    )
    dump_dir: Path = _setting(Path("dumps"), "the folder in which dumps land; made if it is missing", _folder)
    scan_seconds: float = _number(
        float, 60, "how often the folder is scanned in any case", above=0, most=86400
    )
    admin_chat_ids: tuple[int, ...] = _setting(
        (), "chats that get the operator's notices and commands, separated by commas", _chats
    )
    groups_for: Members = _choice(
        Members, "everyone", "who may add the bot to groups and channels; elsewhere it leaves"
    )
    rate_per_second: float = _number(
        float,
        30,
        "messages a second, for the whole bot (more than 30: paid broadcasts; 0: no limit)",
        least=0,
        most=1000,
    )
    digest_above: int = _number(int, 5, "more new posts than this in one dump come as one digest", least=1)
    hold_above: int = _number(
        int, 50, "more new posts than this in one dump wait for an administrator's /release", least=1
    )
    log_level: LogLevel = _choice(LogLevel, "INFO", "how much is logged")
    log_format: LogFormat = _choice(LogFormat, "human", "for people or for machines")
    stop_seconds: float = _number(
        float, 20, "how long a stop waits for requests in flight", least=0, most=600
    )
    lease_seconds: float = _number(
        float, 120, "how long a claimed delivery belongs to its process", least=1, most=3600
    )
    max_in_flight: int = _number(int, 100, "requests to Telegram at the same time", least=1, most=1000)
    on_unsure: OnUnsure = _choice(
        OnUnsure, "resend", "a try that broke without an answer is repeated once, or never"
    )
    max_age_days: int = _number(
        int, 14, "a delivery that waited longer is not sent any more", least=1, most=MAX_DAYS
    )
    keep_days: int = _number(int, 90, "ended deliveries are forgotten after this", least=1, most=MAX_DAYS)
    edit_days: int = _number(
        int, 2, "announcements younger than this are edited with their post", least=0, most=MAX_DAYS
    )
    site_file: Path | None = _file("a TOML file with the profile of the blog (none: 科学空间, kexue.fm)")
    series_file: Path | None = _file("a TOML file that corrects the names of series")
    rich: bool = _setting(True, "send formulas as rich messages where the server and the chat can", _truth)
    webhook_url: str | None = _optional(
        "the public https address to which Telegram brings updates (none: they are asked for)",
        _webhook_address,
    )
    webhook_host: str = _setting("0.0.0.0", "the address the webhook listens on", _host)  # noqa: S104
    webhook_port: int = _number(int, 8081, "the port it listens on", least=1, most=65535)
    webhook_secret: str | None = _optional(
        "what Telegram must say with each update (made of the token if missing)", secret=True
    )
    webhook_secret_file: Path | None = _file("a file with it, instead of `WEBHOOK_SECRET`")
    http_port: int = _number(
        int, 0, "where /healthz, /readyz and /metrics answer (0: nowhere)", least=0, most=65535
    )
    http_host: str = _setting("127.0.0.1", "the address they answer on", _host)
    web_port: int = _number(int, 0, "where the reading room answers (0: nowhere)", least=0, most=65535)
    web_host: str = _setting("127.0.0.1", "the address it answers on", _host)
    web_url: str | None = _optional(
        "its public https address, which also opens it inside Telegram as a Mini App", _public_address
    )
    backup_dir: Path | None = _file("where a copy of an SQLite database is put every night")
    backup_keep: int = _number(int, 7, "how many copies are kept", least=1)
    crash_at: str | None = _optional("for tests: where the process kills itself (`place:n`)")
    proxy_url: str | None = _optional(
        "an HTTP proxy for the Bot API and the blog", _proxy_address, secret=True
    )
    blog_proxy_url: str | None = _optional(
        "an HTTP proxy for the blog alone, instead of `PROXY_URL`", _proxy_address, secret=True
    )
    read_seconds: float = _number(
        float, 45, "how long an answer of the Bot API is waited for", least=1, most=300
    )
    feed_url: str | None = _optional(
        "the blog's feed, such as `https://kexue.fm/feed`; without it none is asked for", _blog_address
    )
    feed_cron: str = _setting(
        "*/30 * * * *", "when the feed is asked for: minute hour day month weekday, in UTC", _cron
    )
    pages: str = _setting(
        "",
        "pages of the blog, each with its times: "
        "`https://kexue.fm/ 17 */6 * * *; https://kexue.fm/content.html 23 2 * * *`",
        _pages,
    )
    source_alert_hours: float = _number(
        float,
        24,
        "the administrators hear of a feed or page that has failed for so long",
        above=0,
        most=24 * MAX_DAYS,
    )
    user_agent: str = _setting(
        f"kexue-bot/{VERSION}", "how the bot calls itself when it asks the blog", _header
    )
    fetch_pause_seconds: float = _number(
        float, 4, "the pause between two requests to the blog", least=0, most=600
    )
    fetch_private: bool = _setting(
        False, "feeds and pages may lie at addresses that are not public, such as a mirror at home", _truth
    )

    @property
    def timetable(self) -> tuple[ScheduledSource, ...]:
        """Return the crawled addresses with their schedules; empty without FEED_URL and PAGES."""
        feed = (
            (ScheduledSource(url=self.feed_url, cron=self.feed_cron, origin="feed"),) if self.feed_url else ()
        )
        return (*feed, *read_pages(self.pages))

    @property
    def answer_seconds(self) -> float:
        """Return the timeout of a send in seconds; a claim must outlive its request."""
        return min(self.read_seconds, self.lease_seconds / 2)

    @property
    def rate(self) -> float | None:
        """Return the messages per second, or None without a limit."""
        return self.rate_per_second or None

    @property
    def blog_proxy(self) -> str | None:
        """Return the address of the proxy for the blog with its password."""
        return self.blog_proxy_url or self.proxy_url

    def secrets(self) -> tuple[str, ...]:
        """Return the secret parts of all settings, for redaction in logs; invalid ones are left out."""
        addresses = [self.proxy_url, self.blog_proxy, self.database_url, self.webhook_url]
        passwords = [each for address in addresses if address for each in _passwords(address)]
        found = [*passwords, *(urlsplit(timed.url).query for timed in self.timetable)]
        for secret in (self.token, self.webhook_secret_text):
            try:
                found.append(secret())
            except SettingsError:
                continue
        return tuple(dict.fromkeys(text for text in found if text and len(text) >= MIN_SECRET))

    @property
    def paid(self) -> bool:
        """Return whether messages above Telegram's free rate are paid broadcasts."""
        return self.rate_per_second > FREE_PER_SECOND

    def database_address(self) -> str:
        """Return DATABASE_URL with its password and pooler. Raises SettingsError for a bad password file."""
        address = self.database_url
        if address.startswith("sqlite"):
            return address
        if self.database_pooler != "auto":
            address += f"{'&' if '?' in address else '?'}pooler={self.database_pooler}"
        password = _secret("DATABASE_PASSWORD_FILE", None, self.database_password_file)
        if not password:
            return address
        scheme, _, rest = address.partition("://")
        user, at, place = rest.rpartition("@")
        if not at or ":" in user:
            raise SettingsError(
                "DATABASE_PASSWORD_FILE is set, but DATABASE_URL names no user without a password: "
                "write it as postgresql+asyncpg://user@host/name"
            )
        return f"{scheme}://{user}:{quote(password, safe='')}@{place}"

    def token(self) -> str:
        """Return the bot's token. Raises SettingsError if it is missing or malformed."""
        token = _secret("BOT_TOKEN_FILE", self.bot_token, self.bot_token_file)
        if not token:
            raise SettingsError(
                "BOT_TOKEN is missing: put the token that BotFather gave into it, "
                "or the path of a file with it into BOT_TOKEN_FILE"
            )
        if not TOKEN_FORM.fullmatch(token):
            raise SettingsError(
                "BOT_TOKEN does not look like a token (digits, a colon, letters): "
                "copy it again from BotFather"
            )
        return token

    def webhook_secret_text(self) -> str:
        """Return the webhook's secret token, or an empty text if none is set. Raises SettingsError."""
        secret = _secret("WEBHOOK_SECRET_FILE", self.webhook_secret, self.webhook_secret_file)
        if secret and not WEBHOOK_SECRET_FORM.fullmatch(secret):
            raise SettingsError(
                "WEBHOOK_SECRET has other characters than A-Z, a-z, 0-9, _ and -, or more than 256: change it"
            )
        return secret

    def check_webhook(self) -> None:
        """Raise SettingsError for a webhook that Telegram would refuse."""
        if self.webhook_url is None:
            return
        self.webhook_secret_text()
        if urlsplit(self.bot_api_url).hostname != "api.telegram.org":
            return
        parts = urlsplit(self.webhook_url)
        if parts.scheme != "https":
            raise SettingsError(
                "WEBHOOK_URL must begin with https: Telegram sends updates to no other address"
            )
        if parts.port not in WEBHOOK_PORTS:
            raise SettingsError(
                f"WEBHOOK_URL names port {parts.port}: Telegram sends updates to 443, 80, 88 and 8443 only"
            )


def _secret(setting: str, given: str | None, file: Path | None) -> str:
    """Return a secret from its setting or from `file`. Raises SettingsError with the name `setting`."""
    if given is not None and given.strip():
        return given.strip()
    if file is None:
        return ""
    try:
        content = read_text(file).strip().strip("\ufeff").strip()
    except UnicodeDecodeError as error:
        raise SettingsError(f"{setting} is not UTF-8: save it again in that encoding") from error
    except OSError as error:
        raise SettingsError(
            f"{setting} cannot be read ({error.strerror}): "
            "see that it is a file and that this user may read it"
        ) from error
    if not content:
        raise SettingsError(f"{setting} is empty: put the secret into it, or unset {setting}")
    return content


def _passwords(address: str) -> list[str]:
    """Return the passwords in an address, as they are written and as they are meant."""
    try:
        parts = urlsplit(address)
        found = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    except ValueError:  # no address
        return []
    return [*found, *map(unquote, found)]


def agree_with_libraries() -> None:
    """Set PTB_TIMEDELTA, so that python-telegram-bot returns durations as timedelta."""
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # noqa: TID251 - the only module that uses the environment


def read_settings(*, _env_file: str | None = ENV_FILE, **given: Any) -> Settings:
    """Return the settings of the environment and `_env_file`, overridden by `given`. Raises SettingsError."""
    texts = {**env_texts(_env_file), **{name.lower(): text for name, text in os.environ.items()}}  # noqa: TID251
    values: dict[str, Any] = {name: value for name, value in given.items() if value is None}
    texts |= {name: _as_text(value) for name, value in given.items() if value is not None}
    faults = []
    for setting in fields(Settings):
        text = texts.get(setting.name)
        if text is None or setting.name in values:
            continue
        try:
            values[setting.name] = setting.metadata["parse"](text)
        except ValueError as fault:
            shown = "***" if setting.metadata["secret"] else _masked(text)
            faults.append(f"{setting.name.upper()}={shown}: {fault}")
    if faults:
        raise SettingsError("; ".join(faults))
    return Settings(**values)


def _as_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


_MOST_SHOWN: Final = 80  # characters of a wrong value


def _masked(text: str) -> str:
    """Return a wrong value as it may be shown: no password of an address, no token."""
    text = TOKEN_PART.sub("***", redact_urls(text))
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def env_warnings() -> list[str]:
    """Return what in `.env` is no setting, one text each."""
    return warnings_of(ENV_FILE, [setting.name.upper() for setting in fields(Settings)])
