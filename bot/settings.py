"""Settings: name, type, default and description of each, read once from the environment and `.env`.

No other module reads the environment.
"""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import VERSION, SettingsError
from bot.crawler.poller import ScheduledSource, read_cron, read_pages
from bot.crawler.url_policy import RefusedAddressError, host_of
from bot.text_sanitizer import redact_urls

WEBHOOK_SECRET_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")  # Bot API, setWebhook
WEBHOOK_PORTS = frozenset({None, 443, 80, 88, 8443})  # the same
TOKEN_PART = re.compile(r"[0-9]{5,}:[A-Za-z0-9_-]{20,}")
TOKEN_FORM = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
ENV_FILE = ".env"
MIN_SECRET = 4  # characters; shorter texts would redact ordinary words
FREE_PER_SECOND = 30  # "My bot is hitting limits": core.telegram.org/bots/faq


class Settings(BaseSettings):
    """All settings. The descriptions are the rows of the documented table."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8-sig", extra="ignore", frozen=True
    )

    bot_token: SecretStr | None = Field(None, description="the token BotFather gave")
    bot_token_file: Path | None = Field(None, description="a file with the token, instead of `BOT_TOKEN`")
    bot_api_url: str = Field(
        "https://api.telegram.org", description="the Bot API server; `/bot<token>/<method>` is appended"
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite+aiosqlite:///data/kexue.db"), description="where posts and chats are remembered"
    )
    database_password_file: Path | None = Field(
        None, description="a file with the password that the `DATABASE_URL` of a PostgreSQL leaves out"
    )
    database_pooler: Literal["auto", "session", "transaction"] = Field(
        "auto",
        description="how a pooler such as PgBouncer shares connections of PostgreSQL; `auto` detects it",
    )
    dump_dir: Path = Field(Path("dumps"), description="the folder in which dumps land; made if it is missing")
    scan_seconds: float = Field(
        60, gt=0, le=86_400, description="how often the folder is scanned in any case"
    )
    admin_chat_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        (), description="chats that get the operator's notices and commands, separated by commas"
    )
    groups_for: Literal["everyone", "operators"] = Field(
        "everyone", description="who may add the bot to groups and channels; elsewhere it leaves"
    )
    rate_per_second: float = Field(
        30,
        ge=0,
        le=1000,
        description="messages a second, for the whole bot (more than 30: paid broadcasts; 0: no limit)",
    )
    digest_above: int = Field(5, ge=1, description="more new posts than this in one dump come as one digest")
    hold_above: int = Field(
        50, ge=1, description="more new posts than this in one dump wait for an administrator's /release"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="how much is logged")
    log_format: Literal["human", "json"] = Field("human", description="for people or for machines")
    stop_seconds: float = Field(20, ge=0, le=600, description="how long a stop waits for requests in flight")
    lease_seconds: float = Field(
        120, ge=1, le=3600, description="how long a claimed delivery belongs to its process"
    )
    max_in_flight: int = Field(100, ge=1, le=1000, description="requests to Telegram at the same time")
    on_unsure: Literal["resend", "skip"] = Field(
        "resend", description="a try that broke without an answer is repeated once, or never"
    )
    max_age_days: int = Field(14, ge=1, description="a delivery that waited longer is not sent any more")
    keep_days: int = Field(90, ge=1, description="ended deliveries are forgotten after this")
    edit_days: int = Field(2, ge=0, description="announcements younger than this are edited with their post")
    site_file: Path | None = Field(
        None, description="a TOML file with the profile of the blog (none: 科学空间, kexue.fm)"
    )
    series_file: Path | None = Field(None, description="a TOML file that corrects the names of series")
    rich: bool = Field(True, description="send formulas as rich messages where the server and the chat can")
    webhook_url: str | None = Field(
        None,
        description="the public https address to which Telegram brings updates (none: they are asked for)",
    )
    webhook_host: str = Field("0.0.0.0", description="the address the webhook listens on")  # noqa: S104
    webhook_port: int = Field(8081, ge=1, le=65_535, description="the port it listens on")
    webhook_secret: SecretStr | None = Field(
        None, description="what Telegram must say with each update (made of the token if missing)"
    )
    webhook_secret_file: Path | None = Field(None, description="a file with it, instead of `WEBHOOK_SECRET`")
    http_port: int = Field(
        0, ge=0, le=65_535, description="where /healthz, /readyz and /metrics answer (0: nowhere)"
    )
    http_host: str = Field("127.0.0.1", description="the address they answer on")
    web_port: int = Field(0, ge=0, le=65_535, description="where the reading room answers (0: nowhere)")
    web_host: str = Field("127.0.0.1", description="the address it answers on")
    web_url: str | None = Field(
        None, description="its public https address, which also opens it inside Telegram as a Mini App"
    )
    backup_dir: Path | None = Field(None, description="where a copy of an SQLite database is put every night")
    backup_keep: int = Field(7, ge=1, description="how many copies are kept")
    crash_at: str | None = Field(None, description="for tests: where the process kills itself (`place:n`)")
    proxy_url: SecretStr | None = Field(None, description="an HTTP proxy for the Bot API and the blog")
    blog_proxy_url: SecretStr | None = Field(
        None, description="an HTTP proxy for the blog alone, instead of `PROXY_URL`"
    )
    read_seconds: float = Field(
        45, ge=1, le=300, description="how long an answer of the Bot API is waited for"
    )

    feed_url: str | None = Field(
        None, description="the blog's feed, such as `https://kexue.fm/feed`; without it none is asked for"
    )
    feed_cron: str = Field(
        "*/30 * * * *", description="when the feed is asked for: minute hour day month weekday, in UTC"
    )
    pages: str = Field(
        "",
        description="pages of the blog, each with its times: "
        "`https://kexue.fm/ 17 */6 * * *; https://kexue.fm/content.html 23 2 * * *`",
    )
    source_alert_hours: float = Field(
        24, gt=0, description="the administrators hear of a feed or page that has failed for so long"
    )
    user_agent: str = Field(
        f"kexue-bot/{VERSION}", min_length=1, description="how the bot calls itself when it asks the blog"
    )
    fetch_pause_seconds: float = Field(
        4, ge=0, le=600, description="the pause between two requests to the blog"
    )
    fetch_private: bool = Field(
        False,
        description="feeds and pages may lie at addresses that are not public, such as a mirror at home",
    )

    @field_validator("admin_chat_ids", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "bot_token_file",
        "database_password_file",
        "site_file",
        "series_file",
        "webhook_secret_file",
        "backup_dir",
        mode="before",
    )
    @classmethod
    def _named(cls, value: object) -> object:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("webhook_url")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        parts = urlsplit(value.strip())
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.port == 0:
            raise ValueError(
                "write an https address that leads to WEBHOOK_PORT, through a proxy that ends TLS"
            )
        return value.strip()

    @field_validator("proxy_url", "blog_proxy_url")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        try:
            parts = urlsplit(value.get_secret_value().strip())
            valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
            valid = valid and not re.search(r"\s", value.get_secret_value().strip())
        except ValueError:
            valid = False
        if not valid:
            raise ValueError("write the address of an HTTP proxy such as http://proxy:3128")
        return SecretStr(value.get_secret_value().strip())

    @field_validator("bot_api_url")
    @classmethod
    def _http(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError("write an address such as https://api.telegram.org")
        return value.rstrip("/")

    @field_validator("web_url")
    @classmethod
    def _https(cls, value: str | None) -> str | None:
        if not value:
            return None
        parts = urlsplit(value)
        if parts.scheme != "https" or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("Telegram opens https addresses only: write one such as https://bot.example.org")
        return value.rstrip("/")

    @field_validator("feed_url")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None or not value.strip():
            return None
        try:
            host_of(value.strip())
        except RefusedAddressError as reason:
            raise ValueError(f"{reason}: write one such as https://kexue.fm/feed") from None
        return value.strip()

    @field_validator("feed_cron")
    @classmethod
    def _cron(cls, value: str) -> str:
        read_cron(value)
        return value

    @field_validator("pages")
    @classmethod
    def _pages(cls, value: str) -> str:
        for page in read_pages(value):
            cls._address(page.url)
        return value

    @field_validator("user_agent")
    @classmethod
    def _one_header_line(cls, value: str) -> str:
        if not value.isprintable() or not value.isascii():
            raise ValueError("write it in plain ASCII, on one line")
        return value

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
    def proxy(self) -> str | None:
        """Return the address of the proxy with its password."""
        return self.proxy_url.get_secret_value() if self.proxy_url else None

    @property
    def blog_proxy(self) -> str | None:
        """Return the address of the proxy for the blog with its password."""
        return self.blog_proxy_url.get_secret_value() if self.blog_proxy_url else self.proxy

    def secrets(self) -> tuple[str, ...]:
        """Return the secret parts of all settings, for redaction in logs; invalid ones are left out."""
        addresses = [self.proxy, self.blog_proxy, self.database_url.get_secret_value(), self.webhook_url]
        passwords = [_password(address) for address in addresses if address]
        queries = [urlsplit(timed.url).query for timed in self.timetable]
        found = [*passwords, *queries]
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
        address = self.database_url.get_secret_value()
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
        token = self._given_token()
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

    def _given_token(self) -> str:
        return _secret("BOT_TOKEN_FILE", self.bot_token, self.bot_token_file)

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


def _secret(setting: str, given: SecretStr | None, file: Path | None) -> str:
    """Return a secret from its setting or from `file`. Raises SettingsError with the name `setting`."""
    if given is not None and given.get_secret_value().strip():
        return given.get_secret_value().strip()
    if file is None:
        return ""
    try:
        content = file.read_text(encoding="utf-8-sig").strip().strip("\ufeff").strip()
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


def _password(address: str) -> str | None:
    """Return the password in an address; None for one that cannot be parsed."""
    try:
        return urlsplit(address).password
    except ValueError:
        return None


def agree_with_libraries() -> None:
    """Set PTB_TIMEDELTA, so that python-telegram-bot returns durations as timedelta."""
    os.environ.setdefault("PTB_TIMEDELTA", "1")  # noqa: TID251 - the only module that uses the environment


def read_settings(**given: object) -> Settings:
    """Return the settings of the environment, overridden by `given`. Raises SettingsError."""
    try:
        if given.get("_env_file", ENV_FILE) == ENV_FILE and Path(ENV_FILE).exists():
            Path(ENV_FILE).read_text("utf-8-sig")  # the library passes over a folder
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_one_line(error)) from None
    except UnicodeDecodeError:
        raise SettingsError(".env is not UTF-8: save it again in that encoding") from None
    except OSError as error:
        raise SettingsError(
            f".env cannot be read ({error.strerror}): see that it is a file and that this user may read it"
        ) from None


def _one_line(error: ValidationError) -> str:
    """Return every wrong setting with its value, what it must be, and an example; secrets are masked."""
    parts = []
    for wrong in error.errors(include_url=False):
        name = str(wrong["loc"][0]).upper() if wrong["loc"] else ""
        message = str(wrong["msg"]).removeprefix("Value error, ")
        if wrong["type"] != "value_error":
            message = message[0].lower() + message[1:]
        message = _CHOICE.sub("must be", message)
        if name and (form := _form(name, str(wrong["type"]))):
            message = f"write {form}" if wrong["type"] in _PARSING else f"{message}, such as {form}"
        parts.append(f"{name}={_masked(name, wrong['input'])}: {message}" if name else message)
    return "; ".join(parts)


_CHOICE: Final = re.compile(r"^input should be(?: a valid)?")
_PARSING: Final = frozenset({"int_parsing", "float_parsing", "bool_parsing", "int_from_float"})


def _form(name: str, error: str) -> str:
    """Return what a value of a setting looks like; empty where the message of the `error` says it."""
    if name == "ADMIN_CHAT_IDS":
        return "chat numbers, such as 123456789,-1001234567890"
    default = Settings.model_fields[name.lower()].default if name.lower() in Settings.model_fields else None
    match default:
        case bool():
            return "true or false"
        case int() | float():
            return f"a number, such as {default}" if error in _PARSING else str(default)
        case _:
            return ""


_SECRETS: Final = frozenset({"BOT_TOKEN", "WEBHOOK_SECRET", "DATABASE_URL", "PROXY_URL", "BLOG_PROXY_URL"})
_MOST_SHOWN: Final = 80  # characters of a wrong value


def _masked(name: str, value: object) -> str:
    """Return a wrong value as it may be shown: no secret, no password of an address, no token."""
    if name in _SECRETS:
        return "***"
    text = ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
    text = TOKEN_PART.sub("***", redact_urls(text))
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


# Names in an .env that are for Docker Compose and the programs in its containers.
_OTHERS: Final = re.compile(
    r"(?:COMPOSE|DOCKER|POSTGRES|PG|CADDY|PIP|PYTHON)[A-Z0-9_]*|DOMAIN|TZ|LANG|LC_[A-Z]+"
)


def unknown_names() -> tuple[str, ...]:
    """Return the names in `.env` that are no setting, each with the setting that is spelt like it."""
    try:
        given = dotenv_values(ENV_FILE, encoding="utf-8-sig", interpolate=False)
    except (OSError, UnicodeDecodeError):
        return ()
    known = [name.upper() for name in Settings.model_fields]
    found = []
    for name in given:
        if name.upper() not in known and not _OTHERS.fullmatch(name.upper()):
            nearest = get_close_matches(name.upper(), known, n=1, cutoff=0.7)
            found.append(f"{name} ({nearest[0]}?)" if nearest else name)
    return tuple(found)
